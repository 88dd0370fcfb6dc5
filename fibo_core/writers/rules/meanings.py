"""Meanings: what a phrase that was read says of its subject, or of the whole picture."""

from fibo_core.writers.rules.compose import article
from fibo_core.writers.rules.lexicon import Camera, Lexicon, Light, Match, Medium, tokenize
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Scene, Subject


def show(scene: Scene, match: Match) -> None:
    """A phrase of the whole picture: its light, medium, camera, mood. What was said first stays."""
    term = match.term
    if isinstance(term, Light):
        if term.also:
            scene.weather = scene.weather or term
        else:
            scene.light = scene.light or term
    elif isinstance(term, Medium):
        scene.medium = scene.medium or term
    elif isinstance(term, Camera):
        scene.camera.append(term)
    elif match.table == "shadows":
        scene.shadows = scene.shadows or term.say
    elif match.table == "styles":
        scene.style = scene.style or term.say
    elif match.table == "moods":
        scene.moods.append(term.say)
    elif match.table == "schemes":
        scene.scheme = scene.scheme or term.say


def show_light_quality(scene: Scene, phrase: NounPhrase, lexicon: Lexicon) -> None:
    """ "soft morning light": the word before a light says what light it is."""
    if not any(match.table == "lights" for match in phrase.picture):
        return
    for word in phrase.adjectives:
        kind = lexicon.match(tokenize(f"{word} light"), 0, "lights")
        if kind and kind.length == 2:
            show(scene, kind)


def set_scene(scene: Scene, phrase: NounPhrase, typed: str) -> None:
    """The background a phrase names; ``typed`` are its words without the article."""
    setting = phrase.setting
    assert setting is not None
    if setting.colored:
        words = [word for word in phrase.adjectives if word != "plain"]  # which it is called below
        look = " ".join([*phrase.colors, *words]) if phrase.colors or phrase.textures else "light gray"
        scene.settings.append(f"a {look} wall" if phrase.textures else f"a plain {look} wall")
    else:
        plain = typed.lower() in setting.words or phrase.picture
        alone = typed if phrase.plural else f"{article(typed)} {typed}"
        known = alone if setting.key in typed.lower() else f"{setting.say}, {typed}"
        scene.settings.append(setting.say if plain else known)
    scene.implied_light = scene.implied_light or setting.light


def own(subject: Subject, phrase: NounPhrase, typed: str, preposition: str, lexicon: Lexicon) -> bool:
    """Notes a part or a garment on its subject; False where the phrase is none."""
    grammar, head = lexicon.grammar, phrase.nouns[-1].lower()
    if preposition == "in" and _is_clothing(head, lexicon):
        subject.clothing = typed
    elif preposition == "with" and (head in grammar.parts or not phrase.thing):
        subject.details.append(f"with {typed}")
    elif preposition in ("like", "as", "for", "from", "to", "about", "made"):
        subject.details.append(f"{preposition} {typed}")
    elif not preposition and head in grammar.parts and not phrase.thing and not phrase.determiner:
        subject.details.append(f"with {typed}")  # "black cat, yellow eyes"
    else:
        return False
    return True


def own_more(subject: Subject, phrase: NounPhrase, typed: str, carried: str, lexicon: Lexicon) -> bool:
    """ "with a red roof and a blue door": one more part, or garment, of the same subject; False for another thing.

    ``carried`` is the word that began the list: "with" or "wearing".
    """
    head = phrase.nouns[-1].lower()
    if carried == "wearing" and _is_clothing(head, lexicon):
        subject.clothing += f" and {typed}"
    elif carried == "with" and head in lexicon.grammar.parts:
        subject.details.append(f"and {typed}")
    else:
        return False
    return True


def _is_clothing(head: str, lexicon: Lexicon) -> bool:
    return head in lexicon.grammar.clothing or lexicon.singular(head) in lexicon.grammar.clothing
