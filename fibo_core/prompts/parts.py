"""The parts of a prompt as people think of them: the one grouping of FIBO's ten keys.

The form has a section for each part, the lock tree a lock, a preset belongs to one or more. Names and explanations of
single fields come from the caption's shape (`vocabulary.py`).
"""

from dataclasses import dataclass

Rows = tuple[tuple[str, ...], ...]  # what stands side by side


@dataclass(frozen=True)
class Part:
    """One part: its ``keys``, and their fields in the order of a form, by JSON path.

    A part with an ``item`` is a list (a single key): ``rows`` are the fields of one item then, and ``more`` those that
    only some items have.
    """

    title: str
    keys: tuple[str, ...]
    rows: Rows
    item: str = ""
    more: Rows = ()


SCENE = Part(
    "Scene",
    ("short_description", "background_setting", "context"),
    (("short_description",), ("background_setting",), ("context",)),
)
OBJECTS = Part(
    "Objects",
    ("objects",),
    (
        ("description",),
        ("location", "relative_size"),
        ("relationship", "shape_and_color"),
        ("appearance_details", "texture"),
        ("orientation", "number_of_objects"),
    ),
    item="object",
    more=(("pose", "expression"), ("clothing", "action"), ("skin_tone_and_texture", "gender")),  # of a person
)
LIGHT = Part("Light", ("lighting",), (("lighting.conditions",), ("lighting.direction", "lighting.shadows")))
AESTHETICS = Part(
    "Aesthetics",
    ("aesthetics",),
    (("aesthetics.composition",), ("aesthetics.color_scheme",), ("aesthetics.mood_atmosphere",)),
)
CAMERA = Part(
    "Camera",
    ("photographic_characteristics",),
    (
        ("photographic_characteristics.camera_angle", "photographic_characteristics.lens_focal_length"),
        ("photographic_characteristics.depth_of_field", "photographic_characteristics.focus"),
    ),
)
STYLE = Part("Style", ("style_medium", "artistic_style"), (("style_medium", "artistic_style"),))
TEXT = Part(
    "Text",
    ("text_render",),
    (("text", "location"), ("font", "color"), ("size", "appearance_details")),
    item="text",
)

#: In the order in which they are shown.
PARTS = (SCENE, OBJECTS, LIGHT, AESTHETICS, CAMERA, STYLE, TEXT)
