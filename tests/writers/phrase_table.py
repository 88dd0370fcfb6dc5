"""Measures the offline writer: how many phrases of phrase_table.toml, and of held_out.toml, it gets right.

`python -m tests.writers.phrase_table` prints both; with `--failing` also what is wrong with those of the table (the
held-out ones stay unseen, so that nobody tunes to them).
"""

import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.offline import OfflineWriter

TABLE = Path(__file__).with_name("phrase_table.toml")
HELD_OUT = Path(__file__).with_name("held_out.toml")
#: A description names its thing before any of these begins to say more of it.
_SAYS_MORE = re.compile(r"\b(with|wearing|that|on|in|of|\w+ing)\b")


@dataclass(frozen=True)
class Phrase:
    """One row of the table; see the head of the file for what its matchers mean."""

    kind: str
    words: str
    instruction: str = ""
    missed: bool = False
    count: dict[str, int] = field(default_factory=dict)
    contains: dict[str, str | list[str]] = field(default_factory=dict)
    lacks: dict[str, str | list[str]] = field(default_factory=dict)
    equals: dict[str, Any] = field(default_factory=dict)
    only: list[str] | None = None
    note: str = ""

    def __str__(self) -> str:
        return f"{self.words} > {self.instruction}" if self.instruction else self.words


def load_table(file: Path) -> list[Phrase]:
    """The rows of a table, in its order."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return [Phrase(kind, **row) for kind in ("expand", "refine") for row in tables[kind]]


def failures(phrase: Phrase, writer: OfflineWriter) -> list[str]:
    """What is not as the row expects, a line each; none where all of it is."""
    before = writer.expand(phrase.words).prompt
    written = writer.refine(before, phrase.instruction) if phrase.kind == "refine" else writer.expand(phrase.words)
    prompt, found = written.prompt, []
    for path, expected in phrase.contains.items():
        value = _value(prompt, path)
        for words in [expected] if isinstance(expected, str) else expected:
            if value is None or not any(word in str(value).lower() for word in words.lower().split("|")):
                found.append(f"{path} is {value!r} and lacks {words!r}")
    for path, unwanted in phrase.lacks.items():
        value = _value(prompt, path)
        for words in [unwanted] if isinstance(unwanted, str) else unwanted:
            if words.lower() in str(value).lower():
                found.append(f"{path} is {value!r} and holds {words!r}")
    for path, wanted in phrase.equals.items():
        if (value := _value(prompt, path)) != wanted:
            found.append(f"{path} is {value!r}, not {wanted!r}")
    for name, number in phrase.count.items():
        if (counted := _count(prompt, name)) != number:
            found.append(f"{counted} {name}, not {number}")
    if phrase.only is not None:
        changed = [change.path for change in diff(before, prompt)]
        found += [f"{path} changed" for path in changed if not path.startswith(tuple(phrase.only))]
    if phrase.note and not any(phrase.note in note for note in written.notes):
        found.append(f"no note says {phrase.note!r}")
    if phrase.kind == "refine" and not phrase.note:
        found += [note for note in written.notes if note.startswith("Not understood")]
    return found


def _value(prompt: StructuredPrompt, path: str) -> Any:
    """The value at a path; objects[ball] is the object whose description names a ball first."""
    if named := re.match(r"objects\[([^\]\d][^\]]*)\]\.?(.*)", path):
        places = [(_position(entry, named[1]), entry) for entry in prompt.document.get("objects", [])]
        fitting = [(position, index) for index, (position, _) in enumerate(places) if position >= 0]
        if not fitting:
            return None
        path = f"objects[{min(fitting)[1]}].{named[2]}"
    try:
        return prompt.get(path)
    except (KeyError, IndexError):
        return None


def _position(entry: dict[str, Any], names: str) -> int:
    found = re.search(rf"\b({names})", entry.get("description", ""), re.IGNORECASE)
    return found.start() if found else -1


def _count(prompt: StructuredPrompt, name: str) -> int:
    entries = prompt.document.get(name)
    if isinstance(entries, list):
        return len(entries)
    total = 0
    for entry in prompt.document.get("objects", []):
        named = _SAYS_MORE.split(entry.get("description", ""), maxsplit=1)[0]
        if re.search(rf"\b({name})", named, re.IGNORECASE):
            total += entry.get("number_of_objects", 1)
    return total


def measure(file: Path) -> tuple[int, int]:
    """How many rows of a table pass, and how many it has."""
    rows, writer = load_table(file), OfflineWriter()
    return sum(not failures(row, writer) for row in rows), len(rows)


def main() -> None:
    """Prints both measures."""
    for file in (TABLE, HELD_OUT):
        passed, total = measure(file)
        print(f"{file.name}: {passed} of {total} ({passed / total:.0%})")
    if "--failing" in sys.argv:
        for row in load_table(TABLE):
            if wrong := failures(row, OfflineWriter()):
                print(f"\n{row}\n  " + "\n  ".join(wrong))


if __name__ == "__main__":
    main()
