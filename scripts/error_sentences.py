#!/usr/bin/env python3
"""Every sentence with which the program says that something is wrong, read from its source.

    scripts/error_sentences.py              each with where it stands; `…` is what differs
    scripts/error_sentences.py --missing    those without a row in docs/TROUBLESHOOTING.md, and rows without a sentence

A sentence is the text given to an error of FiboError's tree (or of TemplateError's, or NotAllowed), to `complain`,
`warn`, `st.error` or `st.warning`, to the list of faults in scripts/preflight.py, or to `die` in a shell script. The
source is read and not run: a name stands for what is assigned to it, a function's parameter for what its callers give.
What cannot be told that way is `…`; a text with nothing else in it is another's sentence passed on, and is told by
`passed_on`.
Standard library only.
"""

import ast
import functools
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GAP = "…"
ROOTS_OF_ERRORS = {"FiboError", "TemplateError", "NotAllowed"}
#: Other calls that show a text, and which of their arguments is the text.
OURS = {"complain": 0, "warn": 0, "Missing": 1, "problem": 1, "Refused": 1, "_page": 1, "PlainTextResponse": 0}
OURS |= {"JSONResponse": 0, "unavailable": 0}
SHELL_SCRIPTS = ("scripts/studio.sh", "scripts/runtime_setup.sh", "scripts/entrypoint.sh")
DOCUMENT = "docs/TROUBLESHOOTING.md"
MOST_FORMS = 24  #: of one text; beyond it, what differs is a gap
DEEPEST = 12  #: how many names are followed, one to the next
FEWEST_LETTERS = 9  #: outside the gaps; a shorter text is another's, passed on

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Sentence:
    """One text as it is shown, with where it is made and by which error or call."""

    file: str
    line: int
    kind: str
    text: str


@dataclass
class Module:
    """A parsed file: its functions, and what each name in it may stand for."""

    file: str
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)  #: name: the module it comes from
    inside: dict[ast.AST, Function] = field(default_factory=dict)  #: node: the function around it

    def __post_init__(self) -> None:
        def walk(node: ast.AST, function: Function | None) -> None:
            for child in ast.iter_child_nodes(node):
                if function is not None:
                    self.inside[child] = function
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions[child.name] = child
                    walk(child, child)
                else:
                    walk(child, function)

        walk(self.tree, None)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imported |= {each.asname or each.name: node.module for each in node.names}

    def assigned(self, name: str, where: Function | None) -> list[ast.expr]:
        """What is assigned to a name in this function or, with None, at the module's top."""
        nodes = ast.walk(where) if where is not None else iter(self.tree.body)
        found = []
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    found += _unpacked(target, node.value, name)
            elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and _is(node.target, name):
                found += [node.value] if node.value is not None else []
        return found


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _unpacked(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    """`value` where `target` is the name; its part where both are tuples of the same length."""
    if _is(target, name):
        return [value]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return [each for left, right in pairs for each in _unpacked(left, right, name)]
    if isinstance(target, ast.Tuple) and any(_is(each, name) for each in target.elts):
        return [ast.Constant(None)]  # something else, which is not text here
    return []


class Source:
    """The program's files, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, Module] = {}
        names = ["fibo_core/**/*.py", "studio/**/*.py", "pages/*.py", "scripts/preflight.py", "scripts/runpod/*.py"]
        names += [".github/scripts/*.py"]
        for path in sorted(path for name in names for path in root.glob(name)):
            file = path.relative_to(root).as_posix()
            self.modules[file] = Module(file, ast.parse(path.read_text("utf-8"), file))
        self.errors = self._errors()

    def _errors(self) -> set[str]:
        bases = {
            node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
        }
        found = set(ROOTS_OF_ERRORS)
        while more := {name for name, above in bases.items() if above & found} - found:
            found |= more
        return found

    def sentences(self) -> Iterator[Sentence]:
        """Each of them, gaps and all, also those that are passed on."""
        for module in self.modules.values():
            for node in ast.walk(module.tree):
                for kind, text in self._shown(module, node):
                    for form in self.forms(module, text, module.inside.get(text)):
                        yield Sentence(module.file, text.lineno, kind, _tidy(form))
        for file in SHELL_SCRIPTS:
            yield from _shell(self.root, file)

    def _shown(self, module: Module, node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
        """The text that this call, or the "error" of this dictionary, shows to a person."""
        match node:
            case ast.Call(func=ast.Name(id=name), args=given) if name in OURS or name in self.errors:
                place = OURS.get(name, 0)
                if place < len(given) and not isinstance(given[place], ast.Dict):
                    yield name, given[place]
            case ast.Call(func=ast.Call(func=ast.Name(id="type")), args=[text]):
                yield "the same error", text
            case ast.Call(func=ast.Attribute(value=ast.Name(id="st"), attr="error" | "warning"), args=[text, *_]):
                yield "page", text
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="faults" | "warnings"), attr="append")):
                yield "listed", node.args[0]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="warnings"), attr="append"), args=[text]):
                yield "listed", text
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")):
                around = module.inside.get(node)
                if around is not None and self._of_an_error(module, around):
                    yield "error", node.args[0]
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "error":
                        yield "health", value

    def _of_an_error(self, module: Module, method: Function) -> bool:
        return any(
            isinstance(node, ast.ClassDef) and node.name in self.errors and method in node.body
            for node in ast.walk(module.tree)
        )

    def forms(self, module: Module, text: ast.expr | None, around: Function | None, depth: int = 0) -> set[str]:
        """The forms that a text may take, with a gap for whatever cannot be read from the source."""
        if text is None or depth > DEEPEST:
            return {GAP}
        again = functools.partial(self.forms, module, around=around, depth=depth + 1)
        match text:
            case ast.Constant(value=str(value)):
                return {value}
            case ast.JoinedStr(values=parts):
                found = [again(part) for part in parts]
                found[0] = found[0] - {""} or found[0]  # a sentence that begins with a value begins with something
                return _joined(found)
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return again(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined([again(left), again(right)])
            case ast.IfExp(body=one, orelse=other):
                return _limited(again(one) | again(other))
            case ast.BoolOp(values=values):
                return _limited(set().union(*map(again, values)))
            case ast.Call(func=ast.Name(id="plain"), args=[inner, *_]):
                return again(inner)
            case ast.Call(func=ast.Name(id=name)) if name in module.functions:
                function = module.functions[name]
                given = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
                return _limited(set().union(*(self.forms(module, each, function, depth + 1) for each in given)))
            case ast.Name(id=name):
                return self._named(module, name, around, depth)
        return {GAP}

    def _named(self, module: Module, name: str, around: Function | None, depth: int) -> set[str]:
        if around is not None and name in (given := _parameters(around)):
            if around.name == "__init__":
                return {GAP}  # its callers are seen themselves
            calls = [
                (node, module.inside.get(node))
                for node in ast.walk(module.tree)
                if isinstance(node, ast.Call) and _called(node) == around.name
            ]
            place = given.index(name)
            return _limited(
                set().union(
                    *(self.forms(module, _argument(call, name, place), outer, depth + 1) for call, outer in calls)
                )
                or {GAP}
            )
        where: Function | None = around
        while where is not None:
            if values := module.assigned(name, where):
                return _limited(set().union(*(self.forms(module, value, where, depth + 1) for value in values)))
            where = module.inside.get(where)
        if values := module.assigned(name, None):
            return _limited(set().union(*(self.forms(module, value, None, depth + 1) for value in values)))
        if (origin := module.imported.get(name)) is not None:
            file = f"{origin.replace('.', '/')}.py"
            if (other := self.modules.get(file)) is not None and (values := other.assigned(name, None)):
                return _limited(set().union(*(self.forms(other, value, None, depth + 1) for value in values)))
        return {GAP}


def _parameters(function: Function) -> list[str]:
    """Its parameters, without self."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    by_name = next((each.value for each in call.keywords if each.arg == name), None)
    return by_name or (call.args[place] if place < len(call.args) else None)


def _joined(parts: list[set[str]]) -> set[str]:
    """All ways to put the parts together; where those are too many, the part that differs most is a gap."""
    while functools.reduce(lambda count, part: count * len(part), parts, 1) > MOST_FORMS:
        most = max(range(len(parts)), key=lambda index: len(parts[index]))
        parts[most] = {GAP}
    return {"".join(each) for each in itertools.product(*parts)}


def _limited(forms: set[str]) -> set[str]:
    return forms if len(forms) <= 2 * MOST_FORMS else {GAP}


def _tidy(text: str) -> str:
    """On one line, neighbouring gaps made one."""
    return re.sub(f"{GAP}{{2,}}", GAP, " ".join(text.split()))


def _shell(root: Path, file: str) -> Iterator[Sentence]:
    """What `die` says in a shell script: its quoted words, over continued lines, with variables as gaps."""
    text = (root / file).read_text("utf-8").replace("\\\n", " ")
    for line_number, line in enumerate(text.splitlines(), 1):
        for match in re.finditer(r'\bdie((?:\s+"(?:[^"\\]|\\.)*")+)', line):
            words = " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[1]))
            shown = re.sub(r"\$\{[^}]*\}|\$\w+|\$\d", GAP, words)
            yield Sentence(file, line_number, "die", _tidy(shown))


def letters(text: str) -> int:
    """How many letters stand outside the gaps."""
    return sum(map(str.isalpha, text))


def all_sentences(root: Path = ROOT) -> list[Sentence]:
    """Every sentence of the program's own, in the order of files and lines."""
    return sorted({each for each in Source(root).sentences() if letters(each.text) >= FEWEST_LETTERS})


def passed_on(root: Path = ROOT) -> list[Sentence]:
    """Places that show a text which is made elsewhere, or cannot be read from the source."""
    return sorted({each for each in Source(root).sentences() if letters(each.text) < FEWEST_LETTERS})


@dataclass(frozen=True)
class Row:
    """A row of the document: the sentence with its gaps, and what is said about it."""

    line: int
    pattern: str
    cells: tuple[str, ...]

    def is_about(self, sentence: str) -> bool:
        """Whether it stands for this sentence. A gap stands for any text, and for none."""
        parts = [re.escape(part) for part in re.split(f"\\s*{GAP}\\s*", self.pattern)]
        return re.fullmatch(r".*?".join(parts), sentence, re.DOTALL) is not None


def rows(document: str) -> list[Row]:
    """The rows of the tables headed "Sentence"."""
    found, inside = [], False
    for number, line in enumerate(document.splitlines(), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] in ("Sentence", "Note"):
            inside = cells[0] == "Sentence"
        elif inside and set(cells[0]) - set("-: "):
            found.append(Row(number, _plain(cells[0]), tuple(cells[1:])))
    return found


def _plain(cell: str) -> str:
    """A cell's text without Markdown's marks."""
    return re.sub(r"<(https?://[^>]+)>", r"\1", cell).replace("`", "").replace("\\*", "*").replace("&lt;", "<")


def without_row(sentences: list[Sentence], table: list[Row]) -> list[Sentence]:
    return [each for each in sentences if not any(row.is_about(each.text.replace("`", "")) for row in table)]


def without_sentence(sentences: list[Sentence], table: list[Row]) -> list[Row]:
    return [row for row in table if not any(row.is_about(each.text.replace("`", "")) for each in sentences)]


def main() -> int:
    sentences = all_sentences()
    if sys.argv[1:] == ["--missing"]:
        table = rows((ROOT / DOCUMENT).read_text("utf-8"))
        missing, stale = without_row(sentences, table), without_sentence(sentences, table)
        for each in missing:
            print(f"no row: {each.file}:{each.line}: {each.text}")
        for row in stale:
            print(f"no sentence: {DOCUMENT}:{row.line}: {row.pattern}")
        return 1 if missing or stale else 0
    for each in sentences:
        print(f"{each.file}:{each.line}: {each.kind}: {each.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
