"""scripts/error_sentences.py reads from a source what it would say, and where it cannot, it says so."""

from pathlib import Path

import pytest

from scripts.error_sentences import Row, Sentence, all_sentences, passed_on, rows, without_row, without_sentence

ERRORS = """
class FiboError(Exception): ...
class InputError(FiboError): ...
class WriterError(FiboError): ...
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The folders of a program that says nothing yet."""
    for folder in ("fibo_core", "studio", "pages", "scripts/runpod"):
        (tmp_path / folder).mkdir(parents=True)
    for script in ("studio.sh", "runtime_setup.sh", "entrypoint.sh"):
        (tmp_path / "scripts" / script).write_text("")
    (tmp_path / "fibo_core" / "errors.py").write_text(ERRORS)
    return tmp_path


def said(program: Path, source: str, file: str = "fibo_core/x.py") -> list[str]:
    (program / file).write_text(source)
    return [each.text for each in all_sentences(program) if each.file == file]


@pytest.mark.parametrize(
    ("source", "sentences"),
    [
        ('raise InputError("The seed is no number.")', ["The seed is no number."]),
        ('raise InputError(f"The seed is {seed!r}. Type" " another.")', ["The seed is …. Type another."]),
        ('raise InputError("The seed is " + seed + " and no number")', ["The seed is … and no number"]),
        ('raise InputError("Give a seed." if a else "Give a size.")', ["Give a seed.", "Give a size."]),
        ('WHAT = "The seed"\nraise InputError(f"{WHAT} is missing.")', ["The seed is missing."]),
        (
            'def f(x):\n    y = "a list" if x else "text"\n    raise InputError(f"This is {y}.")',
            ["This is a list.", "This is text."],
        ),
        ('def f(x):\n    a, b = "The seed", x\n    raise InputError(f"{a}: {b} instead")', ["The seed: … instead"]),
        ('def why(x):\n    return f"It is {x}."\nraise InputError(f"{why(1)} Change it.")', ["It is …. Change it."]),
        (
            'def fail(text, code):\n    raise InputError(text)\nfail("Too many seeds.", 1)\nfail(code=2, text="Few.")',
            ["Too many seeds."],  # the other is so short that it counts as passed on
        ),
        ('class Mine(InputError): ...\nraise Mine("This one is of ours.")', ["This one is of ours."]),
        ('st.error("There is no such picture.")', ["There is no such picture."]),
        ('answer = {"status": "bad", "error": "The disk is full."}', ["The disk is full."]),
        ('raise ValueError("This one nobody sees.")', []),
    ],
)
def test_a_sentence_is_read_with_its_gaps(program: Path, source: str, sentences: list[str]) -> None:
    assert said(program, source) == sentences


def test_a_constant_of_another_file_is_followed(program: Path) -> None:
    (program / "fibo_core" / "y.py").write_text('PAGE = "https://example.org/keys"\n')
    source = 'from fibo_core.y import PAGE\nraise InputError(f"Make a key at {PAGE}.")\n'
    assert said(program, source) == ["Make a key at https://example.org/keys."]


def test_a_shell_scripts_last_words_are_read_over_lines(program: Path) -> None:
    script = 'ok || die "There is no $1 in ${folder}." \\\n    "Install it."\n'
    assert said(program, script, "scripts/studio.sh") == ["There is no … in …. Install it."]


@pytest.mark.parametrize("text", ["str(exc)", "TEXTS[1]", '"{} is wrong.".format(1)', "unknown", 'f"{exc}"'])
def test_what_cannot_be_read_is_told(program: Path, text: str) -> None:
    assert said(program, f"raise InputError({text})") == []
    assert [each.file for each in passed_on(program)] == ["fibo_core/x.py"]


def test_a_row_stands_for_its_sentence_and_for_no_other() -> None:
    row = Row(1, "The disk is full…. …", ("cause", "cure"))
    assert row.is_about("The disk is full. Free some.")
    assert row.is_about("The disk is full (3 MB). Free some.")
    assert not row.is_about("The disk is fast. Use it.")


def test_only_tables_of_sentences_are_rows() -> None:
    text = "| Sentence | Cause | Cure |\n|---|---|---|\n| A `b` \\| c…. | x | y |\n"
    text += "\n| Note | Means |\n|---|---|\n| d | e |\n"
    assert rows(text) == [Row(3, "A b | c….", ("x", "y"))]


def test_both_sides_are_compared() -> None:
    sentences = [
        Sentence("x.py", 1, "InputError", "The seed is …."),
        Sentence("x.py", 2, "InputError", "No seed is here."),
    ]
    table = [Row(1, "The seed is ….", ("", "")), Row(2, "The size is ….", ("", ""))]
    assert [each.line for each in without_row(sentences, table)] == [2]
    assert [each.line for each in without_sentence(sentences, table)] == [2]
