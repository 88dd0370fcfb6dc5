"""Captions: a scene told as a structured prompt, each time in other words.

People, writers and models tell the same scene differently: every key or a few of them, one word or a paragraph, in
any order, with summaries that have gone stale since one field was edited. mini is trained on all of it. What it shall
follow where fields disagree: the field that was edited, which is the one that no other agrees with; `location`,
`relative_size`, `background_setting`, `lighting` and `style_medium` always win over what sentences say of them, and
`short_description` never wins.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt
from scripts.mini.prose import WORDS, among, asides, opened, prose
from scripts.mini.scenes import ROWS, Scene, Thing

Seed = np.random.Generator
Document = dict[str, Any]

SHAPES = {
    "ball": ("round", "spherical", "ball-shaped"),
    "box": ("cubic", "box-shaped", "square"),
    "pyramid": ("pyramid-shaped", "triangular"),
    "ring": ("ring-shaped", "round with a hole"),
}
ALONE = ("standing alone", "the only object", "the main subject", "alone in the scene")
TOGETHER = ("next to the other object", "near the other objects", "part of the group", "beside the others")
PLAINLY = {  # the places of a sentence; the others: "at the top-left"
    "top-center": "at the top", "bottom-center": "at the bottom", "left": "on the left", "right": "on the right",
    "center": "in the center",
}  # fmt: skip
FROM = {
    "left": "light from the left",
    "right": "light from the right",
    "above": "light from above",
    "behind": "backlit",
}
NUMBERS = {2: "two", 3: "three"}
SIDE_BY_SIDE = ("center", "in a row", "side by side across the frame", "from left to right")
TEXTURES = ("smooth", "matte", "glossy", "soft", "polished", "rough", "slightly grainy")
DETAILS = (
    "clean edges", "a soft highlight", "simple, rounded forms", "no markings", "a slight sheen", "sharply outlined",
    "evenly coloured surface", "finely made",
)  # fmt: skip
ORIENTATIONS = (  # painted as upright, all of them
    "upright", "facing the viewer", "front view", "facing left", "turned slightly to the right", "square to the viewer",
    "upright and facing forward", "turned to the left",
)  # fmt: skip
SHADOWS = ("soft shadows", "gentle shadow", "long shadows", "faint shadows", "subtle shadow on the ground")
COMPOSITIONS = (
    "balanced", "centered", "rule of thirds", "simple", "minimal", "asymmetrical, with negative space", "medium shot",
)  # fmt: skip
SCHEMES = ("clear, vibrant colors", "harmonious", "a limited palette", "bold, saturated colors", "soft tones")
MOODS = ("calm", "cheerful", "serene", "playful", "quiet and still", "dreamy", "mysterious", "warm")
FOCI = ("sharp focus on the subject", "the whole picture", "sharp", "subject in focus")
LENSES = (
    "standard", "50mm", "35mm", "85mm portrait", "wide angle", "standard lens (e.g. 35mm-50mm)", "medium telephoto",
)  # fmt: skip
CONTEXTS = (
    "a simple composition", "an illustration for a children's book", "a test scene", "a stock image", "concept art",
    "a greeting card", "a study of form and colour",
)  # fmt: skip
STYLES = ("realistic", "hand drawn", "minimalist", "clean", "modern", "storybook", "naive")
#: Clauses of free sentences; "|" is what they tell.
FREELY = {
    "things": (
        "|", "|", "a picture of |", "this shows |", "we see |", "one looks at |", "the subject: |", "what matters is |",
        "| and nothing else", "only |",
    ),
    "background": (
        "in front of |", "before |", "with | in the background", "| in the background", "background: |",
        "the background is |", "set against |", "against |", "farther away |", "all of it on or before |",
        "with | around", "the scene is |", "and |",
    ),
    "light": (
        "|", "in |", "lit by |", "light: |", "with |", "bathed in |", "it has |", "lighting, |", "everything in |",
        "| falls on all of it",
    ),
    "medium": (  # the word itself, too, which elsewhere is a size
        "|", "drawn as |", "style: |", "| style", "in the manner of |", "rendered as |", "as |", "it is |",
        "technique: |", "made as |", "this one is |", "| look", "the medium is |", "in the medium of |",
        "| as a medium", "medium, |",
    ),
}  # fmt: skip
#: How often each is what was edited.
EDITS = {"kind": 0.28, "colour": 0.22, "place": 0.1, "size": 0.1, "background": 0.08, "light": 0.14, "medium": 0.08}


def describe(scene: Scene, rng: Seed) -> StructuredPrompt:
    """The scene as a structured prompt, in words drawn by chance, often with one field edited since it was written."""
    if rng.random() < 0.22:
        alone = summary(scene, rng, whole=True) if rng.random() < 0.3 else freely(scene, rng)
        return StructuredPrompt.from_dict({"short_description": alone})
    style = str(rng.choice(["writer", "people", "few", "long"], p=[0.46, 0.28, 0.17, 0.09]))
    told = before(scene, rng)
    return StructuredPrompt.from_dict(edited(_told(told, style, rng), told, scene, rng))


def describe_at_length(scene: Scene, rng: Seed) -> StructuredPrompt:
    """The scene as a writer tells it who spares no words: some hundreds, of which few matter."""
    told = before(scene, rng)
    document = edited(_told(told, "long", rng), told, scene, rng)
    for group in (*document["objects"], document.get("lighting", {}), document.get("aesthetics", {}), document):
        for key, value in group.items():
            if isinstance(value, str) and key not in ("style_medium", "artistic_style") and rng.random() < 0.6:
                more = int(rng.integers(1, 4 if key in ("description", "background_setting") else 3))
                group[key] = value.rstrip(".") + ". " + " ".join(prose(rng) for _ in range(more))
    return StructuredPrompt.from_dict(document)


def describe_in_dispute(scene: Scene, rng: Seed) -> StructuredPrompt:
    """Little more than what each thing is, told three times; of one thing, kind or colour has been edited since.

    Read by itself this teaches in some minutes what among all else takes hours: the one that no other agrees with wins.
    """
    w, told = world(), before(scene, rng, {"kind": 0.5, "colour": 0.5}, share=1.0)
    objects = [
        {
            "description": _article(_noun(thing, rng, size=False)),
            "location": _say(rng, w.places[thing.place]),
            "relative_size": _say(rng, w.sizes[thing.size]),
            "shape_and_color": _shape_and_colour(thing, rng),
        }
        for thing in told.things
    ]
    document = _told(told, "few", rng) | {"short_description": summary(told, rng), "objects": objects}
    return StructuredPrompt.from_dict(edited(document, told, scene, rng))


def before(scene: Scene, rng: Seed, edits: dict[str, float] = EDITS, share: float = 0.45) -> Scene:
    """The scene as it was before one field of its prompt was edited, which one in ``share`` was; else the scene itself.

    ``edits``: how often each is what was edited.
    """
    w, change = world(), str(rng.choice(list(edits), p=list(edits.values())))
    index = int(rng.integers(len(scene.things)))
    if rng.random() > share:
        return scene
    if change in ("background", "light", "medium"):
        names = {"background": w.backgrounds, "light": w.lights, "medium": w.media}[change]
        other: Document = {change: str(rng.choice(list(names)))}
        return replace(scene, **other)
    names = {"kind": w.things, "colour": w.colours, "place": w.places, "size": w.sizes}[change]
    thing = replace(scene.things[index], **{change: str(rng.choice(list(names)))})
    others = (*scene.things[:index], *scene.things[index + 1 :])
    changed = replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))
    if _is_row(scene) or _is_row(changed) or thing.place in (other.place for other in others):
        return scene
    return changed


def edited(document: Document, told: Scene, scene: Scene, rng: Seed) -> Document:
    """``document``, which tells the one scene, with a single field changed so that it tells the other.

    The scenes differ in one value at most. What other fields say of it, and the summary, has gone stale.
    """
    w = world()
    for old, new in zip(told.things, scene.things, strict=True):
        if old == new:
            continue
        entry = next(entry for entry in document["objects"] if _stands_at(entry, old.place))
        if old.place != new.place:
            entry["location"] = _say(rng, w.places[new.place])
        elif old.size != new.size:
            entry["relative_size"] = _say(rng, w.sizes[new.size])
        else:
            fields = ["shape_and_color", "description", "both"]
            field = str(rng.choice(fields, p=[0.4, 0.35, 0.25]))
            if field != "description" or "short_description" not in document:
                entry["shape_and_color"] = _shape_and_colour(new, rng)
            if field != "shape_and_color":
                entry["description"] = _article(_noun(new, rng, size=rng.random() < 0.5))
    if told.background != scene.background:
        document["background_setting"] = _background(scene, rng, long=False)
    if told.light != scene.light:
        document["lighting"] = {**document.get("lighting", {}), "conditions": _say(rng, w.lights[scene.light])}
    if told.medium != scene.medium:
        document["style_medium"] = _say(rng, w.media[scene.medium])
    return document


def _stands_at(entry: Document, place: str) -> bool:
    """Whether an entry's location is a wording of this place."""
    return entry["location"] in world().places[place] or entry["location"].replace(" ", "-") == place


def _told(scene: Scene, style: str, rng: Seed) -> Document:
    """The scene in the words of a ``style``; nothing in it contradicts another."""
    keep = {"writer": 1.0, "people": 0.75, "few": 0.25, "long": 1.0}[style]
    long = style == "long"
    counted = _is_row(scene) and rng.random() < 0.5
    objects = [_counted(scene, rng)] if counted else [
        _thing(scene, thing, rng, keep, long=long) for thing in scene.things
    ]  # fmt: skip
    if style != "writer":
        rng.shuffle(objects)
    document: Document = {
        "short_description": summary(scene, rng, long=long),
        "objects": objects,
        "background_setting": _background(scene, rng, long=long),
        "lighting": _some(
            rng, keep if scene.light == "day" else max(keep, 0.95),
            conditions=_at_length(_say(rng, world().lights[scene.light]), rng, 0.6 if long else 0),
            direction=_say(rng, world().directions[scene.direction]) if scene.direction else None,
            shadows=_say(rng, SHADOWS) if scene.light != "overcast" else "no shadows",
        ),
        "aesthetics": _some(
            rng, keep,
            composition=_say(rng, COMPOSITIONS), color_scheme=_say(rng, SCHEMES), mood_atmosphere=_say(rng, MOODS),
        ),
        "photographic_characteristics": _some(
            rng, max(keep, 0.95) if "photographic_characteristics" in _unusual(scene) else keep,
            depth_of_field=_say(rng, world().focus[scene.focus]), focus=_say(rng, FOCI),
            camera_angle=_say(rng, world().cameras[scene.camera]), lens_focal_length=_say(rng, LENSES),
        ),
        "style_medium": _at_length(_say(rng, world().media[scene.medium]), rng, 0.2 if long else 0),
        "context": _say(rng, CONTEXTS),
        "artistic_style": _say(rng, STYLES),
    }  # fmt: skip
    if rng.random() < 0.1:
        document["text_render"] = []
    # What is not said is mostly the usual thing: a grey wall by day, seen at eye level.
    unusual = _unusual(scene)
    chosen = {
        key: value
        for key, value in document.items()
        if key == "objects" or rng.random() < (max(keep, 0.95) if key in unusual else keep)
    }
    return _without_nothing(chosen)


def _unusual(scene: Scene) -> set[str]:
    """The keys that tell something other than what is painted where nothing is said."""
    return {
        key
        for key, usual in (
            ("background_setting", scene.background == "wall" and scene.wall == "grey"),
            ("lighting", scene.light == "day"),
            ("photographic_characteristics", scene.camera == "eye" and scene.focus == "deep"),
            ("style_medium", scene.medium == "render"),
        )
        if not usual
    }


def summary(scene: Scene, rng: Seed, *, long: bool = False, whole: bool = False) -> str:
    """One sentence or two on the scene.

    ``whole``: nothing else is said of the scene, so that whatever is not usual must stand here.
    """
    unusual = _unusual(scene) if whole else set()
    parts = []
    for thing in scene.things:
        words = _article(_noun(thing, rng, size=whole or rng.random() < 0.4))
        if whole or rng.random() < 0.7:
            words += " " + _where(thing.place, rng)
        parts.append(words)
    if _is_row(scene) and rng.random() < 0.6:
        thing = scene.things[0]
        parts = [f"{NUMBERS[len(scene.things)]} {_plural(_noun(thing, rng, size=whole or rng.random() < 0.4))}"]
    text = _listed(parts)
    if rng.random() < 0.5 or "background_setting" in unusual:
        before = rng.choice([",", " before", " in front of", " in"])
        text += f"{before} {_background(scene, rng, long=False)}"
    if rng.random() < 0.4 or "lighting" in unusual:
        text += f", {_say(rng, world().lights[scene.light])}"
    if rng.random() < 0.3 or "style_medium" in unusual:
        text = f"{_say(rng, world().media[scene.medium])} of {text}"
    if long:
        text = opened(text, rng) + ". " + asides(2, rng)
    return text if text.endswith(".") or rng.random() < 0.4 else text + "."


def freely(scene: Scene, rng: Seed) -> str:
    """The whole scene in free sentences: what is shown, before what, in what light and manner, in any order."""
    unusual = _unusual(scene)
    clauses = [(FREELY["things"], _listed([_placed(thing, rng) for thing in scene.things]))]
    if _is_row(scene):
        thing = scene.things[0]
        several = f"{NUMBERS[len(scene.things)]} {_plural(_noun(thing, rng, size=True))}"
        clauses = [(FREELY["things"], several + str(rng.choice(["", " side by side", " in a row"])))]
    if "background_setting" in unusual or rng.random() < 0.5:
        clauses.append((FREELY["background"], _background(scene, rng, long=False)))
    if "lighting" in unusual or rng.random() < 0.5:
        clauses.append((FREELY["light"], _say(rng, world().lights[scene.light])))
    if "style_medium" in unusual or rng.random() < 0.5:
        clauses.append((FREELY["medium"], _say(rng, world().media[scene.medium])))
    if rng.random() < 0.2:
        clauses.append((("|",), prose(rng).rstrip(".")))
    rng.shuffle(clauses)
    text, glue = "", str(rng.choice([", ", ". ", "; ", " "], p=[0.35, 0.35, 0.2, 0.1]))
    for frames, words in clauses:
        said = str(rng.choice(frames)).replace("|", words)
        text += (str(rng.choice([glue, ", ", ". "], p=[0.6, 0.2, 0.2])) if text else "") + said
    pieces = text.split(". ")
    if rng.random() < 0.7:
        pieces = [piece[0].upper() + piece[1:] for piece in pieces]
    return ". ".join(pieces) + str(rng.choice([".", ""]))


def _placed(thing: Thing, rng: Seed) -> str:
    """A thing and where it is, the one behind the other."""
    noun, where = _noun(thing, rng, size=True), _where(thing.place, rng)
    if thing.size == "medium" and rng.random() < 0.4:
        noun = f"{_say(rng, world().sizes['medium'])} {noun}"
    noun = _article(noun)
    return str(rng.choice([
        f"{noun} {where}", f"{noun}, {where}", f"{where} {noun}", f"{where}, {noun}", f"{noun} that stands {where}",
        f"{noun} lying {where}", f"{noun} ({where})", f"{where} one finds {noun}",
    ]))  # fmt: skip


def sentence(scene: Scene) -> str:
    """The scene as one plain line, such as a person types for a writer to expand; of camera and focus it is silent."""
    w = world()
    things = [f"{_article(f'{t.size} {t.colour} {t.kind}')} {PLAINLY.get(t.place, f'at the {t.place}')}"
              for t in scene.things]  # fmt: skip
    if _is_row(scene):
        thing = scene.things[0]
        things = [f"{NUMBERS[len(scene.things)]} {thing.size} {_plural(f'{thing.colour} {thing.kind}')}"]
    background = f"a {scene.wall} wall" if scene.background == "wall" else w.backgrounds[scene.background][0]
    parts = [_listed(things), background, w.lights[scene.light][0], w.media[scene.medium][0]]
    if scene.direction:
        parts.append(FROM[scene.direction])
    return ", ".join(parts)


def _thing(scene: Scene, thing: Thing, rng: Seed, keep: float, *, long: bool) -> Document:
    """One entry of `objects`."""
    noun = _noun(thing, rng, size=rng.random() < 0.5)
    description = _article(noun) if rng.random() < 0.85 else noun
    if long:
        if rng.random() < 0.5:
            description = _at_ease(thing, rng)
        elif rng.random() < 0.5:
            description = among(description, rng)
        description = f"{description}. {asides(int(rng.integers(2, 5)), rng)}"
    elif rng.random() < 0.25:
        description += "."
    entry: Document = {
        "description": description,
        "location": _say(rng, world().places[thing.place]),
        "relationship": _relation(scene, thing, rng),
        "relative_size": _say(rng, world().sizes[thing.size]) + (" within the frame" if rng.random() < 0.08 else ""),
        "shape_and_color": _at_length(_shape_and_colour(thing, rng), rng, 0.4 if long else 0),
        "texture": _at_length(_say(rng, TEXTURES), rng, 0.4 if long else 0),
        "appearance_details": _at_length(_say(rng, DETAILS), rng, 0.4 if long else 0),
        "orientation": _at_length(_say(rng, ORIENTATIONS), rng, 0.4 if long else 0),
        "number_of_objects": 1,
    }
    usual = {"description", "location", "relationship", "relative_size", "shape_and_color"}
    needed = {"description", "location", "relative_size"}
    share = {key: (keep if key in usual else keep * (0.9 if long else 0.15)) for key in entry}
    kept = {key: value for key, value in entry.items() if key in needed or rng.random() < share[key]}
    if long and rng.random() < 0.5:
        items = list(kept.items())
        rng.shuffle(items)
        kept = dict(items)
    return kept


def _shape_and_colour(thing: Thing, rng: Seed) -> str:
    shape = _say(rng, SHAPES.get(thing.kind, (f"{thing.kind}-shaped", thing.kind)))
    colour = _say(rng, world().colours[thing.colour])
    return f"{shape}, {colour}" if rng.random() < 0.8 else f"{colour} {shape}"


def _is_row(scene: Scene) -> bool:
    """Whether its things are several of the same, side by side."""
    first = scene.things[0]
    alike = all(replace(thing, place=first.place) == first for thing in scene.things)
    return alike and tuple(thing.place for thing in scene.things) in ROWS


def _counted(scene: Scene, rng: Seed) -> Document:
    """Several of the same as one entry: "three red boxes", number_of_objects 3."""
    thing, count = scene.things[0], len(scene.things)
    return {
        "description": f"{NUMBERS[count]} {_plural(_noun(thing, rng, size=rng.random() < 0.5))}",
        "location": _say(rng, SIDE_BY_SIDE),
        "relative_size": _say(rng, world().sizes[thing.size]),
        "shape_and_color": _shape_and_colour(thing, rng),
        "number_of_objects": count,
    }


def _plural(noun: str) -> str:
    if noun.endswith("fish"):
        return noun
    if noun.endswith("y"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")


def _relation(scene: Scene, thing: Thing, rng: Seed) -> str:
    others = [other for other in scene.things if other is not thing]
    if not others:
        return _say(rng, ALONE)
    if rng.random() < 0.6:
        return _say(rng, TOGETHER)
    other = others[int(rng.integers(len(others)))]
    (a, b), (c, d) = world().cells[thing.place], world().cells[other.place]
    side = "left of" if a < c else "right of" if a > c else "above" if b < d else "below"
    return f"{side} the {_noun(other, rng, size=False)}"


def _background(scene: Scene, rng: Seed, *, long: bool) -> str:
    words = _say(rng, world().backgrounds[scene.background])
    if scene.background == "wall" and (scene.wall != "grey" or rng.random() < 0.6):
        name = _say(rng, {"grey": ("grey", "light gray", "neutral gray"), "black": ("black", "dark grey")}.get(
            scene.wall, (scene.wall, f"light {scene.wall}")))  # fmt: skip
        words = words.replace("plain ", f"plain {name} ").replace("seamless ", f"seamless {name} ")
    if long:
        words = f"{among(words, rng)}. {asides(int(rng.integers(1, 3)), rng)}"
    return words


def _noun(thing: Thing, rng: Seed, *, size: bool) -> str:
    w = world()
    noun = f"{_say(rng, w.colours[thing.colour])} {_say(rng, w.things[thing.kind])}"
    return f"{_say(rng, w.sizes[thing.size])} {noun}" if size and thing.size != "medium" else noun


def _at_ease(thing: Thing, rng: Seed) -> str:
    """The thing with its colour behind its name, as prose has it."""
    first, second = (str(word) for word in rng.choice(WORDS["quality"], 2))
    kind, colour = _say(rng, world().things[thing.kind]), _say(rng, world().colours[thing.colour])
    return str(rng.choice([
        f"{_article(first)}, {second} {kind} in {colour}", f"{_article(kind)}, {first}, {colour} and {second}",
        f"{_article(first)} {kind} of {_article(second)} {colour}", f"{_article(kind)}. It is {first} and {colour}",
        f"A single {kind}, {colour} all over, {first} and {second}",
    ]))  # fmt: skip


def _at_length(words: str, rng: Seed, share: float) -> str:
    """``words``, in a ``share`` of the cases among others that tell nothing."""
    return among(words, rng) if share and rng.random() < share else words


def _where(place: str, rng: Seed) -> str:
    words = _say(rng, world().places[place])
    if words.startswith(("in ", "on ", "at ")):
        return words
    return f"in the {words}" if "corner" in words or "middle" in words else f"at the {words}"


def _listed(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _say(rng: Seed, wordings: tuple[str, ...]) -> str:
    """The plain wording half of the time, else any."""
    return wordings[0] if rng.random() < 0.5 else wordings[int(rng.integers(len(wordings)))]


def _some(rng: Seed, keep: float, **values: str | None) -> Document:
    """A group of fields, of which some are left out."""
    return {key: value for key, value in values.items() if value is not None and rng.random() < max(keep, 0.6)}


def _without_nothing(document: Document) -> Document:
    return {key: value for key, value in document.items() if value not in (None, {}, "")}
