"""Documents that move with the code: tables, links, files, commands, addresses, variables, error sentences, examples.

Each check is a function that is also asked about a document with a planted fault.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from fibo_core.cancel import CancelFlag
from fibo_core.models import plans
from fibo_core.prompts.structured_prompt import diff
from fibo_core.settings import Settings
from fibo_core.store.migrations import REVISIONS
from fibo_core.variables import RENAMED, VARIABLES, markdown_table
from fibo_core.writers.offline import OfflineWriter
from scripts import error_sentences, write_tables
from studio.cli.main import app
from studio.pod.doctor import examine
from studio.web.routes import routes

CHECKOUT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for pattern in ("*.md", "docs/*.md", ".github/*.md")
    for path in CHECKOUT.glob(pattern)
)


def text_of(document: str) -> str:
    return (CHECKOUT / document).read_text(encoding="utf-8")


ALL_TEXT = "\n".join(map(text_of, DOCUMENTS))


# ---- Links and files ---------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """What a link may name in a document: its headings as GitHub does, the second of a name with -1."""
    seen: Counter[str] = Counter()
    found = set()
    for title in re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def broken_links(document: str, text: str) -> list[str]:
    """Local links that lead to no file, or to no heading in it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        on_github = re.fullmatch(r"\.\./\.\./actions/workflows/([\w-]+\.yml)(?:/badge\.svg)?", link)
        path = f"{'../' * document.count('/')}.github/workflows/{on_github[1]}" if on_github else link
        name, _, anchor = path.partition("#")
        target = (CHECKOUT / document).parent / name if name else CHECKOUT / document
        there = text if not name else target.read_text("utf-8") if target.suffix == ".md" and target.exists() else ""
        if not target.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_local_link_leads_to_a_file_and_a_heading(document: str) -> None:
    assert broken_links(document, text_of(document)) == []


def test_a_link_to_nowhere_is_noticed() -> None:
    text = "## A heading\n[x](#a-heading) [x](USAGE.md#settings) [x](#another) [x](GONE.md) [x](USAGE.md#gone)"
    assert broken_links("docs/API.md", text) == ["#another", "GONE.md", "USAGE.md#gone"]


def test_a_badge_of_a_workflow_that_is_gone_is_noticed() -> None:
    text = "[![x](../../actions/workflows/tests.yml/badge.svg)](../../actions/workflows/gone.yml)"
    assert broken_links("README.md", text) == broken_links("docs/API.md", text) == ["../../actions/workflows/gone.yml"]


def missing_files(text: str) -> list[str]:
    """Files of ours that a text names and that are not there."""
    named = set(re.findall(r"(?<![\w/.-])((?:scripts|fibo_core|studio|pages|tests|docs)/[\w/.-]+\.(?:\w+))\b", text))
    named |= set(re.findall(r"(?<![\w/])(\.github/[\w/.-]+\.\w+)\b", text))
    return [name for name in sorted(named) if not (CHECKOUT / name).exists()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    assert missing_files(text_of(document)) == []


def test_every_file_that_the_source_names_exists() -> None:
    """Comments, docstrings and messages too send nobody to a file that has moved."""
    sources = [
        path for folder in ("fibo_core", "studio", "pages", "scripts") for path in CHECKOUT.glob(f"{folder}/**/*")
    ]
    texts = [path.read_text("utf-8") for path in sources if path.suffix in (".py", ".sh")]
    assert len(texts) > 100
    assert missing_files("\n".join([*texts, text_of("Dockerfile")])) == []


def test_a_file_that_is_gone_is_noticed() -> None:
    assert missing_files("`scripts/studio.sh`, see scripts/gone.sh and docs/GONE.md.") == [
        "docs/GONE.md",
        "scripts/gone.sh",
    ]


def test_every_module_that_development_names_exists() -> None:
    """The map of the house has no rooms that were torn down."""
    table = text_of("docs/DEVELOPMENT.md").split("## Decisions")[0]
    files = {path.name for folder in ("fibo_core", "studio", "pages") for path in (CHECKOUT / folder).rglob("*.*")}
    named = set(re.findall(r"`(\w+\.(?:py|toml))`", table))
    assert len(named) > 30
    assert named - files == set()


def uneven_tables(text: str) -> list[str]:
    """Rows that have more or fewer cells than the row above, as a stray | in a cell gives them."""
    lines = text.splitlines()
    return [
        line
        for before, line in pairwise(lines)
        if before.strip().startswith("|") and line.strip().startswith("|") and cells(before) != cells(line)
    ]


def cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_table_has_as_many_cells_in_each_row(document: str) -> None:
    assert uneven_tables(text_of(document)) == []


def test_a_stray_cell_is_noticed() -> None:
    assert uneven_tables("| a | b |\n|---|---|\n| 1 | x\\|y |\n| 2 | x|y |") == ["| 2 | x|y |"]


# ---- Variables -----------------------------------------------------------------------------------------------


def test_the_table_of_variables_in_the_documents_is_the_one_in_the_code() -> None:
    """Run scripts/write_tables.py."""
    assert markdown_table() in text_of("docs/USAGE.md")
    assert plans.markdown_table() in text_of("docs/DEPLOYMENT.md")
    assert plans.arithmetic_table() in text_of("docs/DEPLOYMENT.md")


def test_the_table_of_variables_is_written_anew_where_it_differs() -> None:
    document = text_of("docs/USAGE.md")
    stale = document.replace("| LOG_LEVEL |", "| LOG_LEVELS |").replace("| MAX_WORKERS |", "| MAX |")
    assert stale != document
    assert write_tables.with_table(stale, markdown_table()) == document
    with pytest.raises(ValueError, match="0 tables"):
        write_tables.with_table("no table", markdown_table())


#: Names in capitals that are no variable of an environment, or another program's.
OTHERS = {
    "HTTPS_PROXY",
    "SSL_CERT_FILE",
    "CC_BY",
    "IMAGE_NAME",
    "OLLAMA_CONTEXT_LENGTH",
    "RUNPOD_SECRET_",
}


def unknown_variables(text: str) -> set[str]:
    """Names of variables that nothing in the program reads or sets."""
    sources = [
        path for folder in ("fibo_core", "studio", "scripts", "tests") for path in CHECKOUT.glob(f"{folder}/**/*")
    ]
    code = "\n".join(
        path.read_text("utf-8") for path in sources if path.suffix in (".py", ".sh") and path != Path(__file__)
    )
    known = {each.name for each in VARIABLES} | RENAMED.keys() | OTHERS
    known |= set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", code))
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text))
    return {name for name in named - known if not name.startswith("RUNPOD_TCP_PORT_")}


def test_every_variable_that_is_named_is_read_somewhere() -> None:
    assert unknown_variables(ALL_TEXT) == set()


def test_a_variable_that_nothing_reads_is_noticed() -> None:
    assert unknown_variables("Set FIBO_MODEL and STUDIO_GONE.") == {"STUDIO_" + "GONE"}


def test_deployment_names_the_api_that_the_program_speaks() -> None:
    """RunPod's API has versions, and one of them ends."""
    settings = Settings.from_environ({"RUNPOD_POD_ID": "abc", "WORKSPACE_DIR": "/nowhere"})
    assert settings.pod is not None
    assert settings.pod.api in text_of("docs/DEPLOYMENT.md")
    assert f'API = "{settings.pod.api}"' in text_of("scripts/runpod/template.py")


# ---- Commands and addresses ------------------------------------------------------------------------------------


def commands(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Each command of the program with its options."""
    if (group := getattr(command, "commands", None)) is not None:
        for each, below in group.items():
            yield from commands(below, f"{name} {each}".strip())
    else:
        options = {each for parameter in command.params for each in (*parameter.opts, *parameter.secondary_opts)}
        options = {each for each in options if each.startswith("--")}
        yield name, options - {"--help"}


CLI = dict(commands(typer.main.get_command(app)))


def test_usage_has_every_command_and_option_and_no_other() -> None:
    section = text_of("docs/USAGE.md").split("## The command line")[1].split("\n## ")[0]
    told = {command_of(call) for call in re.findall(r"^\| `([a-z][^`]*)`", section, re.MULTILINE)}
    assert told == CLI.keys()
    named = set(re.findall(r"--[a-z][a-z-]+", section))
    assert named == set().union(*CLI.values()) | {"--help", "--version", "--server", "--key", "--here"}


def command_of(call: str) -> str | None:
    """The command that a call begins with, the longest; None where it is none of ours."""
    words = call.split()
    names = (" ".join(words[:count]) for count in range(3, 0, -1))
    return next((name for name in names if name in CLI), None)


def unknown_commands(text: str) -> list[str]:
    """Calls of the program, in code, that it does not understand."""
    wrong = []
    for call in re.findall(r"(?:scripts/studio\.sh|(?<![\w/-])fibo-studio|`models) ([a-z][^`\n|)]*)", text):
        name = command_of(call)
        if name is None or set(re.findall(r"(?<=\s)--[a-z-]+", call)) - CLI[name] - {"--help"}:
            wrong.append(call)
    return wrong


def code_of(text: str) -> str:
    """What stands in backticks or as a block of code."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL) + re.findall(r"^ {4,}.*$", text, re.MULTILINE)
    return "\n".join([*blocks, *(f"`{each}`" for each in re.findall(r"`([^`\n]+)`", text))])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_in_the_documents_is_one(document: str) -> None:
    assert unknown_commands(code_of(text_of(document)).replace("`models ", "`fibo-studio models ")) == []


def test_a_command_that_is_none_is_noticed() -> None:
    text = "`fibo-studio paint x` `scripts/studio.sh generate x --seeds 7` `fibo-studio history list --limit 3`"
    assert unknown_commands(text) == ["paint x", "generate x --seeds 7"]


def test_api_names_every_address_of_ours() -> None:
    told = text_of("docs/API.md")
    paths = [str(getattr(route, "path", "")) for route in routes()]
    ours = [path for path in paths if path.startswith(("/health", "/img")) and "{rest" not in path]
    assert len(ours) >= 6
    assert [path for path in ours if path not in told] == []


# ---- Errors ------------------------------------------------------------------------------------------------------

SENTENCES = error_sentences.all_sentences()
TABLE = error_sentences.rows(text_of("docs/TROUBLESHOOTING.md"))


def test_every_error_sentence_has_its_cause_and_cure() -> None:
    """`scripts/error_sentences.py --missing` lists what is missing."""
    assert len(SENTENCES) > 300
    assert [f"{each.file}: {each.text}" for each in error_sentences.without_row(SENTENCES, TABLE)] == []
    assert [row.pattern for row in TABLE if len(row.cells) != 2 or not all(row.cells)] == []


def test_every_row_of_troubleshooting_is_a_sentence_that_the_program_says() -> None:
    assert [row.pattern for row in error_sentences.without_sentence(SENTENCES, TABLE)] == []


def of_a_shell(text: str) -> bool:
    """Whether a sentence names a page, a button, a script or a command of the studio."""
    pages = r"\b(Generate|Refine|Inspire|History|System)\b"
    return re.search(rf"{pages}|\b[Bb]uttons?\b|\b[Pp]ress\b|scripts/|fibo-studio|models download", text) is not None


def test_the_librarys_sentences_name_no_page_button_or_command() -> None:
    """They name the thing and what to do about it; `studio/remedies.py` adds how this studio does it."""
    library = [each for each in SENTENCES if each.file.startswith("fibo_core/")]
    assert len(library) > 200
    assert [f"{each.file}:{each.line}: {each.text}" for each in library if of_a_shell(each.text)] == []
    assert all(
        map(of_a_shell, ["See History.", "Press the button.", "Run scripts/studio.sh.", "Run fibo-studio doctor."])
    )


def test_no_row_is_so_vague_that_it_would_hide_a_new_sentence() -> None:
    vague = [row.pattern for row in TABLE if error_sentences.letters(row.pattern) < error_sentences.FEWEST_LETTERS]
    assert vague == []
    assert error_sentences.without_row([sentence("The moon is full. Wait a week.")], TABLE) != []


#: Where a sentence of another place is shown, or one that cannot be read from the source: how many in each file.
PASSED_ON = {
    "studio/web/gallery.py": 4,  # what the history has said
    "fibo_core/models/catalogue.py": 1,
    "fibo_core/settings.py": 1,  # what is wrong with the list of added models
    "fibo_core/errors.py": 5,  # each class's own constructor
    "fibo_core/work/jobs.py": 1,  # a row that cannot be read: job_store.py has the sentence
    "fibo_core/prompts/structured_prompt.py": 1,
    "fibo_core/prompts/mend/mend.py": 2,  # its own constructor has the sentence
    "fibo_core/store/outputs.py": 2,  # what `unwritable` says, and what this module says itself
    "fibo_core/store/history.py": 1,  # where the pictures are: outputs.py has the sentence
    "studio/ui/components/storage_card.py": 2,  # the same, and why a purge ended early
    "studio/client/studio.py": 1,  # why a purge ended early: care.py has the sentence
    "fibo_core/store/picture_rows.py": 1,  # what is wrong with a row: history.py has the sentence
    "fibo_core/writers/chain.py": 3,
    "fibo_core/writers/llm_faults.py": 1,  # a fault with its cause
    "fibo_core/store/zip_reading.py": 1,  # what is wrong with an entry
    "fibo_core/store/search.py": 1,  # what of a search was not understood
    "fibo_core/writers/local.py": 1,
    "fibo_core/writers/service_faults.py": 1,  # what `unavailable` is told
    "studio/ui/app.py": 1,
    "studio/client/labels.py": 1,
    "studio/client/in_and_out.py": 2,  # what a studio has said
    "studio/client/batches.py": 1,  # what a job, a studio or the core has said
    "studio/client/line.py": 1,
    "studio/client/pictures.py": 1,
    "studio/client/errors.py": 2,
    "studio/cli/door.py": 1,
    "studio/cli/main.py": 4,  # what ended a command
    "studio/ui/components/frame.py": 2,
    "studio/ui/components/outcome.py": 3,
    "studio/ui/components/json_editor.py": 2,  # what is wrong with the JSON, and what a press was refused with
    "studio/ui/components/presets.py": 1,
    "studio/ui/components/given_pictures.py": 1,
    "studio/ui/components/system_cards.py": 3,
    "studio/ui/components/two_prompts.py": 1,
    "studio/ui/components/vary.py": 1,
    "studio/web/passwords.py": 1,
    "studio/web/drafts.py": 2,  # what the core has said
    "studio/web/following.py": 1,  # what the core has said
    "studio/web/inputs.py": 4,  # the same
    "studio/web/routes.py": 10,
    "studio/web/sheets.py": 2,
    "studio/web/api/errors.py": 3,  # what the core, or a reader of requests, has said
    "studio/web/api/routes/documents.py": 1,  # no sentence: the OpenAPI document
    "studio/web/api/routes/orders.py": 1,
    "studio/ui/session.py": 2,
}


def test_what_cannot_be_read_from_the_source_is_known() -> None:
    """A new place that passes a sentence on, or puts one together unreadably, is looked at and counted here."""
    counted = Counter(each.file for each in error_sentences.passed_on())
    assert counted == PASSED_ON


def sentence(text: str) -> error_sentences.Sentence:
    return error_sentences.Sentence("x.py", 1, "InputError", text)


def test_doctor_is_told_check_by_check(tmp_path: Path) -> None:
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": "mini"})
    section = text_of("docs/TROUBLESHOOTING.md").split("## What doctor looks at")[1].split("\n## ")[0]
    told = re.findall(r"^\| `([\w ]+)` \|", section, re.MULTILINE)
    assert [each.name for each in examine(settings) if each.name not in told] == []


# ---- Examples ----------------------------------------------------------------------------------------------------

SOURCES = (
    "a red ball on the left, a blue box on the right, a star, a dog and a tree, a house, a cat with a hat, a man, "
    "clouds and fog by day, a sign saying CLOSED",
    "three balls and a large box, two trees",
    "a watercolor of a ball and a star",
)


def table_of(after: str, before: str) -> list[list[str]]:
    """The rows of the first table between two texts of USAGE, without its head."""
    part = text_of("docs/USAGE.md").split(after)[1].split(before)[0]
    return [row.strip("| ").split(" | ") for row in part.splitlines() if row.startswith("| ")][1:]


def understood(notes: Iterable[str]) -> bool:
    return not any(note.startswith(("Not understood", "There is no", "Nothing changed")) for note in notes)


def test_the_offline_writer_follows_each_instruction_in_the_documents() -> None:
    """Said of one of three prompts, each changes something and leaves nothing over."""
    writer, cancel = OfflineWriter(), CancelFlag()
    sources = [writer.expand(words, cancel=cancel).prompt for words in SOURCES]
    examples = [each for _, cell in table_of("**Instructions**", "An instruction that") for each in code(cell)]
    assert len(examples) > 45

    def follows(instruction: str) -> bool:
        answers = [(source, writer.refine(source, instruction, cancel=cancel)) for source in sources]
        return any(diff(source, said.prompt) and understood(said.notes) for source, said in answers)

    assert [each for each in examples if not follows(each)] == []
    assert not follows("mirror it")


def test_the_offline_writer_reads_each_example_into_the_fields_that_are_named() -> None:
    writer, cancel = OfflineWriter(), CancelFlag()

    def read(words: str) -> tuple[bool, set[str]]:
        said = writer.expand(words, cancel=cancel)
        document = said.prompt.document
        fields = {key for thing in document["objects"] for key in thing}
        return understood(said.notes), fields | {key for key, value in document.items() if value}

    rows = table_of("**Words** it reads", "**Instructions**")
    assert len(rows) > 10
    for cell, named in rows:
        fields = set()
        for example in code(cell):
            answers = [read(example), read(f"a ball {example}")]
            assert any(answer[0] for answer in answers), example
            fields |= set().union(*(found for good, found in answers if good))
        assert set(code(named)) <= fields, cell
    assert not read("left of")[0]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_scripts_that_check_the_documents_say_how_it_is() -> None:
    """What CONTRIBUTING tells people to run."""
    for script, argument in (("error_sentences.py", "--missing"), ("write_tables.py", "--check")):
        command = [sys.executable, "-I", str(CHECKOUT / "scripts" / script), argument]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_changelog_tells_of_the_newest_schema() -> None:
    assert f"schema {REVISIONS[-1]}" in text_of("CHANGELOG.md")
