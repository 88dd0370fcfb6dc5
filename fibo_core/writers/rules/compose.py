"""Composing: from a Scene to the document of a StructuredPrompt, all ten keys, in the words of the lexicon.

Nothing is invented: what nobody spoke of gets a plain default that suits any scene. The phrasing is what the
embedded model was trained on where it knows the thing, and plain FIBO English elsewhere. (A description ends
without a full stop: the embedded model reads one as one more object.)
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fibo_core.writers.rules.arrange import Cell, arrange
from fibo_core.writers.rules.lexicon import Lexicon, Term, tokenize
from fibo_core.writers.rules.scene import Link, Scene, Subject

PLAIN_SETTING = "a plain light gray studio wall"
PLAIN_LIGHT = "day"
PLAIN_MEDIUM = "photo"
#: Up to this many things become objects of their own, each with its place; more alike ones are one cluster.
MAX_SINGLED_OUT = 5
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def compose(scene: Scene, lexicon: Lexicon) -> dict[str, Any]:
    """The document of a complete prompt that shows the scene."""
    scene = single_out(scene, lexicon)
    cells = place_subjects(scene, lexicon)
    objects = [compose_object(scene, number, cells, lexicon) for number in range(len(scene.subjects))]
    table, settings = lexicon.table, ", ".join(dict.fromkeys(scene.settings))
    medium = scene.shown.get("media", [table["media"][PLAIN_MEDIUM]])[0]
    words = " ".join(scene.words.split())
    camera = {term.field: term.say for term in reversed(scene.shown.get("camera", []))}
    conditions, shadows = combine_lights(*scene.lights(), table["lights"][PLAIN_LIGHT])
    colored = any(subject.colors for subject in scene.subjects)
    moods = dict.fromkeys(term.say for term in scene.shown.get("moods", ()))
    return {
        "short_description": f"{words}." if words[-1:].isalnum() else words,
        "objects": objects,
        "background_setting": settings or PLAIN_SETTING,
        "lighting": {
            "conditions": conditions,
            "direction": scene.said("directions") or "from above",
            "shadows": scene.said("shadows") or shadows,
        },
        "aesthetics": {
            "composition": camera.get("composition") or ("centered" if cells == [(1, 1)] else "balanced"),
            "color_scheme": scene.said("schemes") or ("clear, vibrant colors" if colored else "natural colors"),
            "mood_atmosphere": ", ".join(moods) or "calm",
        },
        "photographic_characteristics": {
            "depth_of_field": camera.get("depth_of_field", "deep"),
            "focus": camera.get("focus", "sharp focus on the subject"),
            "camera_angle": camera.get("camera_angle", "eye level"),
            "lens_focal_length": camera.get("lens_focal_length", "standard"),
        },
        "style_medium": medium.say,
        "text_render": compose_text(scene, objects),
        "context": "a simple composition",
        "artistic_style": scene.said("styles") or medium.style,
    }


def combine_lights(light: Term | None, weather: Term | None, plain: Term) -> tuple[str, str]:
    """Conditions and shadows of a time of day and a weather: "night, moonlight, fog"; ``plain`` where neither is."""
    if weather is None:
        return (light or plain).say, (light or plain).shadows
    if light is None or light.key == plain.key:
        return weather.say, weather.shadows
    return f"{light.say}, {weather.also}", weather.shadows


def compose_object(scene: Scene, number: int, cells: Sequence[Cell], lexicon: Lexicon) -> dict[str, Any]:
    """One entry of `objects`; keys that have nothing to say are left out."""
    subject, term = scene.subjects[number], scene.subjects[number].term
    person = term is not None and (term.person or bool(term.gender))
    said_elsewhere = [word for word in subject.adjectives if lexicon.match(tokenize(word), 0, "textures", "shapes")]
    seen = [word for word in subject.adjectives if word not in said_elsewhere and not word.endswith("-shaped")]
    document = {
        "description": describe(subject),
        "location": place_name(cells[number], lexicon),
        "relationship": relate(scene, number),
        "relative_size": subject.size.say if subject.size else "medium",
        "shape_and_color": shape_and_color(subject),
        "texture": ", ".join(subject.textures) or (term.texture if term else ""),
        "appearance_details": ", ".join([*subject.details, *seen]).replace(", and ", " and "),
        "number_of_objects": subject.count if subject.count > 1 else None,
        "pose": subject.pose if person else "",
        "expression": subject.expression if person else "",
        "clothing": subject.clothing,
        "action": subject.action or ("" if person else subject.pose),
        "gender": term.gender if term else "",
    }
    return {key: value for key, value in document.items() if value}


def describe(subject: Subject) -> str:
    """A noun phrase in plain English: "a small glossy red ball with white dots"."""
    words = [subject.size.key if subject.size else "", *subject.adjectives, listed(subject.colors), subject.name]
    phrase = " ".join(word for word in words if word)
    if subject.count > 1:
        phrase = f"{NUMBERS[subject.count] if subject.count < len(NUMBERS) else subject.count} {phrase}"
    elif not subject.plural:
        phrase = f"{article(phrase)} {phrase}"
    tail = [*subject.details, f"wearing {subject.clothing}" if subject.clothing else "", subject.pose, subject.action]
    text = f'that says "{subject.text}"' if subject.text and subject.text not in subject.name else ""
    return " ".join(part for part in (phrase, *dict.fromkeys(tail), text) if part)


def shape_and_color(subject: Subject) -> str:
    """The `shape_and_color` of a thing: "round, red"."""
    shape = subject.shape or (subject.term.shape if subject.term else "")
    return ", ".join(part for part in (shape, listed(subject.colors)) if part)


def relate(scene: Scene, number: int) -> str:
    """How a subject stands to the others, as far as the user said."""
    others = len(scene.subjects) - 1
    said = [
        say_relation(link.relation, [scene.subjects[anchor].name for anchor in link.anchors], others)
        for link in scene.links
        if link.subject == number
    ]
    return ", ".join(said) or beside_others(others)


def say_relation(relation: Term, anchors: Sequence[str], others: int) -> str:
    """ "above the box". Where no other object could be meant it is not named: the embedded model mixes up two things
    that one object names.
    """
    if len(anchors) == others:
        return f"{relation.say} the other object{'s' if others > 1 else ''}"
    return f"{relation.say} {listed([f'the {name}' for name in anchors])}"


def beside_others(others: int) -> str:
    """The relationship of an object of which no more is known than how many others there are."""
    return "standing alone" if others == 0 else f"next to the other object{'s' if others > 1 else ''}"


def compose_text(scene: Scene, objects: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """The `text_render` entries: the wordings asked for in quotation marks, where their objects stand."""
    return [
        {
            "text": subject.text,
            "location": f"on the {subject.name}, {document['location']}",
            "size": subject.size.say if subject.size else "medium",
            "color": listed(subject.colors) if subject.lettering and subject.colors else "black",
            "font": "bold sans serif",
        }
        for subject, document in zip(scene.subjects, objects, strict=True)
        if subject.text
    ]


def single_out(scene: Scene, lexicon: Lexicon) -> Scene:
    """The scene with "three red balls" as three subjects, while the whole stays within what FIBO takes as objects."""
    subjects: list[Subject] = []
    numbers: list[range] = []  # the new ones of each subject
    room = MAX_SINGLED_OUT - len(scene.subjects)
    for subject in scene.subjects:
        *before, last = subject.name.split()
        if subject.count > 1 and not subject.place and subject.count - 1 <= room:
            one = replace(subject, name=" ".join([*before, lexicon.singular(last)]), plural=False, count=1)
            added = [one] * subject.count
        elif subject.count > 1 and not subject.plural:  # "5 ball"
            added = [replace(subject, name=" ".join([*before, lexicon.plural(last)]))]
        else:
            added = [subject]
        room -= len(added) - 1
        numbers.append(range(len(subjects), len(subjects) + len(added)))
        subjects += added
    links = []
    for link in scene.links:
        anchors = tuple(numbers[anchor][0] for anchor in link.anchors)
        if link.relation.key == "between" and len(anchors) == 1:
            anchors = tuple(numbers[link.anchors[0]][:2])  # "between two candles"
        links += [Link(number, link.relation, anchors) for number in numbers[link.subject]]
    return replace(scene, subjects=subjects, links=links)


def place_subjects(scene: Scene, lexicon: Lexicon) -> list[Cell]:
    """A cell of the frame for each subject: where the user put it, else where it fits."""
    linked = {number for link in scene.links for number in (link.subject, *link.anchors)}
    said = {n: s.place or (s.term.place if s.term and n not in linked else "") for n, s in enumerate(scene.subjects)}
    fixed = {number: lexicon.table["places"][place].cell for number, place in said.items() if place}
    cells = arrange(range(len(scene.subjects)), fixed, scene.links)
    return [cells[number] for number in range(len(scene.subjects))]


def place_name(cell: Cell, lexicon: Lexicon) -> str:
    """The location phrase of a cell."""
    return next(place.say for place in lexicon.table["places"].values() if place.cell == cell)


def article(phrase: str) -> str:
    """The indefinite article of a phrase."""
    return "an" if re.match(r"(?!uni|one\b|eu)[aeiou]", phrase.lower()) else "a"


def listed(words: Sequence[str]) -> str:
    """ "red", "red and blue", "red, blue and green" """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
