"""Lineage: the tree of pictures that one belongs to, from the first it comes from down to all that were made from it.

What is deleted or gone stays a gap, as long as a picture hangs on it. The tree is read level by level along one index
and bounded; a circle, which only a damaged row can make, ends where it closes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session, col, select

from fibo_core.engine.worn import worn_changes
from fibo_core.errors import GenerationNotFound
from fibo_core.prompts.change_words import changes_line
from fibo_core.prompts.json_paths import Change
from fibo_core.prompts.structured_prompt import diff
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.picture_rows import read_pictures
from fibo_core.store.rows import ID
from fibo_core.store.tables import GenerationTable

NODES_MAX = 500  #: of one tree
LINE_MAX = 200  #: pictures from the first to the one that is asked for
CHARS_MAX = 4_000_000  #: of prompts, as JSON, that are compared for one tree
_AT_ONCE = 400  #: ids in one statement

Standing = Literal["here", "deleted", "missing", "damaged"]


@dataclass(frozen=True)
class Node:
    """One picture of a tree, or the gap where it was. ``generation`` is None for a gap.

    ``changes`` is what its prompt has otherwise than its parent's; None where that was not compared: it has no parent
    here, or is one of a tree too large.
    """

    id: str
    parent_id: str | None
    standing: Standing
    generation: Generation | None
    changes: tuple[Change, ...] | None = None

    @property
    def words(self) -> str:
        """What was said to make it, in one line; "" where nothing was."""
        return "" if self.generation is None else " ".join(self.generation.words.split())


@dataclass(frozen=True)
class Branch:
    """Pictures made from one in one go: with the same words, one after another. They hang on ``parent_id``."""

    parent_id: str | None
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Lineage:
    """The tree of picture ``of``. ``nodes`` come parents first, each level in the order in which it was made.

    ``notes`` are sentences about what is not shown.
    """

    of: str
    nodes: tuple[Node, ...]
    notes: tuple[str, ...] = ()

    @property
    def root(self) -> Node:
        return self.nodes[0]

    @property
    def pictures(self) -> tuple[Generation, ...]:
        return tuple(node.generation for node in self.nodes if node.generation is not None)

    def node(self, id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == id), None)

    def branches(self) -> dict[str | None, list[Branch]]:
        """What hangs on each picture, by its id; the tree's own top hangs on None."""
        by_parent: dict[str | None, list[Branch]] = defaultdict(list)
        for number, node in enumerate(self.nodes):
            parent = None if number == 0 else node.parent_id
            before = by_parent[parent]
            if before and _together(before[-1].nodes[-1], node):
                before[-1] = Branch(parent, (*before[-1].nodes, node))
            else:
                before.append(Branch(parent, (node,)))
        return dict(by_parent)

    def walk(self) -> Iterator[tuple[int, Branch]]:
        """Each branch with its depth, a branch before what hangs on its pictures."""
        branches = self.branches()
        waiting = [(0, branch) for branch in reversed(branches.get(None, []))]
        while waiting:
            depth, branch = waiting.pop()
            yield depth, branch
            below = [each for node in branch.nodes for each in branches.get(node.id, [])]
            waiting += [(depth + 1, each) for each in reversed(below)]


def painted_again(node: Node, parent: Generation | None) -> bool:
    """Whether a picture is its parent's recipe painted once more."""
    if node.generation is None or parent is None:
        return False
    own, was = node.generation.request, parent.request
    same = (own.seed, own.model, own.adapters) == (was.seed, was.model, was.adapters)
    return same and own.prompt.canonical() == was.prompt.canonical()


def branch_line(branch: Branch, parent: Generation | None) -> str:
    """What a branch did to its parent: "2 fields changed: …; LoRA sepia:0.8 taken off", "Another seed", "" where nobody
    can tell."""
    found = {
        "; ".join([*_prompt_changes(node, parent), *_worn_changes(node, parent)])
        for node in branch.nodes
        if node.generation is not None and node.changes is not None
    }
    return next(iter(found)) if len(found) == 1 else f"{len(found)} ways to change it" if found else ""


def _prompt_changes(node: Node, parent: Generation | None) -> list[str]:
    """What its prompt has otherwise; where that is nothing, what else tells it from its parent, but for its LoRAs."""
    if node.changes:
        return [changes_line(node.changes)]
    if node.generation is None or parent is None:
        return []
    if painted_again(node, parent):
        return ["Painted again"]
    own, was = node.generation.request, parent.request
    if own.model != was.model:
        return [f"Painted by {own.model}"]
    if own.seed != was.seed:
        return ["Another seed"]
    return [] if own.adapters != was.adapters else ["Other settings"]


def _worn_changes(node: Node, parent: Generation | None) -> list[str]:
    if node.generation is None or parent is None:
        return []
    return worn_changes(parent.request.adapters, node.generation.request.adapters)


def lineage(database: Database, id: str) -> Lineage:
    """The tree of a picture, of a deleted one too. Raises GenerationNotFound, and what a database may."""
    if not ID.fullmatch(id):
        raise _unknown(id)
    notes: list[str] = []
    with database.read() as session:
        line = _line(session, id)
        if len(line) > LINE_MAX:
            line = line[-LINE_MAX:]
            notes.append(f"Only the {LINE_MAX} pictures before this one are shown of a longer line.")
        parents, left = _descendants(session, line)
        pictures = _read(session, parents)
    if left:
        notes.append(f"Only {NODES_MAX} pictures of a larger tree are shown.")
    kept = _worth_showing(parents, pictures, line)
    nodes = _compared(kept, parents, pictures, notes)
    return Lineage(id, tuple(nodes), tuple(notes))


def _line(session: Session, id: str) -> list[str]:
    """The ids from the first known ancestor down to the picture: at most one more than LINE_MAX."""
    line, seen = [id], {id}
    while len(line) <= LINE_MAX:
        row = session.exec(select(GenerationTable.parent_id).where(GenerationTable.id == line[-1])).first()
        if row is None and len(line) == 1 and not _there(session, id):
            raise _unknown(id)
        if not isinstance(row, str) or row in seen:
            break
        line.append(row)
        seen.add(row)
    return line[::-1]


def _there(session: Session, id: str) -> bool:
    return session.exec(select(GenerationTable.seq).where(GenerationTable.id == id)).first() is not None


def _descendants(session: Session, line: Sequence[str]) -> tuple[dict[str, str | None], bool]:
    """All that hangs on the first of the line, level by level, each with its parent; whether there were more than are
    taken. The line itself is always in it."""
    parents: dict[str, str | None] = {line[0]: None}
    parents |= dict(zip(line[1:], line[:-1], strict=True))
    row, depth = GenerationTable, {id: number for number, id in enumerate(line)}
    level, left = [line[0]], False
    while level and not left:
        number = depth[level[0]] + 1
        found: list[str] = [id for id in line if depth[id] == number]
        for begin in range(0, len(level), _AT_ONCE):
            made_from = col(row.parent_id).in_(level[begin : begin + _AT_ONCE])
            statement = select(row.id, row.parent_id).where(made_from).order_by(col(row.seq)).limit(NODES_MAX + 1)
            for child, parent in session.exec(statement):
                if child in parents:
                    continue
                if len(parents) >= NODES_MAX:
                    left = True
                    break
                parents[child], depth[child] = parent, number
                found.append(child)
        level = found
    return parents, left


def _read(session: Session, ids: Iterable[str]) -> dict[str, tuple[int, Generation | None]]:
    """The pictures of these ids, each with its seq; None for one whose row cannot be read."""
    wanted, found = list(ids), {}
    for begin in range(0, len(wanted), _AT_ONCE):
        some = col(GenerationTable.id).in_(wanted[begin : begin + _AT_ONCE])
        for seq, picture in read_pictures(session, select(GenerationTable).where(some)):
            found[picture.id] = (seq, picture if isinstance(picture, Generation) else None)
    return found


def _worth_showing(
    parents: dict[str, str | None], pictures: dict[str, tuple[int, Generation | None]], line: Sequence[str]
) -> set[str]:
    """The pictures that are there, those of the line, and the gaps on which one of them hangs."""
    kept = set(line)
    for id in parents:
        _, picture = pictures.get(id, (0, None))
        if picture is None or picture.deleted_at is not None:
            continue
        step: str | None = id
        while step is not None and step not in kept:
            kept.add(step)
            step = parents[step]
    return kept


def _compared(
    kept: set[str],
    parents: dict[str, str | None],
    pictures: dict[str, tuple[int, Generation | None]],
    notes: list[str],
) -> list[Node]:
    """The nodes in order, each compared with its parent as long as that takes no unreasonable time."""
    order = sorted(kept, key=lambda id: (_depth(id, parents), pictures.get(id, (0, None))[0]))
    left, chars, nodes = 0, 0, []
    for id in order:
        picture = _shown(pictures.get(id, (0, None))[1])
        parent = pictures.get(parents[id] or "", (0, None))[1]
        changes = None
        if picture is not None and parent is not None:
            chars += len(picture.prompt.canonical()) + len(parent.prompt.canonical())
            if chars <= CHARS_MAX:
                changes = diff(parent.prompt, picture.prompt)
            else:
                left += 1
        nodes.append(Node(id, parents[id], _standing(id, pictures), picture, changes))
    if left:
        notes.append(f"What changed is not compared for {left:,} of them: their prompts are too long together.")
    return nodes


def _depth(id: str, parents: dict[str, str | None]) -> int:
    depth = 0
    while (parent := parents[id]) is not None:
        id, depth = parent, depth + 1
    return depth


def _standing(id: str, pictures: dict[str, tuple[int, Generation | None]]) -> Standing:
    if id not in pictures:
        return "missing"
    picture = pictures[id][1]
    if picture is None:
        return "damaged"
    return "here" if picture.deleted_at is None else "deleted"


def _shown(picture: Generation | None) -> Generation | None:
    return picture if picture is not None and picture.deleted_at is None else None


def _together(one: Node, other: Node) -> bool:
    """Whether two pictures that follow one another hang on their parent as one branch: a batch's, of the same words."""
    a, b = one.generation, other.generation
    if a is None or b is None or one.parent_id is None or one.parent_id != other.parent_id:
        return False
    return (a.mode, a.words, a.writer, a.request.model) == (b.mode, b.words, b.writer, b.request.model)


def _unknown(id: str) -> GenerationNotFound:
    return GenerationNotFound(f"No picture has the id {id[:40]!r}. It may have been deleted.")
