"""Gemini writes prompts: what is sent, what comes back, and every way in which that can fail.

The SDK is the real one; Gemini is a server on loopback that speaks its protocol (`loopback_gemini.py`).
"""

import json
import logging
import re
import socket
import threading
import traceback
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.errors import (
    Cancelled,
    InputError,
    PictureError,
    PromptRefused,
    TimedOut,
    WriterAnswerError,
    WriterError,
    WriterUnavailable,
)
from fibo_core.prompts.caption_schema import KEYS, Caption, CaptionObject
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.gemini import GeminiWriter, check_model
from fibo_core.writers.pictures import jpeg_to_show, shown_size
from fibo_core.writers.service import FIRST_BUDGET, LARGER_BUDGET
from tests.writers.loopback_gemini import (
    INVALID_KEY,
    LoopbackGemini,
    Reply,
    answer,
    blocked,
    error,
    loopback_gemini,
    page,
    payload,
    quota,
    retry_info,
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
MODEL = "gemini-3.5-flash-lite"


@pytest.fixture
def gemini() -> Iterator[LoopbackGemini]:
    with loopback_gemini() as server:
        server.will(answer(DOCUMENT))
        yield server


@pytest.fixture
def writer(gemini: LoopbackGemini) -> GeminiWriter:
    return _writer(gemini)


def _writer(gemini: LoopbackGemini, model: str = MODEL, timeout_s: float = 20.0) -> GeminiWriter:
    return GeminiWriter(KEY, model, base_url=gemini.url, timeout_s=timeout_s, backoff_s=0.01)


# What is sent, and what comes of it


def test_an_idea_becomes_a_prompt_that_names_its_writer_model_and_tokens(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    """Thinking counts as written, as Google bills it; nulls of the answer are not kept."""
    gemini.will(answer(DOCUMENT, tokens=(900, 700, 40)))
    told: list[int] = []
    written = writer.expand("a red ball", on_tokens=told.append)
    assert written.prompt.get("short_description") == "A red ball on a lawn."
    assert "photographic_characteristics" not in written.prompt.document
    assert (written.writer, written.model, written.notes) == ("gemini", MODEL, ())
    assert written.usage is not None
    assert (written.usage.input_tokens, written.usage.output_tokens) == (900, 740)
    assert told == [740]
    [received] = gemini.received
    assert received.path.endswith(f"/models/{MODEL}:generateContent")
    assert received.headers["x-goog-api-key"] == KEY
    assert "a red ball" in received.text
    assert received.config["responseMimeType"] == "application/json"


def test_the_form_of_the_answer_is_that_of_our_own_model(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    """All keys in FIBO's order and all required, optional ones nullable, but for the two scores."""
    writer.expand("a red ball")
    schema = gemini.received[0].config["responseSchema"]
    assert tuple(schema["propertyOrdering"]) == tuple(schema["required"]) == KEYS
    item = schema["properties"]["objects"]["items"]
    assert item["required"] == list(CaptionObject.model_fields)
    assert item["properties"]["number_of_objects"]["type"] == "INTEGER"
    for name, field in CaptionObject.model_fields.items():
        always = field.is_required() or name in ("relative_size", "shape_and_color")
        assert item["properties"][name].get("nullable", False) is not always
        assert item["properties"][name]["description"] == field.description
    assert schema["properties"]["photographic_characteristics"]["nullable"] is True
    assert "nullable" not in schema["properties"]["style_medium"]
    assert schema["properties"]["aesthetics"]["required"] == ["composition", "color_scheme", "mood_atmosphere"]
    assert Caption.model_fields["context"].description == schema["properties"]["context"]["description"]


def test_a_refinement_sends_no_score_and_changes_only_what_the_answer_changed(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    """Scores, unknown keys and the order of keys, which Gemini never saw, are as before."""
    before = StructuredPrompt.from_dict({"mine": 1, **COMPLETE}).set("aesthetics.preference_score", "low")
    changed = {key: COMPLETE[key] for key in sorted(COMPLETE)}
    changed["background_setting"] = "a street at night"
    gemini.will(answer(changed))
    after = writer.refine(before, "at night").prompt
    assert [change.path for change in diff(before, after)] == ["background_setting"]
    assert list(after.document) == list(before.document)
    sent = gemini.received[0]
    assert "at night" in sent.text
    assert "A baker in her fifties" in sent.text
    assert "_score" not in sent.text
    assert '"mine"' not in sent.text
    assert len(sent.body["contents"][0]["parts"]) == 1


def test_a_refinement_adds_nothing_to_what_a_short_prompt_leaves_open(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    """Gemini must write every key; in a refinement each may be null, and a list of nothing is not kept."""
    before = StructuredPrompt.from_dict({"short_description": "A red ball.", "objects": [{"description": "a ball"}]})
    nothing = dict.fromkeys(KEYS) | {"text_render": []}
    gemini.will(answer(nothing | {"short_description": "A green ball.", "objects": [{"description": "a ball"}]}))
    written = writer.refine(before, "make it green")
    assert written.prompt.document == before.set("short_description", "A green ball.").document
    assert written.notes == ()
    schema = gemini.received[0].config["responseSchema"]
    assert all(part["nullable"] for part in schema["properties"].values())
    assert all(part["nullable"] for part in schema["properties"]["objects"]["items"]["properties"].values())


def test_a_refinement_with_its_picture_sends_that_too(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    writer.refine(PROMPT, "make the ball green", picture=Image.new("RGB", (64, 32), "red"))
    assert _sent_picture(gemini).size == (64, 32)
    assert "make the ball green" in gemini.received[0].text


def test_a_picture_alone_is_described_and_with_a_hint_reimagined(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    """Two tasks with their own words."""
    picture = Image.new("RGB", (1920, 1080), "red")
    assert writer.inspire([picture]).prompt.get("context") == "a snapshot"
    writer.inspire([picture], "as a woodcut")
    assert _sent_picture(gemini).size == (682, 384)
    described, reimagined = (received.text for received in gemini.received)
    assert described != reimagined
    assert "as a woodcut" in reimagined


def test_several_pictures_are_sent_together_with_one_task(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    """In their order, the main one first, and the task says how many there are and which leads."""
    pictures = [Image.new("RGB", size, "red") for size in ((64, 32), (32, 64), (16, 16))]
    writer.inspire(pictures, "as a woodcut")
    (sent,) = gemini.received
    parts = sent.body["contents"][0]["parts"]
    assert [part["inlineData"]["mimeType"] for part in parts[1:]] == ["image/jpeg"] * 3
    assert _sent_picture(gemini).size == (64, 32)
    assert "Three pictures are given" in sent.text
    assert "the main one" in sent.text
    assert "as a woodcut" in sent.text


def _sent_picture(gemini: LoopbackGemini) -> Image.Image:
    data = gemini.received[0].body["contents"][0]["parts"][1]["inlineData"]
    assert data["mimeType"] == "image/jpeg"
    picture = Image.open(BytesIO(b64decode(data["data"] + "==", altchars=b"-_")))
    assert picture.format == "JPEG"
    return picture


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}),
        ("gemini-2.5-flash-lite", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"thinkingBudget": 128}),
        ("gemini-3.5-flash-lite", {"thinkingLevel": "LOW"}),
        ("models/gemini-3.8-flash", {"thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", {"thinkingLevel": "LOW"}),
        ("gemini-flash-latest", None),
        ("gemma-4-27b-it", None),
    ],
)
def test_thinking_follows_the_models_family(gemini: LoopbackGemini, model: str, thinking: dict[str, Any]) -> None:
    """A budget for 2.5, a level for 3, never both, and nothing for what is not known."""
    _writer(gemini, model).expand("a red ball")
    assert gemini.received[0].config.get("thinkingConfig") == thinking


def test_a_model_that_takes_no_thinking_settings_is_asked_without(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    """A new model need not wait for a new studio."""
    gemini.will(error(400, "INVALID_ARGUMENT", "Thinking level is not supported for this model."), answer(DOCUMENT))
    writer.expand("a red ball")
    assert "thinkingConfig" in gemini.received[0].config
    assert "thinkingConfig" not in gemini.received[1].config


def test_the_seed_is_sent_in_the_size_that_the_service_takes(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    writer.expand("a red ball", seed=2**63 - 1)
    writer.expand("a red ball")
    assert gemini.received[0].config["seed"] == 2**31 - 1
    assert "seed" not in gemini.received[1].config


def test_the_sdks_own_variable_leads_to_another_address(
    gemini: LoopbackGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the variables that would turn the SDK to another service or key are not followed."""
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GEMINI_API_KEY", "another")
    GeminiWriter(KEY, MODEL).expand("a red ball")
    assert gemini.received[0].headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize("words", ["", " \n", "x" * 20_001])
def test_no_words_and_far_too_many_are_refused_before_anybody_is_asked(
    gemini: LoopbackGemini, writer: GeminiWriter, words: str
) -> None:
    with pytest.raises(InputError):
        writer.expand(words)
    with pytest.raises(InputError):
        writer.refine(PROMPT, words)
    assert gemini.received == []


# Answers that need work


def test_an_answer_cut_off_by_its_budget_is_asked_for_once_more_with_a_larger_one(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    """Tokens of both are counted."""
    gemini.will(answer('{"short_desc', finish="MAX_TOKENS", tokens=(900, 100, 7)), answer(DOCUMENT))
    written = writer.expand("a red ball")
    assert [each.config["maxOutputTokens"] for each in gemini.received] == [FIRST_BUDGET, LARGER_BUDGET]
    assert written.usage is not None
    assert (written.usage.input_tokens, written.usage.output_tokens) == (1800, 807)


def test_an_answer_cut_off_twice_is_repaired_and_says_so(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    gemini.will(answer('{"short_description": "A red ball", "lighting": {"con', finish="MAX_TOKENS"))
    written = writer.expand("a red ball")
    assert written.prompt.document == {"short_description": "A red ball"}
    assert written.notes[0].startswith("The answer was cut off in short_description")
    assert len(gemini.received) == 2


def test_an_answer_in_fences_with_other_names_is_repaired(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    gemini.will(answer('Here:\n```json\n{"Short Description": "A red ball", "Objects": ["a ball"],}\n```'))
    written = writer.expand("a red ball")
    assert written.prompt.get("objects[0].description") == "a ball"
    assert written.notes
    assert len(gemini.received) == 1


def test_an_answer_that_is_no_prompt_is_asked_for_once_more(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    gemini.will(answer("I would love to!"), answer(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"


def test_an_answer_that_is_no_prompt_twice_is_an_error_with_its_text(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    gemini.will(answer("I would love to!"))
    with pytest.raises(WriterAnswerError, match="no structured prompt") as caught:
        writer.expand("a red ball")
    assert caught.value.text == "I would love to!"
    assert len(gemini.received) == 2


def test_an_answer_in_several_parts_with_thoughts_is_put_together(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    text = json.dumps(DOCUMENT)
    parts = [{"text": "Let me think", "thought": True}, {"text": text[:50]}, {"text": text[50:]}]
    gemini.will(payload({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"


# Failures: each its own sentence, and each in docs/TROUBLESHOOTING.md


def _documented(exc: WriterError) -> bool:
    """Whether a row of TROUBLESHOOTING has this sentence; "…" stands for what differs."""
    rows = (Path(__file__).parents[2] / "docs" / "TROUBLESHOOTING.md").read_text("utf-8").splitlines()
    sentences = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")]
    return any(re.fullmatch(".*".join(map(re.escape, each.split("…"))), str(exc)) for each in sentences if each != "…")


TIRED = error(503, "UNAVAILABLE", "The model is overloaded.")
SHAPES: list[Any] = [
    3,
    {"candidates": [{"content": "x"}]},
    {"candidates": [{"content": {"parts": [{"text": 5}]}}]},
    {"candidates": [{"finishReason": 7}]},
    {"promptFeedback": []},
    {"usageMetadata": "x"},
]
NOBODY: list[Any] = [{}, {"candidates": []}, [], "x", None, [{"error": {}}]]
UNANSWERED = (
    (error(400, "INVALID_ARGUMENT", "API key not valid.", INVALID_KEY), "does not accept this GOOGLE_API_KEY", 1),
    (error(401, "UNAUTHENTICATED", "Who?"), "does not accept this GOOGLE_API_KEY", 1),
    (error(400, "INVALID_ARGUMENT", "Unknown field."), r"does not take this request \(400\): “Unknown field”", 1),
    (error(400, "FAILED_PRECONDITION", "User location is not supported."), "does not serve this key from here", 1),
    (error(403, "PERMISSION_DENIED", "Your key was reported as leaked."), "may not use gemini.*reported as leaked", 1),
    (error(404, "NOT_FOUND", "models/x is not found"), f"no model '{MODEL}' for this key. Set GEMINI_MODEL", 1),
    (error(413, "X", "Too large"), r"too large for Gemini \(413\)", 1),
    (error(418, "TEAPOT", "short and stout"), "status 418: “short and stout”", 1),
    (Reply(status=204), "status 204", 1),
    (error(500, "INTERNAL", "Internal error."), r"trouble of its own \(500\): “Internal error”", 3),
    (TIRED, r"trouble of its own \(503\): “The model is overloaded”", 3),
    (page(502), r"trouble of its own \(502\)\. Try", 3),
    (page(), "A web page came back", 1),
    (Reply(answer(DOCUMENT).body[:99]), "Only a part of Gemini's answer came back", 3),
    (answer(DOCUMENT, cut_after=99), "connection to Gemini broke off", 3),
    (Reply(raw=b""), "connection to Gemini broke off", 3),
    (Reply(raw=b"SSH-2.0-loopback\r\n"), "connection to Gemini broke off", 3),
    (Reply(bytes(range(256))), "is not JSON", 1),
    (Reply(bytes(range(128, 256)), 500), "is not JSON", 1),
    (Reply(b"\x00\x01", headers={"Content-Encoding": "gzip"}), "is not JSON", 1),
    (Reply(b"[" * 100_000), "a form that this version of the studio does not know", 1),
    (answer("[" * 100_000), "a form that this version of the studio does not know", 1),
    (Reply(status=302, headers={"Location": "/elsewhere"}), r"sends elsewhere \(302\)", 1),
    *((payload(body), "a form that this version of the studio does not know", 1) for body in SHAPES),
)


@pytest.mark.parametrize(("reply", "sentence", "requests"), UNANSWERED)
def test_a_request_that_fails_is_told_in_its_own_sentence_and_retried_only_where_that_can_help(
    gemini: LoopbackGemini, writer: GeminiWriter, reply: Reply, sentence: str, requests: int
) -> None:
    """Another writer may answer: WriterUnavailable. Trouble that may pass is met with three tries."""
    gemini.will(reply)
    with pytest.raises(WriterUnavailable, match=sentence) as caught:
        writer.expand("a red ball")
    assert len(gemini.received) == requests
    assert caught.value.retry_after_s is None
    assert caught.value.__cause__ is not None
    assert _documented(caught.value)


def test_trouble_that_passes_is_not_noticed(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    gemini.will(TIRED, answer(DOCUMENT, cut_after=9), answer(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"
    assert len(gemini.received) == 3


@pytest.mark.parametrize("body", NOBODY)
def test_an_answer_without_candidates_is_asked_for_once_more_and_then_an_error(
    gemini: LoopbackGemini, writer: GeminiWriter, body: Any
) -> None:
    gemini.will(payload(body))
    with pytest.raises(WriterAnswerError, match="holds no candidate") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert len(gemini.received) == 2


@pytest.mark.parametrize(
    ("reply", "sentence", "requests"),
    [
        (answer(""), r"is empty \(it ended with STOP\)", 2),
        (answer("", finish="OTHER"), r"is empty \(it ended with OTHER\)", 2),
        (answer("", finish="MAX_TOKENS"), f"used up {LARGER_BUDGET:,} tokens without writing a word", 3),
    ],
)
def test_an_empty_answer_is_an_error_that_says_how_it_ended(
    gemini: LoopbackGemini, writer: GeminiWriter, reply: Reply, sentence: str, requests: int
) -> None:
    gemini.will(reply)
    with pytest.raises(WriterAnswerError, match=sentence) as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert len(gemini.received) == requests


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "OTHER", "JAILBREAK"])
def test_a_blocked_request_is_refused_and_not_asked_again(
    gemini: LoopbackGemini, writer: GeminiWriter, reason: str
) -> None:
    gemini.will(blocked(reason))
    with pytest.raises(PromptRefused, match=f"does not take this request because of .*{reason}") as caught:
        writer.expand("something")
    assert _documented(caught.value)
    assert len(gemini.received) == 1


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY"])
@pytest.mark.parametrize("text", ["", '{"short_description": "half'])
def test_an_answer_held_back_is_refused_even_where_a_part_came(
    gemini: LoopbackGemini, writer: GeminiWriter, reason: str, text: str
) -> None:
    gemini.will(answer(text, finish=reason))
    with pytest.raises(PromptRefused, match=f"held its answer back because of .*{reason}") as caught:
        writer.expand("something")
    assert _documented(caught.value)


SOON = format_datetime(datetime.now(UTC) + timedelta(hours=3), usegmt=True)


@pytest.mark.parametrize(
    ("reply", "low", "high"),
    [
        (error(429, "RESOURCE_EXHAUSTED", "Quota", retry_info("37.2s")), 37.2, 37.2),
        (error(429, "RESOURCE_EXHAUSTED", "Quota", headers={"Retry-After": "21"}), 21, 21),
        (error(429, "RESOURCE_EXHAUSTED", "Quota", headers={"Retry-After": SOON}), 3600, 3 * 3600),
    ],
)
def test_a_rate_limit_says_when_to_ask_again(
    gemini: LoopbackGemini, writer: GeminiWriter, reply: Reply, low: float, high: float
) -> None:
    """The wait stands in the body or in the header; a long one is left to the caller."""
    gemini.will(reply)
    with pytest.raises(WriterUnavailable, match=r"rate limit is reached \(429\)") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high
    assert len(gemini.received) == 1


def test_a_short_wait_of_a_rate_limit_is_waited_for(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    gemini.will(error(429, "RESOURCE_EXHAUSTED", "Quota", retry_info("0.1s")), answer(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"


@pytest.mark.parametrize("header", ["", "soon", "-1", "9" * 400])
def test_a_rate_limit_without_a_readable_wait_is_tried_three_times(
    gemini: LoopbackGemini, writer: GeminiWriter, header: str
) -> None:
    gemini.will(error(429, "RESOURCE_EXHAUSTED", "Quota", "odd", retry_info("later"), headers={"Retry-After": header}))
    with pytest.raises(WriterUnavailable, match="rate limit") as caught:
        writer.expand("a red ball")
    assert caught.value.retry_after_s is None
    assert len(gemini.received) == 3


def test_a_quota_of_the_day_is_not_waited_for(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    """Google sends a wait of seconds with it all the same."""
    day = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    gemini.will(error(429, "RESOURCE_EXHAUSTED", "Quota", day, retry_info("3s")))
    with pytest.raises(WriterUnavailable, match="for today is used up") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert caught.value.retry_after_s is None
    assert len(gemini.received) == 1


NO_FREE_TIER = (
    "You exceeded your current quota. * Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: gemini-3-pro"
)


@pytest.mark.parametrize(
    "reply",
    [
        error(429, "RESOURCE_EXHAUSTED", NO_FREE_TIER, retry_info("37s")),
        error(429, "RESOURCE_EXHAUSTED", "Gemini 3 Pro doesn't have a free quota tier.", retry_info("1s")),
        error(429, "RESOURCE_EXHAUSTED", "Quota", {"violations": [{"quotaId": "x", "quotaValue": "0"}]}),
    ],
)
def test_a_quota_of_nothing_fails_at_once_with_what_to_do(
    gemini: LoopbackGemini, writer: GeminiWriter, reply: Reply
) -> None:
    """Google sends a wait of seconds with it all the same; the quota would be as empty after it."""
    gemini.will(reply)
    with pytest.raises(WriterUnavailable, match=f"no quota for {MODEL}.*set up billing") as caught:
        writer.expand("a red ball")
    assert _documented(caught.value)
    assert caught.value.retry_after_s is None
    assert len(gemini.received) == 1


@pytest.mark.parametrize("limit", ["limit: 05", "limit: 0.5", "limit: 10"])
def test_a_quota_of_little_is_waited_for(gemini: LoopbackGemini, writer: GeminiWriter, limit: str) -> None:
    gemini.will(error(429, "RESOURCE_EXHAUSTED", f"Quota exceeded, {limit}", retry_info("2700s")))
    with pytest.raises(WriterUnavailable, match="takes the next request in 45 min") as caught:
        writer.expand("a red ball")
    assert caught.value.retry_after_s == 2700


def test_trouble_that_says_when_it_ends_is_waited_for_as_long_as_it_says(
    gemini: LoopbackGemini, writer: GeminiWriter
) -> None:
    """A short wait here, a long one by whoever asked, who is told that it is no quota."""
    gemini.will(error(503, "UNAVAILABLE", "Overloaded.", headers={"Retry-After": "0"}), answer(DOCUMENT))
    assert writer.expand("a red ball").prompt.get("context") == "a snapshot"
    gemini.will(error(503, "UNAVAILABLE", "Overloaded.", headers={"Retry-After": "40"}))
    with pytest.raises(WriterUnavailable, match=r"trouble of its own \(503\)") as caught:
        writer.expand("a red ball")
    assert (caught.value.retry_after_s, caught.value.meanwhile) == (40, "has trouble of its own")
    assert len(gemini.received) == 3


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("gemini-3.5-flash-lite-002", "gemini-3.5-flash-lite-002"),
        ("", "gemini-flash-latest"),
        ("x" * 101, "gemini-flash-latest"),
        ("two\nlines", "gemini-flash-latest"),
        (KEY, "gemini-flash-latest"),
    ],
)
def test_the_model_that_the_answer_names_is_kept(gemini: LoopbackGemini, named: str, kept: str) -> None:
    """ "-latest" stands for another model next month. What can be no name is not taken for one."""
    gemini.will(answer(DOCUMENT, model=named))
    assert _writer(gemini, "gemini-flash-latest").expand("a red ball").model == kept


def test_a_server_that_never_answers_is_given_up(gemini: LoopbackGemini) -> None:
    gemini.will(Reply(hangs=True))
    with pytest.raises(WriterUnavailable, match="did not answer within 2 s") as caught:
        _writer(gemini, timeout_s=2).expand("a red ball")
    assert _documented(caught.value)
    assert len(gemini.received) == 1


def test_an_answer_that_drips_for_ever_is_given_up_and_hung_up_on(gemini: LoopbackGemini) -> None:
    """The SDK's time-outs count from the last byte, so its thread would read on until the process ends."""
    gemini.will(Reply(drips=True))
    with pytest.raises(WriterUnavailable, match="did not answer within 2 s"):
        _writer(gemini, timeout_s=2).expand("a red ball")
    assert gemini.left.wait(20)


def test_a_refused_connection_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        writer = GeminiWriter(KEY, MODEL, base_url=f"http://127.0.0.1:{unused.getsockname()[1]}", backoff_s=0.01)
        with pytest.raises(WriterUnavailable, match="cannot be reached") as caught:
            writer.expand("a red ball")
    assert _documented(caught.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(WriterUnavailable, match="no web address") as caught:
        GeminiWriter(KEY, MODEL, base_url="nowhere://at-all").expand("a red ball")
    assert _documented(caught.value)


def test_an_error_that_no_server_can_cause_is_a_bug_and_raised_as_it_is(
    writer: GeminiWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours must not look like one of Gemini's, or fall through to another writer."""

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("fibo_core.writers.gemini._client", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        writer.expand("a red ball")


# Cancel


def test_a_cancel_ends_a_request_that_hangs(gemini: LoopbackGemini) -> None:
    """Nobody waits for the time-out, which is a minute away."""
    gemini.will(Reply(hangs=True))
    _cancelled_while(gemini, _writer(gemini, timeout_s=60))


def test_a_cancel_ends_the_wait_before_a_retry(gemini: LoopbackGemini) -> None:
    gemini.will(TIRED)
    _cancelled_while(gemini, GeminiWriter(KEY, MODEL, base_url=gemini.url, backoff_s=5))


def _cancelled_while(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    flag = CancelFlag()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            writer.expand("a red ball", cancel=flag)
        except Cancelled as exc:
            ended.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    assert gemini.arrived.wait(30)
    flag.cancel()
    thread.join(20)  # far below the minute and the five seconds, far above what it takes
    assert [type(each) for each in ended] == [Cancelled]
    assert len(gemini.received) == 1


def test_a_jobs_deadline_ends_a_request_as_well(gemini: LoopbackGemini) -> None:
    gemini.will(Reply(hangs=True))
    flag = CancelFlag(timeout_s=1)
    flag.start_clock()
    with pytest.raises(TimedOut):
        _writer(gemini, timeout_s=60).expand("a red ball", cancel=flag)


# The key


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", " led", "tab\t", "ключ", "zero\u200bwidth", "nul\0"])
def test_a_key_that_can_be_none_is_told_without_showing_it(gemini: LoopbackGemini, key: str) -> None:
    with pytest.raises(WriterUnavailable, match="GOOGLE_API_KEY") as caught:
        GeminiWriter(key, MODEL, base_url=gemini.url).expand("a red ball")
    assert not key or key not in _everything(caught.value)
    assert _documented(caught.value)
    assert gemini.received == []


@pytest.mark.parametrize("model", ["", "two words", "../secrets", "a?key=b", "models/", "a/b"])
def test_a_model_id_that_is_none_is_told(gemini: LoopbackGemini, model: str) -> None:
    with pytest.raises(WriterUnavailable, match="GEMINI_MODEL is ") as caught:
        _writer(gemini, model).expand("a red ball")
    assert _documented(caught.value)
    assert gemini.received == []


ECHO = f"The key {KEY} is odd."


@pytest.mark.parametrize(
    "reply",
    [
        *(reply for reply, _, _ in UNANSWERED),
        *(error(code, "X", ECHO) for code in (400, 401, 403, 404, 429, 500, 503, 418)),
        error(400, "INVALID_ARGUMENT", ECHO, INVALID_KEY),
        Reply(status=302, headers={"Location": f"http://127.0.0.1/?key={KEY}"}),
        Reply(ECHO.encode()),
        Reply(ECHO.encode(), 500),
        Reply(raw=ECHO.encode()),
        payload({"candidates": KEY}),
        payload({"candidates": [{"content": KEY}]}),
        answer(ECHO),
        answer(ECHO, finish="SAFETY"),
        answer({**DOCUMENT, "short_description": ECHO}),
    ],
)
def test_the_key_is_in_no_log_and_no_error_even_where_the_server_sends_it_back(
    gemini: LoopbackGemini, writer: GeminiWriter, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """Logs of every library at DEBUG, sentences, tracebacks with all causes, kept texts and prompts."""
    caplog.set_level(logging.DEBUG)
    gemini.will(reply)
    try:
        said = repr(writer.expand("a red ball")) + writer.expand("a red ball").prompt.to_json()
    except WriterError as exc:
        said = _everything(exc)
    assert KEY not in said
    assert KEY not in caplog.text
    assert caplog.records
    assert KEY not in repr(writer) + str(vars(writer))
    assert gemini.received[0].headers["x-goog-api-key"] == KEY


def _everything(exc: WriterError) -> str:
    """All that a log or a page could show of an error."""
    text = "".join(traceback.format_exception(exc)) + repr(exc) + getattr(exc, "text", "")
    each: BaseException | None = exc
    while each is not None:
        text += repr(each)
        each = each.__cause__ or each.__context__
    return text


# The model's card


CARD = {"name": f"models/{MODEL}", "displayName": "Gemini 3.5 Flash-Lite"}


def test_the_check_names_the_model_and_costs_no_tokens(gemini: LoopbackGemini) -> None:
    gemini.will(payload({**CARD, "supportedGenerationMethods": ["generateContent", "countTokens"]}))
    assert check_model(KEY, MODEL, base_url=gemini.url) == "Gemini 3.5 Flash-Lite answers to this key."
    assert gemini.received[0].path.endswith(f"/models/{MODEL}")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (error(404, "NOT_FOUND", "no"), "no model"),
        (error(400, "INVALID_ARGUMENT", "API key not valid.", INVALID_KEY), "does not accept this GOOGLE_API_KEY"),
        (page(), "A web page came back"),
        (payload({**CARD, "supportedGenerationMethods": ["embedContent"]}), "writes no text"),
    ],
)
def test_the_check_says_what_is_wrong(gemini: LoopbackGemini, reply: Reply, sentence: str) -> None:
    gemini.will(reply)
    with pytest.raises(WriterUnavailable, match=sentence) as caught:
        check_model(KEY, MODEL, base_url=gemini.url)
    assert _documented(caught.value)


def test_the_check_without_a_key_asks_nobody(gemini: LoopbackGemini) -> None:
    with pytest.raises(WriterUnavailable, match="GOOGLE_API_KEY is not set"):
        check_model("", MODEL, base_url=gemini.url)
    assert gemini.received == []


# Pictures


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (682, 384)),
        ((1080, 1920), (384, 682)),
        ((512, 512), (512, 512)),
        ((513, 512), (512, 511)),
        ((30, 20), (30, 20)),
        ((1, 1), (1, 1)),
        ((10_000_000, 1), (65_500, 1)),
        ((1, 70_000), (1, 65_500)),
    ],
)
def test_pictures_are_sent_small_in_their_own_shape(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shown_size(*size) == expected


def test_a_picture_is_sent_upright_on_white_and_without_metadata() -> None:
    """A phone's picture lies on its side, with the place where it was taken."""
    picture = Image.new("RGBA", (60, 30), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn right
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[1] = "N"
    buffer = BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    opened = Image.open(buffer)
    opened.info["comment"] = b"at home"
    data = jpeg_to_show(opened)
    sent = Image.open(BytesIO(data)).convert("RGB")
    assert sent.size == (30, 60)
    assert _near(sent.getpixel((15, 10)), (255, 0, 0))
    assert _near(sent.getpixel((15, 50)), (255, 255, 255))
    assert b"Exif" not in data
    assert b"at home" not in data


def _near(seen: Any, expected: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(seen, expected, strict=True))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_any_mode_of_picture_can_be_sent(mode: str) -> None:
    assert Image.open(BytesIO(jpeg_to_show(Image.new(mode, (40, 20))))).mode == "RGB"


def test_a_damaged_picture_is_told_before_anybody_is_asked(gemini: LoopbackGemini, writer: GeminiWriter) -> None:
    buffer = BytesIO()
    Image.effect_noise((128, 128), 50).save(buffer, "PNG")
    half = Image.open(BytesIO(buffer.getvalue()[:2000]))
    with pytest.raises(PictureError, match="cannot be read"):
        writer.inspire([half])
    assert gemini.received == []
