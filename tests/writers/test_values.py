"""Values for an axis, asked of a writer: of a model in its own form, of the vocabulary offline, and said where none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, InputError, WriterAnswerError, WriterUnavailable
from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.vocabulary import suggestions_at
from fibo_core.writers import PromptWriter
from fibo_core.writers.chain import Backend, Missing, Writers
from fibo_core.writers.gemini import GeminiWriter
from fibo_core.writers.llm import LlmWriter
from fibo_core.writers.offline import OfflineWriter
from fibo_core.writers.values import COUNT, COUNT_MAX, count_wished, known_values
from tests.writers import loopback_gemini, loopback_llm

LIGHT = "lighting.conditions"
PROMPT = StructuredPrompt.from_dict({"short_description": "a red ball", "lighting": {"conditions": "night, moonlight"}})
KEY = "-".join(("made", "up", "for", "these", "tests"))


class Service:
    """A writer and the server on loopback that it asks."""

    def __init__(self, writer: PromptWriter, server: Any, answer: Callable[..., Any]) -> None:
        self.writer, self.server, self.answer = writer, server, answer

    def suggest(self, wish: str = "six kinds of light", count: int = 6) -> tuple[str, ...]:
        return self.writer.suggest_values(PROMPT, LIGHT, wish, count)


@pytest.fixture(params=["gemini", "llm"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with ExitStack() as stack:
        if request.param == "gemini":
            server = stack.enter_context(loopback_gemini.loopback_gemini())
            writer: PromptWriter = GeminiWriter(KEY, "gemini-3.5-flash-lite", base_url=server.url, backoff_s=0.01)
            yield Service(writer, server, loopback_gemini.answer)
        else:
            other = stack.enter_context(loopback_llm.loopback_llm())
            writer = LlmWriter(f"{other.url}/v1", loopback_llm.MODEL, backoff_s=0.01)
            yield Service(writer, other, loopback_llm.stream)


def test_a_model_is_asked_for_a_list_and_not_for_a_prompt(service: Service) -> None:
    """It is told the place, what stands there, the wish and the whole description; the form is a list of texts."""
    service.server.will(service.answer({"values": ["candlelight", "neon at night", "fog"]}))
    assert service.suggest() == ("candlelight", "neon at night", "fog")
    (asked,) = service.server.received
    sent = str(asked.body)
    for told in ("Write 6 values for lighting.conditions", "night, moonlight", "six kinds of light", "a red ball"):
        assert told in sent
    assert "short_description tells" not in sent
    assert "values" in str(asked.body.get("response_format") or asked.body["generationConfig"])


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ('```json\n{"values": ["fog", "fog", "  rain \\n light "]}\n```', ("fog", "rain light")),
        ('Here you are: ["fog", "night, moonlight", "rain"] Enjoy!', ("fog", "rain")),
        ('{"values": ["fog", "rain', ("fog", "rain")),
        ('{"lights": ["fog", {"a": 1}, null, "", 5]}', ("fog", "5")),
    ],
)
def test_an_answer_is_read_as_it_is_meant(service: Service, said: str, values: tuple[str, ...]) -> None:
    """Without what stands there already, without doubles, and whatever stands around it; each can be an axis."""
    service.server.will(service.answer(said))
    found = service.suggest()
    assert found == values
    assert axis(LIGHT, found).values == values


def test_what_a_grid_has_already_is_told_and_not_taken(service: Service) -> None:
    service.server.will(service.answer({"values": ["fog", "rain", "haze"]}))
    values = service.writer.suggest_values(PROMPT, LIGHT, "", 4, without=("fog", "dusk"))
    assert values == ("rain", "haze")
    assert "Others than: night, moonlight; fog; dusk." in str(service.server.received[-1].body)


def test_no_more_are_given_than_were_asked_for(service: Service) -> None:
    service.server.will(service.answer({"values": [f"light {number}" for number in range(20)]}))
    assert len(service.suggest(count=3)) == 3


def test_an_answer_without_values_is_asked_for_again_and_then_said_to_be_none(service: Service) -> None:
    service.server.will(service.answer("I cannot do that."), service.answer({"values": ["fog"]}))
    assert service.suggest() == ("fog",)
    service.server.will(service.answer("I cannot do that."), service.answer({"values": []}))
    with pytest.raises(WriterAnswerError, match=r"holds no values\. Ask again, or write them by hand\.$"):
        service.suggest()


def test_a_cancel_ends_the_question(service: Service) -> None:
    flag = CancelFlag()
    flag.cancel()
    with pytest.raises(Cancelled):
        service.writer.suggest_values(PROMPT, LIGHT, "", 2, cancel=flag)


# The offline writer


def test_the_offline_writer_has_the_vocabulary_and_what_fits_the_wish_first() -> None:
    """Without what stands there now, for any object of a list, and never a value twice."""
    writer = OfflineWriter()
    values = writer.suggest_values(PROMPT, LIGHT, "six kinds of warm light", 6)
    assert len(set(values)) == 6
    assert set(values) < set(suggestions_at(LIGHT)) - {"night, moonlight"}
    assert [value for value in values if "warm" in value] == list(values[:2])
    assert writer.suggest_values(PROMPT, "objects[3].texture", "", 2) == suggestions_at("objects[0].texture")[:2]


def test_asked_again_the_offline_writer_has_others() -> None:
    """As many as there are."""
    first = OfflineWriter().suggest_values(PROMPT, LIGHT, "", 6)
    more = OfflineWriter().suggest_values(PROMPT, LIGHT, "", 6, without=first)
    assert {*first, *more} == set(suggestions_at(LIGHT)) - {"night, moonlight"}
    assert not {*first} & {*more}


def test_the_colours_of_an_object_are_those_of_the_shape_that_it_has() -> None:
    """In its own words, but for the colour that stands there; of a shape that names none it follows."""
    prompt = StructuredPrompt.from_dict({"objects": [{"shape_and_color": "cubic, blue, with rounded edges"}]})
    path = "objects[0].shape_and_color"
    values = OfflineWriter().suggest_values(prompt, path, "six colours", 6)
    assert len(set(values)) == 6
    assert "cubic, red, with rounded edges" in values
    assert "cubic, blue, with rounded edges" not in suggestions_at(path, "cubic, red")
    assert "cubic, blue, with rounded edges" not in known_values(path, now="cubic, blue, with rounded edges")
    assert "a cube, red" in suggestions_at(path, "a cube")
    assert "red" in suggestions_at(path)


def test_where_the_vocabulary_has_nothing_the_offline_writer_says_so() -> None:
    with pytest.raises(WriterUnavailable, match=r"^The offline writer knows no other values for short_desc"):
        OfflineWriter().suggest_values(PROMPT, "short_description", "", 2)


# Who is asked


@pytest.mark.parametrize(
    ("wish", "count"),
    [
        ("six kinds of light", 6), ("3 moods", 3), ("Two angles", 2), ("other light", COUNT), ("", COUNT),
        ("0 of them", 1), ("500 kinds", COUNT_MAX), ("someone walking", COUNT),
    ],
)  # fmt: skip
def test_a_wish_says_how_many(wish: str, count: int) -> None:
    assert count_wished(wish) == count


class Closed(OfflineWriter):
    name = "closed"

    def suggest_values(self, *_: Any, **__: Any) -> tuple[str, ...]:
        raise WriterUnavailable("It is closed today.", 600.0)


def writers(*, closed: bool = True) -> Writers:
    lack = Missing("no key", "No key is set.")
    return Writers(
        (
            Backend("unset", "Unset", "", Closed, lambda: lack),
            *((Backend("closed", "The closed writer", "", Closed),) if closed else ()),
            Backend("offline", "The offline writer", "", OfflineWriter),
        )
    )


def test_auto_asks_the_next_writer_and_tells_who_did_not_answer() -> None:
    """A quota is not waited for: somebody looks at the dialog."""
    found = writers().suggest_values("auto", PROMPT, LIGHT, "two kinds of light")
    assert (len(found.values), found.writer) == (2, "offline")
    assert found.passed_over == ("The closed writer did not answer: It is closed today.",)


@pytest.mark.parametrize(
    ("choice", "path", "wish", "error", "sentence"),
    [
        ("closed", LIGHT, "", WriterUnavailable, "^It is closed today"),
        ("unset", LIGHT, "", WriterUnavailable, "^No key is set"),
        ("nobody", LIGHT, "", InputError, "no prompt writer called 'nobody'"),
        ("auto", LIGHT, "x" * 501, InputError, "The wish has 501 characters, and 500 are read"),
        (
            "auto",
            "context.mine",
            "",
            WriterUnavailable,
            "It is closed today. The offline writer knows no other",
        ),
    ],
)
def test_who_cannot_answer_says_why(choice: str, path: str, wish: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        writers().suggest_values(choice, PROMPT, path, wish)
