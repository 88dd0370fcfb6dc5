"""Prose: sentences that tell nothing of a picture, for captions in which few words matter.

Some are whole, some made of a thousand words and of words that do not exist, now and then with a colour, a side or a
size that means nothing: what mini must read past. Captions by another hand are full of words that it has never met;
the more of them it has seen to mean nothing, the less it makes of one more.
"""

import re

import numpy as np

from fibo_core.models.mini.world import world

Seed = np.random.Generator

WHOLE = (
    "Its surface is smooth and shows a gentle gradation of tone from the lit side to the shaded one.",
    "It rests quietly, and nothing touches or overlaps it.",
    "The outline is clear and easy to read even from far away.",
    "Small variations of tone give it weight and volume.",
    "It looks well cared for, without scratches or dust.",
    "The form is simple and instantly recognisable.",
    "A thin highlight follows its upper edge.",
    "The material seems solid, neither transparent nor reflective.",
    "It draws the eye at once and anchors the composition.",
    "There is no text, logo or other marking on it.",
)  # fmt: skip
WORDS = {
    kind: tuple(words.split())
    for kind, words in {
        "noun": """
            accent accuracy afternoon age air angle animal apple arc arch area arm arrangement art artist atmosphere
            attention balance band bark base basket beauty beholder bell bench blanket body book border bottle
            boundary branch bread breath breeze brick bridge brightness brush button calm camera candle canvas car
            carpet carving ceramic chair chance character charm child chimney circle clarity clay cloth coat coin
            comfort composition contour contrast copper cotton couple craft crack creature crest curtain curve dark
            decade deck density depth design detail device dew diagonal diameter dignity dimension direction distance
            dog dome door dot drama dream drop dust ear earth edge effect elegance element emotion emphasis enamel
            energy engraving equipment era expanse expression eye fabric face fall fashion feather feature feeling
            fence figure film finish fire flame floor focus foliage fog fold form foreground fragment frame freshness
            friend fruit fur furniture garden gesture girl glass glaze glimpse glow gradation gradient grain grass
            gravel ground group hair hall hand handle harmony harvest haze height hint history hobby hope horse hour
            idea image impression instant interior iron island jacket jewel joy kind kitchen lacquer ladder lamp
            lantern layer leaf leather lens letter level life lighting line linen loneliness machine man manner map
            marble margin mark market mask mass material meaning memory message metal method mirror mist moment mood
            motif motion movement music mystery narrative nature neck net noise object observer opening order ornament
            outline page paint painter palette panel paper part particle pastel path pattern pause pavement people
            person petal piece pigment pillar place plane plant plaster plate plaza poem point porcelain portion pose
            position presence print proportion purpose puzzle quality quiet rail rain range reach reason reflection
            relation relief repetition rest rhythm ribbon rim river road rock roof room root rope row rust sail scale
            scene season sense setting shade shadow shape sheen shell shelf shoulder side silence silhouette silk
            simplicity situation skill skin sleeve slope smile smoke softness soil solitude song sound space spark
            spectator spot spring stage stain stair statue steam stem step stillness stone story strength stripe
            stroke structure study style subject suggestion summer surface symbol symmetry table tail tale taste
            temperature tension texture theme thread tile timber tint tone tool touch tower toy trace tradition train
            transition trunk truth twig unity valley value vapour variation varnish vase veil velvet vessel vibration
            view viewer vision voice volume walk warmth water wave wax weather weave weight wheel wind window wing
            wire woman wonder wood wool work world wrinkle year youth
        """,
        "quality": """
            abstract abundant active actual adult airy alert ample ancient angular antique artful attentive bare basic
            beautiful blank bold bright brilliant brisk broad brushed calm candid careful casual cautious chalky
            charming cheerful chic clean clear clever coarse cold comfortable common compact complete complex
            confident contemplative continuous cool correct cosy cracked crisp crude curious curly curved damp dark
            deep deliberate delicate dense diagonal diffuse dim direct distinct domestic double dramatic dreamy dry
            dull dusty dynamic early easy elaborate elegant elongated empty energetic enormous entire equal even
            everyday evident exact exotic expressive exquisite faded faint fair faithful familiar famous fantastic
            fine firm flexible floral foggy formal fragile frank free fresh friendly frosted full funny fuzzy generous
            gentle genuine geometric glazed gleaming glossy glowing graceful grainy grand granular graphic handmade
            happy hard harmonious harsh hazy heavy hidden hollow honest horizontal humble humid idle imaginary immense
            inner innocent intact intense intimate intricate irregular jagged joyful juicy kind lacquered late layered
            lean legible light lively lonely loose lovely loyal luminous lush massive matte mature mellow melancholic
            metallic mild minimal modern modest moist muted mysterious naive narrow natural neat neutral nimble noble
            nostalgic novel obvious odd old opaque open orderly ordinary organic ornate outer overall painterly pale
            pastel patient peaceful perfect placid plain playful pleasant polished poetic porous precise pretty
            prominent pure quaint quick quiet radiant random rare raw real recent refined regular relaxed reliable
            remarkable remote restful restrained rich rigid robust romantic rough rounded rural rustic sacred sad
            satin saturated scarce sculptural secret serene serious sharp sheer shiny short shy silent silky simple
            sincere single sleek slender slight slow smooth smoky sober soft solemn solid solitary spacious sparse
            spare spontaneous stable stark static steady stern still stout straight strange strict striking strong
            sturdy subdued subtle sudden superb supple sweet swift symmetrical tactile tall tender tense textured
            thick thin tidy timeless timid tired tranquil transparent true typical unbroken uncommon unforced uneven
            uniform unique unusual upper vague vast velvety vertical vibrant vintage visible vital vivid warm wavy
            weathered weighty wet whole wide wild windy wise wistful wooden woven young
        """,
        "does": """
            absorbs accepts accompanies adds admits affects allows anchors answers approaches attracts balances bends
            blends borders breathes brightens brings builds calms captures carries casts catches changes clarifies
            colours completes conceals connects contains continues contrasts conveys covers creates crosses crowns
            darkens deepens defines describes develops diminishes directs displays divides draws echoes elevates
            embraces emphasises encloses encourages ends enhances enlivens enters evokes exceeds explains expresses
            extends fades feels fills flatters flows follows forms frames gathers gives glides governs grounds guides
            hides highlights hints holds hugs illuminates implies improves includes indicates inspires interrupts
            introduces invites joins keeps lacks leads leaves lends lifts limits lingers links loosens maintains makes
            marks matches measures meets mirrors moves needs notices occupies offers opens opposes orders overlaps
            passes permits points presents preserves produces promises protects provides pulls punctuates quiets
            raises reaches recalls receives reduces reflects relates releases remains repeats requires resists rests
            reveals rises rounds rules seeks separates serves settles shapes shares shelters shows slows softens
            spreads stabilises stays steadies stirs stops strengthens stretches structures suggests supports surprises
            surrounds sustains takes tells tempers tests touches traces turns underlines unites waits wants warms
            welcomes widens
        """,
        "size": "small tiny medium large big",
        "side": "left right top bottom upper lower front middle",
        "how": """
            almost alone already always apparently barely briefly calmly carefully clearly closely constantly deeply
            delicately directly easily equally evenly everywhere exactly faintly fairly firmly freely gently gradually
            hardly here increasingly just lightly loosely mainly merely mostly nearly never nowhere often once only
            partly perhaps playfully plainly precisely probably quietly quite rarely rather really scarcely seldom
            sharply silently simply slightly slowly softly sometimes somewhat soon still strongly subtly suddenly
            tenderly there together truly usually vaguely vertically visibly warmly
        """,
    }.items()
}
FRAMES = (
    "The |quality| |noun| |does| the |noun| and |how| |does| a |noun| of |noun|.",
    "Here the |noun| |does| its |noun|, so that every |noun| stays |quality|.",
    "There is a |quality| |colour| |noun| along the |noun|, |quality| and |quality|.",
    "Its |noun| is |quality|, almost |quality|, with a |quality| |noun| near the |noun|.",
    "No |noun| |does| the |quality| |noun|, which |how| |does| the |noun|.",
    "A |quality| |noun| |does| the |noun|; the |noun| is |how| |quality| against the |colour| |noun|.",
    "It |does| |noun| and |noun|, and it is |how| |quality| where the |noun| |does| the |noun|.",
    "Although the |noun| is |quality|, the |noun| |does| more of the |noun| than one would expect.",
    "One may notice that the |noun| is a little more |quality| than the |noun|, as though it were of |noun|.",
    "Neither |noun| nor |noun| |does| it; |noun|, |noun| and |noun| remain |quality|.",
    "|quality|, |quality|, |how| |quality|, like a |noun| of an earlier |noun|.",
    "This could serve as a |noun| for a |quality| |noun|, or as a study in |noun|.",
    "The |noun| of the |noun|, |quality| but |quality|, |does| what the |noun| of it |does|.",
    "In the |noun| of this |noun| nothing |does| the |noun|.",
    "Its |side| edge is a little more |quality| than the |side| one.",
    "A |noun| runs from the |side| to the |side| of it, |quality| and |quality|.",
    "It is turned |how| to the |side|, so that its |side| |noun| |does| the |noun|.",
    "Upright and square to the |noun|, |how| |quality| at its |side| |noun|.",
    "A |size| |noun| of |noun| |how| |does| the |noun|.",
    "The |noun| has a |quality|, |size| |noun|, and the |noun| |does| it.",
)
#: What stands around words that matter ("~"), where they are not all that a field says.
AROUND = (
    "~, |how| |quality| and without any |noun|", "~, |quality|, so that |noun| and |noun| are |quality|",
    "~ that |does| the |noun|", "~, kept |quality| and free of |noun|", "A |quality| |noun|: ~, seen in its |noun|",
    "The |noun| is ~, which |does| a |quality| |noun| of |noun|", "One sees ~ and its |noun|, |how| |quality|",
    "~ with a |noun| of |quality| |noun|", "The |noun| |how| |does| ~, |quality| in its |noun|", "~",
    "~; the |noun| stays |quality|", "Mostly ~, with |quality| |noun| of |noun|",
)  # fmt: skip
#: How prose begins to tell a scene ("~").
OPENINGS = (
    "A |quality| |noun| presents ~", "This |quality| image shows ~", "In this |how| |quality| |noun| we see ~",
    "The picture |does| the |noun| of ~", "The |noun| of this image is ~", "We look at ~", "~", "~", "~",
)  # fmt: skip
VOWEL_AHEAD = re.compile(r"\b([Aa]) (?=(?!uni)[aeiou]|hour\b|honest\b)")  # where "a" is "an"
LETTERS = tuple("eeeaaaiioouttnnssrrlldmhcgpbfvwyk")


def asides(count: int, rng: Seed) -> str:
    """Sentences that tell nothing of the picture, and must be read past."""
    return " ".join(str(rng.choice(WHOLE)) if rng.random() < 0.3 else prose(rng) for _ in range(count))


def prose(rng: Seed) -> str:
    """A sentence out of many words and words that do not exist, now and then with a colour, a side or a size."""
    return _filled(str(rng.choice(FRAMES)), rng)


def among(words: str, rng: Seed) -> str:
    """``words``, which matter, among others that do not."""
    return _filled(str(rng.choice(AROUND)), rng).replace("~", words)


def opened(words: str, rng: Seed) -> str:
    """``words``, which tell a scene, after a few that introduce them."""
    return _filled(str(rng.choice(OPENINGS)), rng).replace("~", words)


def _filled(frame: str, rng: Seed) -> str:
    """A frame with its gaps filled: by a word of the kind, or by one that does not exist."""

    def word(kind: str) -> str:
        if kind == "colour":
            return str(rng.choice(list(world().colours)))
        if rng.random() < 0.15:
            return "".join(str(letter) for letter in rng.choice(LETTERS, int(rng.integers(3, 9))))
        return WORDS[kind][int(rng.integers(len(WORDS[kind])))]

    parts = frame.split("|")
    text = "".join(word(part) if part in WORDS or part == "colour" else part for part in parts)
    text = VOWEL_AHEAD.sub(r"\1n ", text)
    return text[0].upper() + text[1:]
