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
from fibo_core.writers.rules.lexicon import Lexicon, Light, Relation, tokenize
from fibo_core.writers.rules.scene import Link, Scene, Subject

PLAIN_SETTING = "a plain light gray studio wall"
PLAIN_LIGHT = "day"
PLAIN_MEDIUM = "photo"
#: Up to this many alike things become objects of their own, each with its place; more are one cluster.
MAX_SINGLED_OUT = 5
NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def compose(scene: Scene, lexicon: Lexicon) -> dict[str, Any]:
    """The document of a complete prompt that shows the scene."""
    scene = single_out(scene, lexicon)
    cells = place_subjects(scene, lexicon)
    objects = [compose_object(scene, number, cells, lexicon) for number in range(len(scene.subjects))]
    tables = lexicon.tables
    medium = scene.medium or tables.media[PLAIN_MEDIUM]
    camera = {term.field: term.say for term in reversed(scene.camera)}
    implied = tables.settings[scene.implied_setting].say if scene.implied_setting else ""
    return {
        "short_description": finish_sentence(scene.words),
        "objects": objects,
        "background_setting": ", ".join(dict.fromkeys(scene.settings)) or implied or PLAIN_SETTING,
        "lighting": compose_lighting(scene, lexicon),
        "aesthetics": {
            "composition": camera.get("composition") or composition(cells),
            "color_scheme": scene.scheme
            or ("clear, vibrant colors" if any(s.colors for s in scene.subjects) else "natural colors"),
            "mood_atmosphere": ", ".join(dict.fromkeys(scene.moods)) or "calm",
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
        "artistic_style": scene.style or medium.style,
    }


def compose_lighting(scene: Scene, lexicon: Lexicon) -> dict[str, str]:
    """The `lighting` of a scene."""
    lights = lexicon.tables.lights
    light = scene.light or (lights[scene.implied_light] if scene.implied_light else None)
    conditions, shadows = combine_lights(light, scene.weather, lights[PLAIN_LIGHT])
    return {
        "conditions": conditions,
        "direction": scene.direction or "from above",
        "shadows": scene.shadows or shadows,
    }


def combine_lights(light: Light | None, weather: Light | None, plain: Light) -> tuple[str, str]:
    """Conditions and shadows of a time of day and a weather: "night, moonlight, fog"; ``plain`` where neither is."""
    if weather is None:
        return (light or plain).say, (light or plain).shadows
    if light is None or light.key == plain.key:
        return weather.say, weather.shadows
    return f"{light.say}, {weather.also}", weather.shadows


def compose_object(scene: Scene, number: int, cells: Sequence[Cell], lexicon: Lexicon) -> dict[str, Any]:
    """One entry of `objects`; keys that have nothing to say are left out."""
    subject, term = scene.subjects[number], scene.subjects[number].term
    location = place_name(cells[number], lexicon)
    person = term is not None and (term.person or bool(term.gender))
    seen_on_it = [word for word in subject.adjectives if not lexicon.match(tokenize(word), 0, "textures", "shapes")]
    seen_on_it = [word for word in seen_on_it if not word.endswith("-shaped")]
    appearance = [*subject.details, *seen_on_it]
    document = {
        "description": describe(subject, lexicon),
        "location": f"{location}, {subject.depth}" if subject.depth else location,
        "relationship": relate(scene, number),
        "relative_size": subject.size.say if subject.size else "medium",
        "shape_and_color": shape_and_color(subject),
        "texture": ", ".join(subject.textures) or (term.texture if term else ""),
        "appearance_details": ", ".join(appearance).replace(", and ", " and "),
        "number_of_objects": subject.count if subject.count > 1 else None,
        "pose": subject.pose if person else "",
        "expression": subject.expression if person else "",
        "clothing": subject.clothing,
        "action": subject.action or ("" if person else subject.pose),
        "gender": term.gender if term else "",
    }
    return {key: value for key, value in document.items() if value}


def describe(subject: Subject, lexicon: Lexicon) -> str:
    """A noun phrase in plain English: "a small glossy red ball with white dots"."""
    words = [subject.size.key if subject.size else "", *subject.adjectives, listed(subject.colors), subject.name]
    phrase = " ".join(word for word in words if word)
    if subject.count > 1:
        phrase = f"{NUMBERS[subject.count] if subject.count < len(NUMBERS) else subject.count} {phrase}"
    elif not subject.plural:
        phrase = f"{article(phrase)} {phrase}"
    tail = [*subject.details, f"wearing {subject.clothing}" if subject.clothing else "", subject.pose, subject.action]
    text = f'that says "{subject.text}"' if subject.text and subject.text not in subject.name else ""
    return " ".join(part for part in (phrase, *tail, text) if part)


def shape_and_color(subject: Subject) -> str:
    """The `shape_and_color` of a thing: "round, red"; an unknown thing has the shape of itself."""
    head = subject.name.split(" of ")[0].split()[-1].lower() if subject.name else "plain"
    own_shape = f"{head}-shaped" if head.isascii() else ""
    own_shape = "" if subject.lettering else own_shape
    shape = subject.shape or (subject.term.shape if subject.term else own_shape)
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


def say_relation(relation: Relation, anchors: Sequence[str], others: int) -> str:
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


def composition(cells: Sequence[Cell]) -> str:
    """The `composition` of an arrangement nobody spoke of."""
    if len(cells) == 1:
        return "centered" if cells[0] == (1, 1) else "rule of thirds"
    return "balanced"


def single_out(scene: Scene, lexicon: Lexicon) -> Scene:
    """The scene with "three red balls" as three subjects, while the whole stays within what FIBO takes as objects."""
    subjects: list[Subject] = []
    first_of: dict[int, int] = {}
    others = len(scene.subjects)
    for number, subject in enumerate(scene.subjects):
        first_of[number] = len(subjects)
        total = subject.count if subject.count > 1 else 2 if subject.plural and subject.term else 1
        spread = spread_places(subject, total)
        if total > 1 and len(subjects) + total + others - number - 1 <= MAX_SINGLED_OUT and spread:
            *before, last = subject.name.split()
            one = " ".join([*before, lexicon.singular(last)])
            subjects += [
                replace(subject, name=one, plural=False, count=1, place=place, colors=list(subject.colors))
                for place in spread
            ]
        else:
            subjects.append(replace(subject, name=plural_name(subject, lexicon)))
    links = []
    for link in scene.links:
        anchors = tuple(first_of[anchor] for anchor in link.anchors)
        following = min((n for n in first_of.values() if n > anchors[0]), default=len(subjects))
        if link.relation.key == "between" and len(anchors) == 1 and following - anchors[0] > 1:
            anchors = (anchors[0], anchors[0] + 1)  # "between two candles"
        first = first_of[link.subject]
        following = min((n for n in first_of.values() if n > first), default=len(subjects))
        links += [Link(number, link.relation, anchors) for number in range(first, following)]
    return replace(scene, subjects=subjects, links=links)


def spread_places(subject: Subject, total: int) -> list[str]:
    """Places for ``total`` alike things inside the place they share; none where it has no room for them."""
    lines = {
        "left": ["top left", "bottom left", "left"],
        "right": ["top right", "bottom right", "right"],
        "top": ["top left", "top right", "top"],
        "bottom": ["bottom left", "bottom right", "bottom"],
    }
    if not subject.place:
        return [""] * total
    return lines.get(subject.place, [])[:total] if total <= 3 else []


def plural_name(subject: Subject, lexicon: Lexicon) -> str:
    """The subject's name in the plural where it is several and was named as one ("5 ball")."""
    if subject.count > 1 and not subject.plural:
        *before, last = subject.name.split()
        return " ".join([*before, lexicon.plural(last)])
    return subject.name


def place_subjects(scene: Scene, lexicon: Lexicon) -> list[Cell]:
    """A cell of the frame for each subject: where the user put it, else where it fits."""
    places = lexicon.tables.places
    linked = {number for link in scene.links for number in (link.subject, *link.anchors)}
    fixed: dict[int, Cell] = {}
    for number, subject in enumerate(scene.subjects):
        place = subject.place or (subject.term.place if subject.term and number not in linked else "")
        if place:
            fixed[number] = places[place].cell
    cells = arrange(range(len(scene.subjects)), fixed, scene.links)
    return [cells[number] for number in range(len(scene.subjects))]


def place_name(cell: Cell, lexicon: Lexicon) -> str:
    """The location phrase of a cell."""
    return next(place.say for place in lexicon.tables.places.values() if place.cell == cell)


def article(phrase: str) -> str:
    """The indefinite article of a phrase."""
    return "an" if re.match(r"(?!uni|one\b|eu)[aeiou]", phrase.lower()) else "a"


def listed(words: Sequence[str]) -> str:
    """ "red", "red and blue", "red, blue and green" """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def finish_sentence(text: str) -> str:
    """The user's words with single spaces, and a full stop where they end in a letter."""
    text = " ".join(text.split())
    return f"{text}." if text[-1:].isalnum() else text
