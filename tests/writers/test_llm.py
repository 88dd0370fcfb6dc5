"""Any model writes prompts: what its service is sent, what comes back, and every way in which that can fail.

The service is a server on loopback that speaks OpenAI's chat completions (`loopback_llm.py`).
"""

import json
import logging
import re
import socket
import threading
import traceback
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.errors import (
    Cancelled,
    InputError,
    PromptRefused,
    SettingsError,
    TimedOut,
    WriterAnswerError,
    WriterError,
    WriterUnavailable,
)
from fibo_core.prompts.caption_schema import KEYS, CaptionObject
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.settings import Settings
from fibo_core.work.runtime import build_writers
from fibo_core.writers.llm import LlmWriter, check_service
from fibo_core.writers.llm_form import form_in_words
from fibo_core.writers.service import FIRST_BUDGET, LARGER_BUDGET
from tests.writers.loopback_llm import (
    EVENTS,
    MODEL,
    LoopbackLlm,
    Reply,
    answer,
    error,
    event,
    loopback_llm,
    models,
    page,
    payload,
    stream,
)

COMPLETE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "complete.json").read_text("utf-8"))
DOCUMENT = {
    "short_description": "A red ball on a lawn.",
    "objects": [{"description": "A red ball", "location": "centre", "relationship": "alone", "pose": None}],
    "background_setting": "a lawn",
    "lighting": {"conditions": "daylight", "direction": "left"},
    "aesthetics": {"composition": "centred", "color_scheme": "red on green", "mood_atmosphere": "calm"},
    "photographic_characteristics": None,
    "text_render": [],
    "context": "a snapshot",
}
PROMPT = StructuredPrompt.from_dict(DOCUMENT)
KEY = "-".join(("not", "a", "key", "but", "as", "secret", "as", "one"))


BEGUN = stream("{", finish=None, tokens=None, done=False).body


@pytest.fixture
def llm() -> Iterator[LoopbackLlm]:
    with loopback_llm() as server:
        server.will(stream(DOCUMENT))
        yield server


@pytest.fixture
def writer(llm: LoopbackLlm) -> LlmWriter:
    return _writer(llm)


def _writer(llm: LoopbackLlm, key: str = KEY, **limits: float) -> LlmWriter:
    return LlmWriter(f"{llm.url}/v1", MODEL, key, **{"backoff_s": 0.01, "silence_s": 20.0, **limits})


# What is sent, and what comes of it


def test_an_idea_becomes_a_prompt_that_names_its_writer_model_and_tokens(llm: LoopbackLlm, writer: LlmWriter) -> None:
    told: list[int] = []
    written = writer.expand("a red ball", seed=2**63 - 1, on_tokens=told.append)
    assert written.prompt.get("short_description") == "A red ball on a lawn."
    assert "photographic_characteristics" not in written.prompt.document
    assert (written.writer, written.model, written.notes) == ("llm", MODEL, ())
    assert written.usage is not None
    assert (written.usage.input_tokens, written.usage.output_tokens) == (900, 700)
    assert told[-1] == 700
    [received] = llm.received
    assert (received.path, received.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert "a red ball" in received.text
    assert (received.body["model"], received.body["seed"], received.body["stream"]) == (MODEL, 2**31 - 1, True)


def test_a_service_of_ones_own_needs_no_key(llm: LoopbackLlm) -> None:
    _writer(llm, key="").expand("a red ball")
    assert "authorization" not in llm.received[0].headers


def test_a_service_that_does_not_stream_is_read_as_well(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(answer(DOCUMENT, tokens=(521, 291), model="qwen3-8b-instruct"))
    written = writer.expand("a red ball")
    assert (written.prompt.get("context"), written.model) == ("a snapshot", "qwen3-8b-instruct")
    assert written.usage is not None
    assert written.usage.total == 812


@pytest.mark.parametrize(
    "reply",
    [
        stream(DOCUMENT, done=False),
        stream(DOCUMENT, before=b": OPENROUTER PROCESSING\n\nevent: x\nid: 1\n"),
        Reply(stream(DOCUMENT).body.replace(b"\n", b"\r\n"), headers=EVENTS),
        Reply(stream(DOCUMENT).body.replace(b"data: ", b"data:")),
        answer("", message={"content": [{"type": "text", "text": json.dumps(DOCUMENT)}]}),
        answer(f"<think>Is it {{red}}?</think>\n{json.dumps(DOCUMENT)}"),
        answer(DOCUMENT, message={"reasoning_content": "{}"}, tokens=None),
        Reply(b"\xef\xbb\xbf" + answer(DOCUMENT).body),
    ],
)
def test_each_dialect_of_an_answer_is_read(llm: LoopbackLlm, writer: LlmWriter, reply: Reply) -> None:
    """Comments and line ends of streams, text in parts, thoughts before it, no count of tokens."""
    llm.will(reply)
    assert writer.expand("a red ball").prompt.get("objects[0].description") == "A red ball"
    assert len(llm.received) == 1


def test_the_form_goes_along_as_a_strict_schema_and_in_words(llm: LoopbackLlm, writer: LlmWriter) -> None:
    """All keys in FIBO's order and all required, optional ones nullable, nothing else, but for the two scores."""
    writer.expand("a red ball")
    body = llm.received[0].body
    form = body["response_format"]["json_schema"]
    schema = form["schema"]
    assert form["strict"]
    assert tuple(schema["properties"]) == tuple(schema["required"]) == KEYS
    item = schema["properties"]["objects"]["items"]
    assert (item["required"], item["additionalProperties"]) == (list(CaptionObject.model_fields), False)
    assert {"type": "null"} in item["properties"]["pose"]["anyOf"]
    assert "anyOf" not in item["properties"]["description"]
    assert schema["properties"]["aesthetics"]["required"] == ["composition", "color_scheme", "mood_atmosphere"]
    system = body["messages"][0]["content"]
    assert CaptionObject.model_fields["location"].description in system
    assert "preference_score" not in system


def test_a_refinement_changes_only_what_the_answer_changed(llm: LoopbackLlm, writer: LlmWriter) -> None:
    before = StructuredPrompt.from_dict({"mine": 1, **COMPLETE}).set("aesthetics.preference_score", "low")
    changed = {key: COMPLETE[key] for key in sorted(COMPLETE)} | {"background_setting": "a street at night"}
    llm.will(stream(changed))
    after = writer.refine(before, "at night").prompt
    assert [change.path for change in diff(before, after)] == ["background_setting"]
    assert list(after.document) == list(before.document)
    assert "at night" in llm.received[0].text
    assert '"mine"' not in llm.received[0].text


def test_a_picture_is_sent_small_to_a_model_that_sees(llm: LoopbackLlm, writer: LlmWriter) -> None:
    writer.inspire([Image.new("RGB", (1920, 1080), "red")], "as a woodcut")
    assert "as a woodcut" in llm.received[0].text
    url = llm.received[0].picture
    assert url is not None
    head, _, data = url.partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(BytesIO(b64decode(data))).size == (682, 384)


def test_several_pictures_are_sent_in_one_message(llm: LoopbackLlm, writer: LlmWriter) -> None:
    """The task first, then each picture, in the order in which they were given."""
    writer.inspire([Image.new("RGB", size, "red") for size in ((64, 32), (32, 64))])
    content = llm.received[0].body["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    assert "Two pictures are given" in content[0]["text"]
    sizes = [Image.open(BytesIO(b64decode(part["image_url"]["url"].partition(",")[2]))).size for part in content[1:]]
    assert sizes == [(64, 32), (32, 64)]


def test_a_model_that_takes_one_picture_is_asked_about_the_first_and_a_note_says_so(
    llm: LoopbackLlm, writer: LlmWriter
) -> None:
    llm.will(error(400, "this model supports at most 1 image per request"), stream(DOCUMENT))
    written = writer.inspire([Image.new("RGB", (64, 32), "red"), Image.new("RGB", (32, 64), "blue")], "at night")
    assert written.notes[0] == f"{MODEL} looks at one picture: the first alone was described."
    content = llm.received[1].body["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert "pictures are given" not in content[0]["text"]
    assert "at night" in content[0]["text"]


BLIND = (
    error(400, "qwen3:8b does not support images"),
    error(500, "image input is not supported - hint: you may need to provide the mmproj"),
    error(404, "No endpoints found that support image input"),
    payload({"error": {"message": "unknown content part image_url"}}, status=422),
)


@pytest.mark.parametrize("reply", BLIND)
def test_a_model_that_sees_no_pictures_changes_the_prompt_alone_and_a_note_says_so(
    llm: LoopbackLlm, writer: LlmWriter, reply: Reply
) -> None:
    llm.will(reply, stream(DOCUMENT))
    written = writer.refine(PROMPT, "make it green", picture=Image.new("RGB", (64, 32), "red"))
    assert written.notes[0].startswith(f"{MODEL} takes no pictures")
    assert llm.received[1].picture is None
    assert "painted" not in llm.received[1].text.split("The description:")[0]


@pytest.mark.parametrize("reply", BLIND)
def test_a_picture_that_cannot_be_seen_is_not_described(llm: LoopbackLlm, writer: LlmWriter, reply: Reply) -> None:
    """Another writer can be asked; without the picture there would be nothing to say."""
    llm.will(reply)
    with pytest.raises(WriterUnavailable, match="takes no pictures") as caught:
        writer.inspire([Image.new("RGB", (64, 32), "red")])
    assert _documented(caught.value)
    assert len(llm.received) == 1


# What a service does not take


@pytest.mark.parametrize(
    ("message", "gone", "there"),
    [
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported", "response_format", "seed"),
        ("This model does not support structured outputs", "response_format", "seed"),
        ("Unrecognized request argument: stream_options", "stream_options", "stream"),
        ("Unsupported value: 'temperature' does not support 0.2", "temperature", "response_format"),
        ("Extra inputs are not permitted: seed", "seed", "response_format"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", "max_tokens", "max_completion_tokens"),
        ("streaming is not supported", "stream", "response_format"),
        ("Bad request", "response_format", "seed"),
    ],
)
def test_what_a_service_does_not_take_is_left_out_and_not_tried_again(
    llm: LoopbackLlm, writer: LlmWriter, message: str, gone: str, there: str
) -> None:
    llm.will(error(400, message), stream(f"Here you are:\n```json\n{json.dumps(DOCUMENT)}\n```"))
    assert writer.expand("a red ball", seed=1).prompt.get("context") == "a snapshot"
    writer.expand("a red ball", seed=1)
    assert gone in llm.received[0].body
    for received in llm.received[1:]:
        assert gone not in received.body
        assert there in received.body
    assert len(llm.received) == 3


def test_a_request_that_nothing_makes_right_is_told_and_leaves_nothing_out_next_time(
    llm: LoopbackLlm, writer: LlmWriter
) -> None:
    llm.will(error(400, "Bad request"))
    with pytest.raises(WriterUnavailable, match=r"does not take this request \(400\): “Bad request”") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert ["response_format" in each.body for each in llm.received] == [True, False]
    llm.will(stream(DOCUMENT))
    writer.expand("a red ball")
    assert "response_format" in llm.received[2].body


# Answers that need work


def test_an_answer_cut_off_by_its_budget_is_asked_for_once_more_with_a_larger_one(
    llm: LoopbackLlm, writer: LlmWriter
) -> None:
    llm.will(stream('{"short_desc', finish="length", tokens=(900, 107)), stream(DOCUMENT))
    written = writer.expand("a red ball")
    assert [each.body["max_tokens"] for each in llm.received] == [FIRST_BUDGET, LARGER_BUDGET]
    assert written.usage is not None
    assert (written.usage.input_tokens, written.usage.output_tokens) == (1800, 807)


def test_an_answer_cut_off_twice_is_repaired_and_says_so(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(stream('{"short_description": "A red ball", "lighting": {"con', finish="length"))
    written = writer.expand("a red ball")
    assert written.prompt.document == {"short_description": "A red ball"}
    assert written.notes[0].startswith("The answer was cut off in short_description")
    assert len(llm.received) == 2


def test_prose_is_asked_for_once_more_and_then_an_error_with_its_text(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(stream("I would love to!"))
    with pytest.raises(WriterAnswerError, match="no structured prompt") as caught:
        writer.expand("a red ball")
    assert caught.value.text == "I would love to!"
    assert len(llm.received) == 2


def test_a_service_that_sends_the_request_back_before_the_answer_is_read_from_there(
    llm: LoopbackLlm, writer: LlmWriter
) -> None:
    """Its form and the prompt to change look like an answer."""
    writer.refine(PROMPT, "make it green")
    asked = "\n".join(["<|system|>", llm.received[0].body["messages"][0]["content"], llm.received[0].text])
    llm.will(stream(f"{asked}\nassistant\n{json.dumps({**DOCUMENT, 'context': 'a poster'})}"))
    assert writer.refine(PROMPT, "make it green").prompt.get("context") == "a poster"


def test_a_model_that_gives_the_form_back_has_written_nothing(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(stream(form_in_words().partition("\n")[2]))
    with pytest.raises(WriterAnswerError, match="repeated the form") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert len(llm.received) == 2


@pytest.mark.parametrize(
    ("reply", "sentence", "requests"),
    [
        (stream(""), r"is empty \(it ended with stop\)", 2),
        (answer("", finish=None), r"is empty \(it ended with no reason\)", 2),
        (stream("<think>So many thoughts", finish="length"), f"used up {LARGER_BUDGET:,} tokens without", 3),
        (payload({"choices": []}), "holds no candidate", 2),
        (payload({}), "holds no candidate", 2),
    ],
)
def test_an_empty_answer_is_an_error_that_says_how_it_ended(
    llm: LoopbackLlm, writer: LlmWriter, reply: Reply, sentence: str, requests: int
) -> None:
    llm.will(reply)
    with pytest.raises(WriterAnswerError, match=sentence) as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert len(llm.received) == requests


# Failures: each its own sentence, and each in docs/TROUBLESHOOTING.md


def _documented(exc: Exception) -> bool:
    """Whether a row of TROUBLESHOOTING has this sentence; "…" stands for what differs."""
    rows = (Path(__file__).parents[2] / "docs" / "TROUBLESHOOTING.md").read_text("utf-8").splitlines()
    sentences = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")]
    return any(re.fullmatch(".*".join(map(re.escape, each.split("…"))), str(exc)) for each in sentences if each != "…")


TIRED = error(503, "The server is overloaded.")
MOVED = Reply(status=307, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"})
SHAPES: list[Any] = [
    3, [], "x", None, {"choices": [{"message": {"content": 5}}]}, {"choices": ["x"]}, {"choices": 3},
    {"usage": "x", "choices": []},
]  # fmt: skip
UNANSWERED = (
    (error(401, "Incorrect API key provided."), "does not accept this LLM_API_KEY: “Incorrect", 1),
    (error(403, "Your project may not."), f"LLM_API_KEY may not use {MODEL}: “Your project", 1),
    (error(402, "Insufficient credits"), "no credit left: “Insufficient credits”", 1),
    (error(429, "You exceeded your quota.", code="insufficient_quota"), "no credit left", 1),
    (error(404, 'model "qwen3:8b" not found, try pulling it first'), f"has no model '{MODEL}'.*try pulling", 1),
    (error(404, "The model `x` does not exist.", type="NotFoundError"), f"has no model '{MODEL}'", 1),
    (error(400, "x/y is not a valid model ID"), f"has no model '{MODEL}'", 1),
    (Reply(b"404 page not found", 404), r"no chat completions at http://127.*/v1 \(404\): “404 page", 1),
    (error(405, "Method Not Allowed"), r"no chat completions at .*\(405\)", 1),
    (error(400, "This model's maximum context length is 4096 tokens."), "too long for qwen3:8b", 1),
    (error(413, "Too large"), "too long for qwen3:8b", 1),
    (error(500, "Internal error."), r"trouble of its own \(500\): “Internal error”", 3),
    (TIRED, r"trouble of its own \(503\): “The server is overloaded”", 3),
    (page(502), r"trouble of its own \(502\)\. Try", 3),
    (payload({"error": "out of memory"}), r"trouble of its own \(502\): “out of memory”", 3),
    (Reply(event({"error": {"message": "CUDA error", "code": 500}}), headers=EVENTS), "of its own.*CUDA error", 3),
    (error(418, "short and stout"), "status 418: “short and stout”", 1),
    (Reply(status=204), "status 204", 1),
    (page(), "A web page came back", 1),
    (Reply(answer(DOCUMENT).body[:99]), "Only a part of the answer of qwen3:8b came back", 3),
    (stream(DOCUMENT, finish=None, done=False), "Only a part of the answer", 3),
    (answer(DOCUMENT, cut_after=99), "broke off", 3),
    (Reply(raw=b""), "broke off", 3),
    (Reply(raw=b"SSH-2.0-loopback\r\n"), "broke off", 3),
    (Reply(bytes(range(256))), "is not JSON", 1),
    (Reply(b"data: {half\n\n", headers=EVENTS), "is not JSON", 1),
    (Reply(b"\x00\x01", headers={"Content-Encoding": "gzip"}), "is not JSON", 1),
    (Reply(b"[" * 100_000), "a form that this version of the studio does not know", 1),
    (Reply(b'data: {"choices": [{"delta": 3}]}\n\n', headers=EVENTS), "a form that this version", 1),
    (MOVED, r"sends elsewhere \(307\)", 1),
    *((payload(body), "a form that this version of the studio does not know", 1) for body in SHAPES),
)  # fmt: skip


@pytest.mark.parametrize(("reply", "sentence", "requests"), UNANSWERED)
def test_a_request_that_fails_is_told_in_its_own_sentence_and_retried_only_where_that_can_help(
    llm: LoopbackLlm, writer: LlmWriter, reply: Reply, sentence: str, requests: int
) -> None:
    """Another writer may answer: WriterUnavailable. Trouble that may pass is met with three tries."""
    llm.will(reply)
    with pytest.raises(WriterUnavailable, match=sentence) as caught:
        writer.expand("a red ball")
    assert len(llm.received) == requests
    assert caught.value.retry_after_s is None
    assert _documented(caught.value)


def test_a_service_that_wants_a_key_says_so_where_none_is_set(llm: LoopbackLlm) -> None:
    llm.will(error(401, "Missing Authorization header"))
    with pytest.raises(WriterUnavailable, match="wants a key: “Missing") as caught:
        _writer(llm, key="").expand("a red ball")
    assert _documented(caught.value)


def test_trouble_that_passes_is_not_noticed(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(TIRED, stream(DOCUMENT, cut_after=9), stream(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"
    assert len(llm.received) == 3


@pytest.mark.parametrize(
    "reply",
    [
        answer("", message={"refusal": "I cannot help with that."}),
        stream("", finish="content_filter"),
        answer('{"short_description": "half', finish="content_filter"),
        error(400, "The response was filtered", code="content_filter"),
        error(403, "Your chosen model requires moderation and your input was flagged"),
    ],
)
def test_a_refusal_is_a_refusal_and_nobody_else_is_asked(llm: LoopbackLlm, writer: LlmWriter, reply: Reply) -> None:
    llm.will(reply)
    with pytest.raises(PromptRefused, match="Say it otherwise") as caught:
        writer.expand("something")
    assert _documented(caught.value)
    assert len(llm.received) == 1


@pytest.mark.parametrize(
    ("reply", "seconds", "meanwhile"),
    [
        (error(429, "Rate limit", headers={"Retry-After": "2700"}), 2700, "is over its quota"),
        (error(503, "Overloaded", headers={"Retry-After": "40"}), 40, "has trouble of its own"),
        (error(503, "Loading model", headers={"Retry-After": "20"}), 20, "is being loaded"),
    ],
)
def test_a_service_says_when_to_ask_again(
    llm: LoopbackLlm, writer: LlmWriter, reply: Reply, seconds: float, meanwhile: str
) -> None:
    """A long wait is left to whoever asked."""
    llm.will(reply)
    with pytest.raises(WriterUnavailable) as caught:
        writer.expand("a red ball")
    assert (caught.value.retry_after_s, caught.value.meanwhile) == (seconds, meanwhile)
    assert _documented(caught.value)
    assert len(llm.received) == 1


def test_a_short_wait_of_a_rate_limit_is_waited_for(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(error(429, "Rate limit", headers={"Retry-After": "0.1"}), stream(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"


@pytest.mark.parametrize("message", ["This model has no free tier.", "Rate limit reached: limit: 0, used: 1"])
def test_a_quota_of_nothing_fails_at_once(llm: LoopbackLlm, writer: LlmWriter, message: str) -> None:
    llm.will(error(429, message, headers={"Retry-After": "1"}))
    with pytest.raises(WriterUnavailable, match="no quota for qwen3:8b") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert (caught.value.retry_after_s, len(llm.received)) == (None, 1)


@pytest.mark.parametrize("reply", [Reply(hangs=True), Reply(drips=True), Reply(BEGUN, drips=True)])
def test_a_service_that_is_silent_is_given_up(llm: LoopbackLlm, reply: Reply) -> None:
    """Comments that keep the connection open are no answer."""
    llm.will(reply)
    with pytest.raises(WriterUnavailable, match=r"qwen3:8b did not answer within \d s") as caught:
        _writer(llm, silence_s=1).expand("a red ball")
    assert _documented(caught.value)
    assert len(llm.received) == 1
    assert llm.left.wait(20) or reply.hangs


def test_an_answer_without_end_is_read_no_further_than_it_can_be_one(llm: LoopbackLlm, writer: LlmWriter) -> None:
    llm.will(stream("x" * 5_000_000, tokens=None))
    with pytest.raises(WriterAnswerError, match="characters, and at most 100,000 are read"):
        writer.expand("a red ball")


def test_a_service_that_is_not_running_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        writer = LlmWriter(f"http://127.0.0.1:{unused.getsockname()[1]}/v1", MODEL, backoff_s=0.01)
        with pytest.raises(WriterUnavailable, match=r"/v1 cannot be reached.*Start the service") as caught:
            writer.expand("a red ball")
    assert _documented(caught.value)


def test_a_service_on_this_machine_is_asked_past_the_proxy(
    llm: LoopbackLlm, writer: LlmWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"


def test_a_proxy_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://here")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(WriterUnavailable, match=r"is no web address.*the proxy's") as caught:
        LlmWriter("http://service.invalid/v1", MODEL).expand("a red ball")
    assert _documented(caught.value)


def test_a_redirect_is_not_followed_with_the_key(llm: LoopbackLlm, writer: LlmWriter) -> None:
    with loopback_llm() as other:
        other.will(stream(DOCUMENT))
        llm.will(Reply(status=307, headers={"Location": f"{other.url}/v1/chat/completions"}))
        with pytest.raises(WriterUnavailable, match="not followed"):
            writer.expand("a red ball")
        assert other.received == []


def test_an_error_that_no_server_can_cause_is_a_bug_and_raised_as_it_is(
    writer: LlmWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("fibo_core.writers.llm._client", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        writer.expand("a red ball")


# Cancel


@pytest.mark.parametrize(
    "reply", [Reply(hangs=True), TIRED, Reply(BEGUN, drips=True)], ids=["hangs", "waits", "streams"]
)
def test_a_cancel_ends_the_request_and_the_connection(llm: LoopbackLlm, reply: Reply) -> None:
    """Nobody waits for a time-out, which is a minute away, and the service can stop writing."""
    llm.will(reply)
    flag, ended = CancelFlag(), list[BaseException]()

    def work() -> None:
        try:
            _writer(llm, silence_s=60, backoff_s=5).expand("a red ball", cancel=flag)
        except Cancelled as exc:
            ended.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    assert llm.arrived.wait(30)
    flag.cancel()
    thread.join(20)  # far below the minute and the five seconds, far above what it takes
    assert [type(each) for each in ended] == [Cancelled]
    assert len(llm.received) == 1
    assert llm.left.wait(20) or not reply.drips


def test_a_jobs_deadline_ends_a_request_as_well(llm: LoopbackLlm) -> None:
    llm.will(Reply(hangs=True))
    flag = CancelFlag(timeout_s=1)
    flag.start_clock()
    with pytest.raises(TimedOut):
        _writer(llm).expand("a red ball", cancel=flag)


# The key


ECHO = f"The key {KEY} is odd."


@pytest.mark.parametrize(
    "reply",
    [
        *(error(code, ECHO) for code in (400, 401, 402, 403, 404, 413, 418, 429, 500, 503)),
        error(400, ECHO, code=KEY, type=KEY),
        payload({"error": ECHO}),
        Reply(event({"error": {"message": ECHO}}), headers=EVENTS),
        Reply(status=302, headers={"Location": f"http://127.0.0.1/?key={KEY}"}),
        Reply(ECHO.encode()),
        Reply(ECHO.encode(), 500),
        Reply(raw=ECHO.encode()),
        payload({"choices": KEY}),
        answer(ECHO),
        answer("", message={"refusal": ECHO}),
        answer("", finish=KEY),
        answer({**DOCUMENT, "short_description": ECHO}, model=KEY),
        stream({**DOCUMENT, "short_description": ECHO}),
    ],
)
def test_the_key_is_in_no_log_and_no_error_even_where_the_service_sends_it_back(
    llm: LoopbackLlm, writer: LlmWriter, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """Logs of every library at DEBUG, sentences, tracebacks with all causes, kept texts and prompts."""
    caplog.set_level(logging.DEBUG)
    llm.will(reply)
    try:
        said = repr(writer.expand("a red ball"))
    except WriterError as exc:
        said = _everything(exc)
    assert KEY not in said
    assert KEY not in caplog.text
    assert caplog.records
    assert KEY not in repr(writer) + str(vars(writer))
    assert llm.received[0].headers["authorization"] == f"Bearer {KEY}"


def _everything(exc: WriterError) -> str:
    """All that a log or a page could show of an error."""
    text = "".join(traceback.format_exception(exc)) + repr(exc) + getattr(exc, "text", "")
    each: BaseException | None = exc
    while each is not None:
        text += repr(each)
        each = each.__cause__ or each.__context__
    return text


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ключ", "nul\0"])
def test_a_key_that_can_be_none_is_told_without_showing_it(llm: LoopbackLlm, key: str) -> None:
    with pytest.raises(WriterUnavailable, match="LLM_API_KEY holds") as caught:
        _writer(llm, key=key).expand("a red ball")
    assert key not in _everything(caught.value)
    assert _documented(caught.value)
    assert llm.received == []


# The list of models


@pytest.mark.parametrize("reply", [models("a", MODEL), models(f"{MODEL}:latest")])
def test_the_check_names_the_model_and_costs_no_tokens(llm: LoopbackLlm, reply: Reply) -> None:
    llm.will(reply)
    assert check_service(f"{llm.url}/v1", MODEL, KEY) == f"{llm.url}/v1 has {MODEL}."
    assert (llm.received[0].path, llm.received[0].headers["authorization"]) == ("/v1/models", f"Bearer {KEY}")


def test_a_service_without_a_list_is_said_to_have_none(llm: LoopbackLlm) -> None:
    llm.will(Reply(status=404), error(422, "messages: field required"))
    assert "does not say whether" in check_service(f"{llm.url}/v1", MODEL)
    llm.will(Reply(status=404))
    with pytest.raises(WriterUnavailable, match="no chat completions at"):
        check_service(f"{llm.url}/v1", MODEL)


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (models("b", "a"), f"has no model '{MODEL}'. Set LLM_MODEL to one it has: a, b"),
        (error(401, "no"), "does not accept this LLM_API_KEY"),
        (page(), "A web page came back"),
        (payload({"data": 3}), "a form that this version"),
    ],
)
def test_the_check_says_what_is_wrong(llm: LoopbackLlm, reply: Reply, sentence: str) -> None:
    llm.will(reply)
    with pytest.raises(WriterUnavailable, match=sentence) as caught:
        check_service(f"{llm.url}/v1", MODEL, KEY)
    assert _documented(caught.value)


# Its settings, and its place among the writers


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("localhost:1234/v1/", "http://localhost:1234/v1"),
        ("https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_is_read_as_people_write_it(tmp_path: Path, value: str, address: str) -> None:
    assert _settings(tmp_path, LLM_BASE_URL=value).llm_base_url == address


@pytest.mark.parametrize(
    "value",
    ["ftp://here/v1", "sk-secret", "http://", "http://me:secret@here/v1", "http://here/v1?key=secret", "h ttp://x"],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="LLM_BASE_URL") as caught:
        _settings(tmp_path, LLM_BASE_URL=value)
    assert "secret" not in str(caught.value)
    assert _documented(caught.value)


def _settings(folder: Path, **environ: str) -> Settings:
    return Settings.from_environ({"WORKSPACE_DIR": str(folder), **environ})


def test_it_stands_between_gemini_and_local_under_its_models_name(tmp_path: Path) -> None:
    writers = build_writers(_settings(tmp_path, LLM_BASE_URL="localhost:11434", LLM_MODEL=MODEL))
    assert writers.names == ("gemini", "llm", "local", "offline")
    assert (writers.missing("llm"), writers.heading("llm")) == (None, f"LLM ({MODEL})")


@pytest.mark.parametrize(("set_up", "lacks"), [({}, "no address"), ({"LLM_BASE_URL": "localhost:1/v1"}, "no model")])
def test_what_it_lacks_is_said_in_a_word(tmp_path: Path, set_up: dict[str, str], lacks: str) -> None:
    lack = build_writers(_settings(tmp_path, **set_up)).missing("llm")
    assert lack is not None
    assert lack.what == lacks


def test_no_words_are_refused_before_anybody_is_asked(llm: LoopbackLlm, writer: LlmWriter) -> None:
    with pytest.raises(InputError):
        writer.expand(" ")
    assert llm.received == []
