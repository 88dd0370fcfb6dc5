"""Scenes of a few objects, which a writer changes and somebody reviews."""

from typing import Any

from hypothesis import settings

from fibo_core.prompts.structured_prompt import StructuredPrompt

BALL = {"description": "a red ball", "location": "left", "shape_and_color": "round, red", "texture": "smooth"}
STAR = {"description": "a blue star", "location": "right", "shape_and_color": "star-shaped, blue"}
TREE = {"description": "an old oak tree", "location": "background", "relationship": "behind the ball"}
CAT = {"description": "a sleeping cat", "location": "bottom right", "pose": "curled up"}
LIGHT = {"conditions": "bright daylight", "direction": "from above", "shadows": "soft shadows"}


def prompt(*objects: Any, **parts: Any) -> StructuredPrompt:
    return StructuredPrompt.from_dict({"short_description": "a scene", "objects": list(objects), **parts})


def objects(one: StructuredPrompt) -> list[Any]:
    return list(one.document["objects"])


SOURCE = prompt(BALL, STAR, TREE, lighting=LIGHT, style_medium="photograph")

few = settings(max_examples=120, deadline=None)
