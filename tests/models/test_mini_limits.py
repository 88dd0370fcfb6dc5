"""mini's page names what mini was never shown, and leaves alone what it knows in any of its words."""

import numpy as np
import pytest

from fibo_core.models.mini.limits import learned, not_trained_on
from fibo_core.models.mini.world import world
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers.offline import OfflineWriter
from scripts.mini.captions import describe
from scripts.mini.scenes import draw_scene


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("a red dragon and a blue ball in a cathedral, oil painting", ("dragon", "cathedral", "oil painting")),
        ("a portrait of a woman wearing a hat", ("woman",)),
        ("two red balls and three houses on a beach", ()),
        ("a beach ball on the open sea, pencil sketch", ()),
    ],
)
def test_what_the_offline_writer_makes_of_words_is_looked_through(words: str, unknown: tuple[str, ...]) -> None:
    """The words are the user's own, and each is named once."""
    assert not_trained_on(OfflineWriter().expand(words).prompt) == unknown


@pytest.mark.parametrize(
    ("described", "unknown"),
    [
        ("An owl with amber eyes", ("owl",)),
        ("A wise, old barn owl. Its feathers are brown.", ("owl",)),
        ("a dragon, breathing fire", ("dragon",)),
        ("An owl in a tree", ()),  # a tree it knows, and it looks no closer
        ("", ()),
    ],
)
def test_a_thing_is_named_by_the_last_word_of_its_name(described: str, unknown: tuple[str, ...]) -> None:
    """Bria's descriptions are whole paragraphs; the name stands in their first words."""
    prompt = StructuredPrompt.from_dict({"objects": [{"description": described, "location": "left"}]})
    assert not_trained_on(prompt) == unknown


@pytest.mark.parametrize(
    ("told", "unknown"),
    [
        ("A cathedral, its windows lit from behind", ("cathedral",)),
        ("a dense jungle", ("dense jungle",)),  # a forest may be dense, mountains distant: neither word tells them
        ("distant ruins on the horizon", ("distant ruins",)),
        ("a volcanic landscape at dusk", ("volcanic landscape",)),
        ("a winter landscape", ()),
    ],
)
def test_a_background_is_named_without_its_article_and_without_what_is_told_of_it(
    told: str, unknown: tuple[str, ...]
) -> None:
    assert not_trained_on(StructuredPrompt.from_dict({"background_setting": told})) == unknown


def test_nothing_that_it_has_learned_is_called_beyond_it() -> None:
    """In none of the wordings that it was shown: a newcomer is not told that mini cannot paint a daisy."""
    rng, told = np.random.default_rng(5), 0
    for scene in (draw_scene(rng) for _ in range(600)):
        parts = (
            (scene.background, "backgrounds"),
            (scene.medium, "media"),
            *((t.kind, "things") for t in scene.things),
        )
        prompt = describe(scene, rng)
        if all(name in learned(group) for name, group in parts):
            told += 1
            stale = {word for kind in set(world().things) - set(learned("things")) for word in world().things[kind]}
            unknown = set(not_trained_on(prompt))
            assert unknown <= {word.split()[-1] for word in stale}, prompt.to_json()
    assert told > 50


def test_what_it_has_learned_is_part_of_the_world() -> None:
    assert all(set(learned(group)) <= set(getattr(world(), group)) for group in ("things", "backgrounds", "media"))
