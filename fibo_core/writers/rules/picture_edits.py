"""Edits of the whole picture: its light, setting, medium, mood, colours and camera."""

import re

from fibo_core.writers.rules.compose import PLAIN_LIGHT, combine_lights
from fibo_core.writers.rules.draft import Draft, field_text
from fibo_core.writers.rules.scene import Scene

#: Where what is said of the whole picture is written, by tables of the lexicon.
_FIELDS = {
    "directions": ("lighting", "direction"),
    "shadows": ("lighting", "shadows"),
    "moods": ("aesthetics", "mood_atmosphere"),
    "schemes": ("aesthetics", "color_scheme"),
}


def change_picture(draft: Draft, scene: Scene, tone: str = "") -> bool:
    """Everything a scene says of the whole picture; whether that was anything. ``tone`` makes its light darker."""
    document, media = draft.document, draft.lexicon.table["media"]
    if scene.shown.get("lights"):
        _light(draft, scene)
    if tone:
        lighting = draft.part("lighting")
        conditions = re.sub(r"^(dark|bright|light), ", "", field_text(lighting, "conditions"))
        lighting["conditions"] = f"{tone}, {conditions}" if conditions else f"{tone} light"
    if scene.settings:
        document["background_setting"] = ", ".join(scene.settings)
        draft.say_instead(f"{scene.settings[0]} in the background", "settings")
    for medium in scene.shown.get("media", [])[:1]:
        before = next((each for each in media.values() if each.say == document.get("style_medium")), None)
        document["style_medium"] = medium.say
        if before is not None and document.get("artistic_style") == before.style:
            document["artistic_style"] = medium.style
        if before is not medium:
            draft.say_instead(medium.say, "media")
    if style := scene.said("styles"):
        document["artistic_style"] = style
    for table, (part, key) in _FIELDS.items():
        if said := scene.said(table):
            draft.part(part)[key] = said
    for camera in scene.shown.get("camera", []):
        part = "aesthetics" if camera.field == "composition" else "photographic_characteristics"
        draft.part(part)[camera.field] = camera.say
    return bool(scene.shown or scene.settings or tone)


def _light(draft: Draft, scene: Scene) -> None:
    """Time of day and weather; the time of day stays where only a weather is asked for."""
    lighting, lights = draft.part("lighting"), draft.lexicon.table["lights"]
    before, plain = field_text(lighting, "conditions"), lights[PLAIN_LIGHT]
    light, weather = scene.lights()
    there = (each for each in lights.values() if not each.also and before.startswith(each.say))
    time = light or next(there, None)
    conditions, shadows = combine_lights(time, weather, plain)
    if conditions == before:
        return
    lighting["conditions"] = conditions
    if lighting.get("shadows"):
        lighting["shadows"] = shadows
    if light:
        draft.say_instead(light.at, "lights")
    if weather and (light or time not in (None, plain)):
        draft.say_more(f", {weather.at}")
    elif weather:
        draft.say_instead(weather.at, "lights")
