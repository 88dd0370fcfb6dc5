"""Edits of the whole picture: its light, setting, medium, mood, colours, and camera."""

import re

from fibo_core.writers.rules.compose import PLAIN_LIGHT, combine_lights
from fibo_core.writers.rules.draft import Draft, field_text
from fibo_core.writers.rules.lexicon import Term
from fibo_core.writers.rules.scene import Scene


def change_picture(draft: Draft, scene: Scene, tone: str = "") -> bool:
    """Everything a scene says of the whole picture; whether that was anything. ``tone`` makes its light darker."""
    document, media = draft.document, draft.lexicon.table["media"]
    _light(draft, scene)
    if tone:
        lighting = draft.part("lighting")
        conditions = re.sub(r"^(dark|bright|light), ", "", field_text(lighting, "conditions"))
        lighting["conditions"] = f"{tone}, {conditions}" if conditions else f"{tone} light"
    if scene.settings:
        document["background_setting"] = ", ".join(scene.settings)
        draft.say_instead(f"{scene.settings[0]} in the background", "settings")
    if scene.medium:
        before = next((each for each in media.values() if each.say == document.get("style_medium")), None)
        document["style_medium"] = scene.medium.say
        if before is not None and document.get("artistic_style") == before.style and not scene.style:
            document["artistic_style"] = scene.medium.style
        if before is not scene.medium:
            draft.say_instead(scene.medium.say, "media")
    if scene.style:
        document["artistic_style"] = scene.style
    if scene.moods:
        draft.part("aesthetics")["mood_atmosphere"] = ", ".join(dict.fromkeys(scene.moods))
    if scene.scheme:
        draft.part("aesthetics")["color_scheme"] = scene.scheme
    for camera in scene.camera:
        part = "aesthetics" if camera.field == "composition" else "photographic_characteristics"
        draft.part(part)[camera.field] = camera.say
    lit = scene.light or scene.implied_light or scene.weather or scene.direction or scene.shadows or tone
    return bool(lit or scene.settings or scene.medium or scene.style or scene.moods or scene.scheme or scene.camera)


def _light(draft: Draft, scene: Scene) -> None:
    """Time of day and weather, direction and shadows; the time of day stays where only a weather is asked for."""
    lights = draft.lexicon.table["lights"]
    light = scene.light or (lights[scene.implied_light] if scene.implied_light else None)
    if light or scene.weather:
        lighting = draft.part("lighting")
        time = light or _time_of_day(draft)
        conditions, shadows = combine_lights(time, scene.weather, lights[PLAIN_LIGHT])
        if conditions != lighting.get("conditions"):
            lighting["conditions"] = conditions
            if lighting.get("shadows"):
                lighting["shadows"] = shadows
            if light:
                draft.say_instead(light.at, "lights")
            if scene.weather and (light or time not in (None, lights[PLAIN_LIGHT])):
                draft.say_more(f", {scene.weather.at}")
            elif scene.weather:
                draft.say_instead(scene.weather.at, "lights")
    if scene.direction:
        draft.part("lighting")["direction"] = scene.direction
    if scene.shadows:
        draft.part("lighting")["shadows"] = scene.shadows


def _time_of_day(draft: Draft) -> Term | None:
    conditions = field_text(draft.part("lighting"), "conditions")
    times = (light for light in draft.lexicon.table["lights"].values() if not light.also)
    return next((light for light in times if conditions.startswith(light.say)), None)
