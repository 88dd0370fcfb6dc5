"""Changes of labels: on a few pictures or on a whole search, in pieces between which others may write, each undoable.

A change and its undoing are rows, written in the transactions of the pieces themselves: a kill in the middle leaves
what was done until then, and the token that takes it back. Page, API and command line undo by the same token.
"""

import json
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any, cast

from sqlalchemy import delete, func, insert, text, update
from sqlmodel import Session, col, select
from ulid import ULID

from fibo_core.errors import FiboError, GenerationNotFound, UndoGone
from fibo_core.store import collection_store, label_files
from fibo_core.store.collection_store import CollectionStore, ids_of, record_of, removed, restored
from fibo_core.store.database import Database
from fibo_core.store.label_rows import label_rows, spelt_as_before, write_label_rows
from fibo_core.store.labels import ChangeProgress, LabelChange, Labels, Resolved, by_folded, folded, undoing, undone
from fibo_core.store.picture_rows import ROW
from fibo_core.store.rows import ID
from fibo_core.store.search import HistoryQuery, check_understood, count, find
from fibo_core.store.tables import CollectionTable, GenerationTable, MemberTable, UndoPictureTable, UndoTable

EVERY = 2**62  #: more pictures than there can be
KEPT = timedelta(days=2)  #: how long a change can be undone
PIECE = 100  #: pictures changed in one transaction
PAUSE_MAX_S = 0.2  #: after each piece: as long as it took, for others who write; at most so long
REMEMBERED = 100  #: changes whose missing pictures are still told when somebody asks for one
FORGOTTEN = 5_000  #: rows of old undoings that one transaction takes away
_DATE = "%Y-%m-%d %H:%M:%S.%f"  #: as SQLAlchemy writes a moment into a row

#: The next pictures of a change after a seq, at most PIECE.
Pieces = Callable[[int], Sequence[int]]
#: Is told the ids of pictures that come out of the trash, in that transaction.
BringBack = Callable[[Session, Sequence[str]], None]
#: What the labels of the picture of a seq become.
What = Callable[[int, Labels], Labels]


@dataclass(frozen=True)
class ChangeState:
    """How far a change has come. ``state``: running, done, cancelled, interrupted (its process ended), failed, undoing,
    undone. ``changed`` pictures of the ``done`` ones were not so already. ``missing`` are ids that no picture has, and
    ``error`` says why it failed, where it was begun here."""

    token: str
    state: ChangeProgress
    total: int
    done: int
    changed: int
    missing: tuple[str, ...] = ()
    error: str | None = None

    @property
    def ended(self) -> bool:
        return self.state not in _AT_WORK


_AT_WORK = ("running", "undoing")
OnProgress = Callable[[ChangeState], None]


class ChangeRun:
    """A change that was written down, and is still to be done."""

    def __init__(self, store: "LabelStore", token: str, work: Callable[[OnProgress | None], object]) -> None:
        self.token = token
        self._store = store
        self._work = work

    def work(self, on_progress: OnProgress | None = None) -> ChangeState:
        """Does it, piece by piece; ends early where somebody cancels it, in whatever process. Raises StoreError."""
        try:
            self._work(on_progress)
        except FiboError as exc:
            self._store.fail(self.token, "failed", str(exc))
            raise
        except BaseException:  # Ctrl+C
            self._store.fail(self.token, "interrupted", None)
            raise
        finally:
            self._store.changed.set()
        return self._store.state(self.token)


class LabelStore:
    """The labels of one workspace's pictures. Safe to use from several threads and processes.

    Every method may raise DatabaseUnreadable or WorkspaceUnwritable; others are named. ``changed`` is set when
    files are to be told of labels.
    """

    def __init__(self, workspace: Path, database: Database, bring_back: BringBack) -> None:
        """``bring_back`` does what is to be done in the transaction that takes pictures out of the trash."""
        self._workspace = workspace
        self._database = database
        self._bring_back = bring_back
        self._missing: dict[str, tuple[str, ...]] = {}
        self._errors: dict[str, str] = {}
        self._turn = Lock()  # one change at a time works through its pieces
        self.collections = CollectionStore(workspace, database)
        self.changed = Event()

    # changing

    def change(
        self,
        change: LabelChange,
        *,
        ids: Sequence[str] | None = None,
        query: HistoryQuery | None = None,
        on_progress: OnProgress | None = None,
    ) -> ChangeState:
        """Changes the labels of pictures, by their ids or by a search; returns when it is done.

        Raises as `begin` does.
        """
        return self.begin(change, ids=ids, query=query).work(on_progress)

    def begin(
        self, change: LabelChange, *, ids: Sequence[str] | None = None, query: HistoryQuery | None = None
    ) -> ChangeRun:
        """Writes a change down; nothing is changed before it is worked off. Pictures that come later are not in it.

        Raises InputError for what cannot be changed so, and for a search that is not understood; GenerationNotFound
        where none of the ids is a picture's, and CollectionNotFound for one that is to be left.
        """
        change = change.checked()
        missing: tuple[str, ...] = ()
        if ids is not None:
            seqs, missing = self._seqs(ids)
            total, pieces = len(seqs), _of_list(seqs)
        else:
            total, pieces = self._of_query(query or HistoryQuery())
        token = str(ULID())
        with self._database.write() as session:
            resolved, new = _resolved(session, change)
            _write_down(session, token, change, total, {"made": new})
        if missing:
            self._missing = dict([*self._missing.items(), (token, missing)][-REMEMBERED:])
        return ChangeRun(
            self, token, lambda told: self._apply(token, lambda _, labels: resolved.applied(labels), pieces, told)
        )

    def replace(self, id: str, change: LabelChange) -> None:
        """Changes one picture of the gallery. Raises as `begin` does, and GenerationNotFound for a deleted one."""
        change = change.checked()
        seqs, _ = self._seqs([id])
        with self._database.read() as session:
            deleted = session.connection().execute(
                text("SELECT deleted_at IS NOT NULL FROM generation WHERE seq = :seq"), {"seq": seqs[0]}
            )
            if deleted.scalar():
                raise GenerationNotFound(f"No picture has the id {id[:40]!r}. It may have been deleted.")
        self.change(change, ids=[id])

    def remove_collection(self, name_or_id: str) -> ChangeRun:
        """Takes a collection away, and its pictures out of it; they stay in the gallery. Raises CollectionNotFound."""
        token = str(ULID())
        with self._database.write() as session:
            row = collection_store.found(session, name_or_id)
            id, record = row.id, record_of(row)
            total = session.exec(select(func.count()).where(MemberTable.collection_id == id)).one()
            _write_down(session, token, LabelChange(remove_from=(row.name,)), total, {"removed": record})

        def leave(seq: int, labels: Labels) -> Labels:
            return replace(labels, members=labels.members - {id})

        def work(told: OnProgress | None) -> None:
            pieces = self._of_members(id)
            while self._apply(token, leave, pieces, told, last=lambda session: _remove_empty(session, id)):
                pass  # pictures have come into it meanwhile

        return ChangeRun(self, token, work)

    def cancel(self, token: str) -> ChangeState:
        """Ends a change after the piece that it is at; what was done can be undone. Raises UndoGone."""
        with self._database.write() as session:
            at_work = update(UndoTable).where(col(UndoTable.token) == token, col(UndoTable.state).in_(_AT_WORK))
            session.connection().execute(at_work.values(state="cancelled"))
        return self.state(token)

    def state(self, token: str) -> ChangeState:
        """Raises UndoGone."""
        with self._database.read() as session:
            row = _undo_row(session, token)
            return self._state(row)

    # undoing

    def undo(self, token: str, on_progress: OnProgress | None = None) -> ChangeState:
        """Takes a change back, but for what was changed otherwise since. Raises UndoGone."""
        return self.begin_undo(token).work(on_progress)

    def begin_undo(self, token: str) -> ChangeRun:
        """Ends the change where it still runs, and writes down that it is to be undone. Raises UndoGone, also where it
        is undone already."""
        with self._database.write() as session:
            row = _undo_row(session, token)
            if row.state == "undone":
                raise UndoGone("That change has been undone already. Nothing was changed.")
            pictures = select(func.count()).where(UndoPictureTable.token == token)
            row.total, row.done, row.changed, row.state = session.exec(pictures).one(), 0, 0, "undoing"
            session.add(row)
            collections = json.loads(row.collections)
            if removed_one := collections.get("removed"):
                restored(session, removed_one)
        return ChangeRun(self, token, lambda told: self._undo(token, collections.get("made", []), told))

    # files

    def write_files(self, ending: Event | None = None, on_progress: Callable[[int], None] | None = None) -> int:
        """Tells the pictures' files of the labels that they do not have yet, and `collections.json`; how many
        pictures. Ends early once ``ending`` is set."""
        return label_files.write_files(
            self._workspace, self._database, self.collections, ending or Event(), on_progress
        )

    def adopt_collections(self) -> int:
        """Makes rows for collections that `collections.json` alone has, as after a database was lost; how many."""
        with label_files.labels_lock(self._workspace):
            self.collections.write_file()
            return self.collections.adopt_file()

    def unwritten(self) -> int:
        """How many pictures' files are still to be told of their labels."""
        with self._database.read() as session:
            marked = text("SELECT count(*) FROM generation WHERE label_dirty = 1")
            return int(session.connection().execute(marked).scalar_one())

    def tidy(self, *, at_start: bool = False) -> None:
        """Forgets changes that are too old to be undone; at a start, those that a killed process was at are said to be
        interrupted."""
        if at_start:
            with self._database.write() as session:
                at_work = update(UndoTable).where(col(UndoTable.state).in_(_AT_WORK))
                session.connection().execute(at_work.values(state="interrupted"))
        old = select(UndoTable.token).where(UndoTable.created_at < datetime.now(UTC) - KEPT)
        old = old.where(col(UndoTable.state).not_in(_AT_WORK)).limit(1)
        while True:
            with self._database.read() as session:
                token = session.exec(old).first()
            if token is None:
                return
            with self._database.write() as session:
                first = text(
                    "DELETE FROM label_undo_picture WHERE token = :token AND seq IN "
                    "(SELECT seq FROM label_undo_picture WHERE token = :token LIMIT :limit)"
                )
                gone = session.connection().execute(first, {"token": token, "limit": FORGOTTEN})
                if gone.rowcount < FORGOTTEN:
                    session.connection().execute(delete(UndoTable).where(col(UndoTable.token) == token))

    def fail(self, token: str, state: str, error: str | None) -> None:
        """Says that a change did not come to its end, as far as the database takes it."""
        if error is not None:
            self._errors[token] = error
        try:
            with self._database.write() as session:
                at_work = update(UndoTable).where(col(UndoTable.token) == token, col(UndoTable.state).in_(_AT_WORK))
                session.connection().execute(at_work.values(state=state))
        except FiboError as exc:  # what failed the change fails this too; the next start says "interrupted"
            self._errors.setdefault(token, str(exc))

    def _apply(
        self,
        token: str,
        what: What,
        pieces: Pieces,
        told: OnProgress | None,
        last: Callable[[Session], bool] | None = None,
    ) -> bool:
        """Works through the pieces. True where ``last``, called in the transaction that ends the change, was not
        content, so that all is to be looked through again."""
        place = -1
        while True:
            seqs = pieces(place)
            with self._piece() as session:
                row = _undo_row(session, token)
                if row.state != "running":
                    return False
                if not seqs:
                    if last is not None and not last(session):
                        return True
                    row.state = "done"
                    session.add(row)
                    return False
                place = seqs[-1]
                changes = _changes(session, seqs, what)
                self._write(session, changes)
                _write_undoing(session, token, changes)
                row.done += len(seqs)
                row.changed += len(changes)
                session.add(row)
                state = self._state(row)
            if told is not None:
                told(state)

    def _undo(self, token: str, new: Sequence[str], told: OnProgress | None) -> None:
        while True:
            with self._piece() as session:
                row = _undo_row(session, token)
                if row.state != "undoing":
                    return
                undoing_of = UndoPictureTable
                next_ones = select(undoing_of.seq, undoing_of.was).where(undoing_of.token == token)
                was = {seq: json.loads(it) for seq, it in session.exec(next_ones.limit(PIECE))}
                if not was:
                    for id in new:
                        _remove_empty(session, id)
                    row.state = "undone"
                    session.add(row)
                    return
                changes = _changes(session, list(was), partial(_undone, was))
                self._write(session, changes)
                taken = delete(undoing_of).where(col(undoing_of.token) == token, col(undoing_of.seq).in_(list(was)))
                session.connection().execute(taken)
                row.done += len(was)
                row.changed += len(changes)
                session.add(row)
                state = self._state(row)
            if told is not None:
                told(state)

    def _write(self, session: Session, changes: dict[int, tuple[Labels, Labels]]) -> None:
        write_label_rows(session, changes)
        restored = [seq for seq, (was, now) in changes.items() if was.deleted_at and not now.deleted_at]
        if restored:
            ids = select(GenerationTable.id).where(col(GenerationTable.seq).in_(restored))
            self._bring_back(session, session.exec(ids).all())

    @contextmanager
    def _piece(self) -> Iterator[Session]:
        """The transaction of one piece, and then a moment for others."""
        began = time.monotonic()
        with self._turn, self._database.write() as session:
            yield session
        time.sleep(min(time.monotonic() - began, PAUSE_MAX_S))

    def _state(self, row: UndoTable) -> ChangeState:
        token = row.token
        missing, error = self._missing.get(token, ()), self._errors.get(token)
        return ChangeState(token, cast(ChangeProgress, row.state), row.total, row.done, row.changed, missing, error)

    def _seqs(self, ids: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
        """The seqs of pictures, deleted and damaged ones too, and the ids that none has.

        Raises GenerationNotFound where there is none.
        """
        known = {id for id in ids if ID.fullmatch(id)}
        numbered = {int(match[1]): id for id in ids if (match := ROW.fullmatch(id))}
        there: dict[str, int] = {}
        row = GenerationTable
        with self._database.read() as session:
            for piece in _in_pieces(sorted(known)):
                there |= dict(session.exec(select(row.id, row.seq).where(col(row.id).in_(piece))).all())
            for numbers in _in_pieces(sorted(numbered)):
                found = session.exec(select(row.seq).where(col(row.seq).in_(numbers)))
                there |= {numbered[seq]: seq for seq in found}
        missing = tuple(dict.fromkeys(id for id in ids if id not in there))
        if missing and not there:
            if len(missing) > 1:
                raise GenerationNotFound(
                    f"None of the {len(missing):,} pictures is there, such as {missing[0][:40]!r}."
                )
            raise GenerationNotFound(f"No picture has the id {missing[0][:40]!r}. It may have been deleted.")
        return sorted(set(there.values())), missing

    def _of_query(self, query: HistoryQuery) -> tuple[int, Pieces]:
        with self._database.read() as session:
            check_understood(session, query)
            until = session.exec(select(func.max(GenerationTable.seq))).one() or 0
            total = count(session, query, EVERY)

        def pieces(place: int) -> Sequence[int]:
            with self._database.read() as session:
                return find(session, query, beyond=place, newest_first=False, limit=PIECE, until=until)

        return total, pieces

    def _of_members(self, id: str) -> Pieces:
        member = MemberTable

        def pieces(place: int) -> Sequence[int]:
            with self._database.read() as session:
                following = select(member.seq).where(member.collection_id == id, member.seq > place)
                return session.exec(following.order_by(col(member.seq)).limit(PIECE)).all()

        return pieces


def _of_list(seqs: Sequence[int]) -> Pieces:
    def pieces(place: int) -> Sequence[int]:
        start = bisect_right(seqs, place)
        return seqs[start : start + PIECE]

    return pieces


def _in_pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + PIECE] for start in range(0, len(values), PIECE))


def _changes(session: Session, seqs: Sequence[int], what: What) -> dict[int, tuple[Labels, Labels]]:
    """What changes really: the labels before and after, by seq. Nothing joins a collection that was removed since."""
    there = set(session.exec(select(CollectionTable.id)))
    changes = {}
    for seq, before in label_rows(session, seqs).items():
        after = what(seq, before)
        after = replace(after, members=after.members & (before.members | there))
        if after != before:
            changes[seq] = (before, after)
    return changes


def _resolved(session: Session, change: LabelChange) -> tuple[Resolved, list[str]]:
    """The change with ids for names of collections, and those that were made for it. Raises as `begin` does."""
    members: frozenset[str] | None = None
    new: list[str] = []
    if change.collections is not None:
        members, new = ids_of(session, change.collections, make=True)
    add_to, more = ids_of(session, change.add_to, make=True)
    remove_from, _ = ids_of(session, change.remove_from, make=False)
    resolved = Resolved(
        favorite=change.favorite,
        rating=change.rating,
        tags=None if change.tags is None else spelt_as_before(session, by_folded(change.tags)),
        add_tags=spelt_as_before(session, by_folded(change.add_tags)),
        remove_tags=frozenset(map(folded, change.remove_tags)),
        members=members,
        add_to=add_to,
        remove_from=remove_from,
        deleted=change.deleted,
        moment=datetime.now(UTC).strftime(_DATE),
    )
    return resolved, new + more


def _write_down(session: Session, token: str, change: LabelChange, total: int, collections: dict[str, Any]) -> None:
    session.add(
        UndoTable(
            token=token,
            created_at=datetime.now(UTC),
            state="running",
            change=json.dumps({name: value for name, value in vars(change).items() if value not in (None, ())}),
            total=total,
            done=0,
            changed=0,
            collections=json.dumps(collections),
        )
    )
    session.flush()


def _write_undoing(session: Session, token: str, changes: dict[int, tuple[Labels, Labels]]) -> None:
    """What takes a piece back; a picture that the same change has come to before keeps the first of it too."""
    if changes:
        rows = [
            {"token": token, "seq": seq, "was": json.dumps(undoing(before, after))}
            for seq, (before, after) in changes.items()
        ]
        session.connection().execute(insert(UndoPictureTable).prefix_with("OR IGNORE"), rows)


def _undo_row(session: Session, token: str) -> UndoTable:
    row = session.get(UndoTable, token) if ID.fullmatch(token) else None
    if row is None:
        raise UndoGone(f"No change has the token {token[:40]!r}. A change can be undone for {KEPT.days} days.")
    return row


def _undone(was: dict[int, Any], seq: int, labels: Labels) -> Labels:
    return undone(labels, was[seq])


def _remove_empty(session: Session, id: str) -> bool:
    """Takes a collection away that holds nothing; whether it is gone."""
    if session.exec(select(MemberTable.seq).where(MemberTable.collection_id == id).limit(1)).first() is not None:
        return False
    removed(session, id)
    return True
