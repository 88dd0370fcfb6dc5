"""Edits of the whole picture: its light, setting, medium, mood, colours and camera."""

import re
from typing import Any

from fibo_core.writers.rules.compose import PLAIN_LIGHT, PLAIN_SETTING, combine_lights
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Light
from fibo_core.writers.rules.mentions import color_runs, erase, find_mentions, first_match, recolor
from fibo_core.writers.rules.scene import Scene
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import field_text


def change_picture(draft: Draft, step: Step, *, whole: bool) -> bool:
    """Everything a step says of the whole picture; whether that was anything.

    ``whole`` says that darker and brighter are meant of its light.
    """
    scene, document = step.scene, draft.document
    done = _light(draft, scene)
    if whole and step.tone is not None:
        _tone(draft, step)
        done = True
    if scene.settings:
        document["background_setting"] = ", ".join(scene.settings)
        draft.summary.say_instead(f"{scene.settings[0]} in the background", "settings")
        done = True
    if scene.medium:
        before = document.get("style_medium")
        known = next((m for m in draft.lexicon.tables.media.values() if m.say == before), None)
        document["style_medium"] = scene.medium.say
        if known is not None and document.get("artistic_style") == known.style and not scene.style:
            document["artistic_style"] = scene.medium.style
        if before != scene.medium.say:
            draft.summary.say_instead(scene.medium.say, "media")
        done = True
    if scene.style:
        document["artistic_style"] = scene.style
        done = True
    if scene.moods and step.target != "named":
        draft.part("aesthetics")["mood_atmosphere"] = ", ".join(dict.fromkeys(scene.moods))
        done = True
    if scene.scheme:
        draft.part("aesthetics")["color_scheme"] = scene.scheme
        done = True
    for camera in scene.camera:
        part = "aesthetics" if camera.field == "composition" else "photographic_characteristics"
        draft.part(part)[camera.field] = camera.say
        done = True
    return done


def _light(draft: Draft, scene: Scene) -> bool:
    lights = draft.lexicon.tables.lights
    light = scene.light or (lights[scene.implied_light] if scene.implied_light else None)
    if not (light or scene.weather or scene.direction or scene.shadows):
        return False
    lighting = draft.part("lighting")
    if light or scene.weather:
        time = light or _time_of_day(draft, lighting)
        conditions, shadows = combine_lights(time, scene.weather, lights[PLAIN_LIGHT])
        if conditions != lighting.get("conditions"):
            lighting["conditions"] = conditions
            if lighting.get("shadows"):
                lighting["shadows"] = shadows
            if light:
                draft.summary.say_instead(light.at, "lights")
            if scene.weather:
                in_weather = scene.weather.at
                if light or time is None or time.key == PLAIN_LIGHT:
                    _say_weather(draft, in_weather, instead=light is None)
                else:
                    draft.summary.say_more(f", {in_weather}")
    if scene.direction:
        lighting["direction"] = scene.direction
    if scene.shadows:
        lighting["shadows"] = scene.shadows
    return True


def _say_weather(draft: Draft, words: str, *, instead: bool) -> None:
    if instead:
        draft.summary.say_instead(words, "lights")
    else:
        draft.summary.say_more(f", {words}")


def _time_of_day(draft: Draft, lighting: dict[str, Any]) -> Light | None:
    """The time of day a prompt has: it stays where only a weather is asked for."""
    lights = draft.lexicon.tables.lights
    conditions = field_text(lighting, "conditions").lower()
    for light in lights.values():
        if not light.also and conditions.startswith(light.say):
            return light
    found = first_match(conditions, draft.lexicon, "lights")
    named = lights[found[0].term.key] if found else None
    return named if named is not None and not named.also and named.key != PLAIN_LIGHT else None


def _tone(draft: Draft, step: Step) -> None:
    """Darker, brighter: of the background's colour where that is named, else of the light."""
    assert step.tone is not None
    if step.part in ("background", "backdrop", "wall"):
        setting = field_text(draft.document, "background_setting")
        runs = color_runs(setting, draft.lexicon)
        if runs:
            color = toned(setting[runs[0].start : runs[0].end], step.tone.say, draft)
            draft.document["background_setting"] = recolor(setting, runs[0], None, color)
            return
    lighting = draft.part("lighting")
    conditions = field_text(lighting, "conditions")
    darker = step.tone.field == "dim"
    bare = re.sub(r"^((very )?(dim|dark|bright)(, | ))", "", conditions)
    had = conditions[: len(conditions) - len(bare)].strip(" ,")
    word = {"": "dim" if darker else "bright"}.get(had, "")
    if had:
        opposite = had.endswith("bright") if darker else had.endswith(("dim", "dark"))
        word = ("dim" if darker else "") if opposite else f"very {had.removeprefix('very ')}"
        word = "bright" if opposite and not darker and bare == "daylight" else word
    joint = " " if bare == "daylight" else ", "
    lighting["conditions"] = f"{word}{joint}{bare}" if word and bare else bare or f"{word} light"


def toned(color: str, tone: str, draft: Draft) -> str:
    """A colour made lighter or darker: "dark red" of "red" and of "bright red", "red" of "light red"."""
    words = color.split()
    tones = {word for term in draft.lexicon.tables.tones.values() for word in term.words}
    had = words[0] if len(words) > 1 and words[0] in tones else ""
    opposite = {"dark": ("light", "pale", "bright"), "light": ("dark", "deep"), "bright": ("dark", "deep")}[tone]
    bare = " ".join(words[1:]) if had else color
    return bare if had in opposite else f"{tone} {bare}"


def clear_picture(draft: Draft, step: Step) -> bool:
    """Takes away what is no object: the background, a weather, clouds in the sky; whether there was any."""
    if step.target == "whole" and step.part in ("background", "backdrop", "setting"):
        draft.document["background_setting"] = PLAIN_SETTING
        return True
    lights = draft.lexicon.tables.lights
    conditions = field_text(draft.part("lighting"), "conditions") if "lighting" in draft.document else ""
    for phrase in step.phrases:
        for match in phrase.picture:
            weather = lights.get(match.term.key) if match.table == "lights" else None
            if weather and weather.also and (weather.also in conditions or conditions == weather.say):
                left = conditions.replace(f", {weather.also}", "") if f", {weather.also}" in conditions else ""
                draft.part("lighting")["conditions"] = left or lights[PLAIN_LIGHT].say
                words = "|".join(re.escape(word) for word in sorted(weather.words, key=len, reverse=True))
                told = rf"[\s,]*\b(and |with |in )?(an? |the )?({words})\b"
                draft.summary.text = re.sub(told, "", draft.summary.text, flags=re.IGNORECASE)
                return True
        if not phrase.nouns:
            continue
        name = draft.lexicon.singular(phrase.nouns[-1].lower())
        setting = field_text(draft.document, "background_setting")
        mentions = find_mentions(setting, (name,), draft.lexicon)
        if mentions and mentions[-1].first > 0:
            draft.document["background_setting"] = erase(setting, mentions[-1], draft.lexicon)
            if said := find_mentions(draft.summary.text, (name,), draft.lexicon):
                draft.summary.text = erase(draft.summary.text, said[-1], draft.lexicon)
            return True
    return False
