"""What each model of the catalogue can be asked for, and what is said where it cannot."""

import pytest

from fibo_core.errors import InputError
from fibo_core.models.catalogue import BUILT_IN, find_model
from fibo_core.models.families import NEEDED
from fibo_core.store.generation import MODES
from fibo_core.work.orders import Order, plan
from fibo_core.writers import WrittenPrompt
from tests.prompts.scenes import BALL, prompt


def test_every_model_can_be_asked_for_something_and_every_kind_of_order_has_a_model() -> None:
    assert all(any(spec.can(kind) for kind in NEEDED) for spec in BUILT_IN.values())
    assert all(any(spec.can(kind) for spec in BUILT_IN.values()) for kind in NEEDED)
    assert {"generate", "refine", "inspire"} <= set(MODES) & NEEDED.keys()


def test_a_model_that_only_edits_is_refused_for_a_picture_of_words_before_anything_is_written() -> None:
    """Whichever page or command asks; on an axis of models too."""
    order = Order(kind="generate", words="a red ball", model="fibo-edit")
    sentence = (
        r"FIBO Edit only edits pictures that are there\. Choose a model that paints from a prompt, such as mini\."
    )
    with pytest.raises(InputError, match=sentence):
        plan(order, default_model="mini")
    with pytest.raises(InputError, match=r"FIBO Edit 1\.5 turbo only edits"):
        plan(Order(kind="refine", words="blue", source=prompt(BALL)), default_model="fibo-edit-1.5-turbo")
    assert plan(Order(kind="generate", words="x", model="fibo-edit", paint=False), default_model="mini").jobs
    assert plan(Order(kind="generate", words="", written=WrittenPrompt(prompt(BALL))), default_model="mini").jobs


def test_the_first_fibo_edit_takes_no_references_and_its_followers_do() -> None:
    assert "references" not in find_model("briaai/Fibo-Edit").abilities
    assert {"edit", "references"} <= find_model("briaai/Fibo-Edit-1.5-base").abilities
    assert (find_model("fibo-edit-1.5-turbo").num_inference_steps, find_model("fibo-edit").num_inference_steps) == (
        4,
        50,
    )
