"""Edits of the whole picture: its light, setting, medium, mood, colours, and camera."""

import re
from collections.abc import Collection

from fibo_core.writers.rules.compose import PLAIN_LIGHT, PLAIN_SETTING, combine_lights
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Term
from fibo_core.writers.rules.mentions import erase, find_mentions
from fibo_core.writers.rules.scene import Scene
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import field_text


def change_picture(draft: Draft, step: Step, *, whole: bool) -> bool:
    """Everything a step says of the whole picture; whether that was anything.

    ``whole`` says that darker and brighter are meant of its light.
    """
    scene, document, media = step.said, draft.document, draft.lexicon.table["media"]
    moods = scene.moods if step.target != "named" else []
    _light(draft, scene)
    if whole and step.tone:
        lighting = draft.part("lighting")
        conditions = re.sub(r"^(dark|bright|light), ", "", field_text(lighting, "conditions"))
        lighting["conditions"] = f"{step.tone.say}, {conditions}" if conditions else f"{step.tone.say} light"
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
    if moods:
        draft.part("aesthetics")["mood_atmosphere"] = ", ".join(dict.fromkeys(moods))
    if scene.scheme:
        draft.part("aesthetics")["color_scheme"] = scene.scheme
    for camera in scene.camera:
        part = "aesthetics" if camera.field == "composition" else "photographic_characteristics"
        draft.part(part)[camera.field] = camera.say
    lit = (
        scene.light or scene.implied_light or scene.weather or scene.direction or scene.shadows or (whole and step.tone)
    )
    return bool(lit or scene.settings or scene.medium or scene.style or moods or scene.scheme or scene.camera)


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


def clear_picture(draft: Draft, step: Step) -> bool:
    """Takes away what is no object: the background, a weather, clouds in the sky; whether there was any."""
    document, lexicon = draft.document, draft.lexicon
    if step.part in ("background", "backdrop", "setting"):
        document["background_setting"] = PLAIN_SETTING
        return True
    for phrase in step.names:
        for match in phrase.picture:
            conditions = field_text(draft.part("lighting"), "conditions")
            if match.table == "lights" and match.term.also and match.term.also in conditions:
                left = conditions.replace(match.term.also, "").strip(", ")
                draft.part("lighting")["conditions"] = left or lexicon.table["lights"][PLAIN_LIGHT].say
                _erase(draft, [word for word in match.term.words if " " not in word])
                return True
        setting = field_text(document, "background_setting")
        mentions = find_mentions(setting, [lexicon.singular(phrase.head)], lexicon) if phrase.nouns else []
        if mentions and mentions[0].whole[0] > 0:
            document["background_setting"] = erase(setting, mentions[0], lexicon)
            _erase(draft, [lexicon.singular(phrase.head)])
            return True
    return False


def _erase(draft: Draft, names: Collection[str]) -> None:
    """Takes what was cleared out of the short description too."""
    for mention in find_mentions(draft.summary, names, draft.lexicon)[:1]:
        draft.summary = erase(draft.summary, mention, draft.lexicon)
