"""``fibo-studio history label``, ``undo`` and ``collections``: what is said of pictures, and its taking back."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, InputError, StoreError
from studio.cli.door import as_ours, door_of
from studio.cli.output import StatusLine, print_json, print_table, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, ended_by_ctrl_c, open_history

if TYPE_CHECKING:
    from fibo_core.store.collection_store import Collection
    from fibo_core.store.history import History
    from fibo_core.store.label_store import ChangeRun, ChangeState, LabelStore
    from fibo_core.store.labels import LabelChange
    from studio.client import LabelsChanged, Studio
    from studio.web.api.label_models import ChangeGiven, CollectionGiven

collections = typer.Typer(rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The collection's name, or its id.")]


def label(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Pictures' ids.", metavar="ID...")] = None,
    query: Annotated[
        str | None,
        typer.Option(help='Every picture that this search finds instead; "" is all.', show_default=False),
    ] = None,
    star: Annotated[bool | None, typer.Option("--star/--unstar", help="Give a star, or take it.")] = None,
    rating: Annotated[int | None, typer.Option(help="0 (none) to 5.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Add this tag; may be repeated.", metavar="T")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take this tag away.", metavar="T")] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="Put into this collection, which is made if need be.", metavar="C")
    ] = None,
    remove_from: Annotated[list[str] | None, typer.Option(help="Take out of this collection.", metavar="C")] = None,
    as_json: Json = False,
) -> None:
    """Change stars, ratings, tags and collections, of named pictures or of all that a search finds."""
    if bool(ids) == (query is not None):
        raise InputError(
            'Name pictures by their ids, or give --query WORDS: one of the two. --query "" is all of them.'
        )
    change: dict[str, Any] = {
        "favorite": star,
        "rating": rating,
        "add_tags": tag or [],
        "remove_tags": untag or [],
        "add_to": collection or [],
        "remove_from": remove_from or [],
    }
    _work(
        context,
        lambda labels: labels.begin(
            _change(change), ids=ids if query is None else None, query=None if query is None else _query(query)
        ),
        lambda studio: studio.label(ids if query is None else None, search=query, **_said(change)),
        as_json,
    )


def undo(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="What the change has printed.")],
    as_json: Json = False,
) -> None:
    """Take a change of labels back; what was changed otherwise since stays."""
    _work(context, lambda labels: labels.begin_undo(token), lambda studio: studio.undo_labels(token), as_json)


@collections.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List collections and kept searches."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            found: Any = door.studio.collections()
    else:
        with open_history(settings) as history:
            found = history.labels.collections.all()
    if as_json:
        print_json([_record(each) for each in found])
    else:
        print_table((each.id, _pictures(each), each.name, each.query or "") for each in found)
        if not found:
            print("No collections yet.", file=sys.stderr)


@collections.command()
def add(context: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")], as_json: Json = False) -> None:
    """Make a collection."""
    _made(context, name, None, as_json)


@collections.command()
def keep(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.")],
    query: Annotated[str, typer.Argument(help="What it searches for.")],
    as_json: Json = False,
) -> None:
    """Keep a search by a name: a collection of whatever it finds."""
    _made(context, name, query, as_json)


@collections.command()
def rename(
    context: typer.Context,
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Its name from now on.")],
    as_json: Json = False,
) -> None:
    """Give a collection another name."""
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            changed: Any = door.studio.change_collection(_id_there(door.studio, name), name=new_name)
    else:
        with open_history(settings) as history:
            changed = history.labels.collections.change(name, name=new_name)
            tell_files(history)
    _print(changed, as_json)


@collections.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Remove a collection; its pictures stay, and it can be undone."""
    _work(
        context,
        lambda labels: labels.remove_collection(name),
        lambda studio: studio.remove_collection(_id_there(studio, name)),
        as_json,
    )


def tell_files(history: "History") -> None:
    """Writes what was changed into the pictures' files, so that a rebuild finds it. Ctrl+C leaves the rest to the next
    command or studio."""
    line, ending = StatusLine(), Event()
    left = history.labels.unwritten()
    with ended_by_ctrl_c() as flag:

        def told(done: int) -> None:
            line.show(f"writing labels {done:,} of {left:,}")
            if flag.is_set:
                ending.set()

        try:
            history.labels.write_files(ending, told)
        except StoreError as exc:  # what was asked for is done, and the rows remember what is left
            print(f"{exc} Until then it stands in the database alone.", file=sys.stderr)
        finally:
            line.clear()


def _work(
    context: typer.Context,
    begin_here: "Callable[[LabelStore], ChangeRun]",
    begin_there: "Callable[[Studio], LabelsChanged]",
    as_json: bool,
) -> None:
    """Has a change done, here or by a studio, shows how far it is, and says how it is undone."""
    settings = begin()
    state: ChangeState | ChangeGiven
    if (door := door_of(context, settings)) is not None:
        with as_ours(), _progress() as (told, cancelled):
            changed = begin_there(door.studio)

            def told_there(given: "ChangeGiven") -> None:
                told(given)
                if cancelled.is_set:
                    changed.cancel()

            state = changed.wait(told_there).given
            token = state.undo
    else:
        with open_history(settings) as history:
            labels = history.labels
            with _progress() as (told, cancelled):
                run = begin_here(labels)

                def told_here(now: "ChangeState") -> None:
                    told(now)
                    if cancelled.is_set:
                        labels.cancel(run.token)

                state = run.work(told_here)
                token = run.token
            tell_files(history)
    if as_json:
        print_json(
            {"changed": state.changed, "undo": token, "state": state.state, "total": state.total,
             "missing": list(state.missing)}
        )  # fmt: skip
    else:
        print_text(f"{state.changed:,} changed back" if state.state == "undone" else f"{state.changed:,} changed")
        if state.changed and state.state != "undone":
            print(f"Undo: fibo-studio history undo {token}", file=sys.stderr)
    if state.missing:
        print(f"Not changed, unknown: {', '.join(state.missing)}", file=sys.stderr)
    if state.state == "cancelled":
        raise Cancelled(f"Cancelled after {state.done:,} of {state.total:,} pictures.")


@contextmanager
def _progress() -> "Iterator[tuple[Callable[[Any], None], CancelFlag]]":
    """What is told how far a change has come, and the flag that Ctrl+C sets."""
    line = StatusLine()
    with ended_by_ctrl_c() as flag:
        try:
            yield lambda state: line.show(f"{state.done:,} of {state.total:,} pictures"), flag
        finally:
            line.clear()


def _made(context: typer.Context, name: str, query: str | None, as_json: bool) -> None:
    settings = begin()
    if (door := door_of(context, settings)) is not None:
        with as_ours():
            made: Any = door.studio.add_collection(name, query)
    else:
        with open_history(settings) as history:
            made = history.labels.collections.add(name, query)
            tell_files(history)
    _print(made, as_json)


def _id_there(studio: "Studio", name: str) -> str:
    """The id of a studio's collection, by name or id; what none has is left to the studio to say."""
    from fibo_core.store.labels import folded

    found = [each.id for each in studio.collections() if name == each.id or folded(each.name) == folded(name)]
    if not found:
        raise InputError(f"No collection is called {name[:60]!r}. `history collections list` names them.")
    return found[0]


def _change(said: dict[str, Any]) -> "LabelChange":
    from fibo_core.store.labels import LabelChange

    values: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in said.items()}
    return LabelChange(**values)


def _said(values: dict[str, Any]) -> Any:
    return {name: value for name, value in values.items() if value not in (None, [])}


def _query(text: str) -> Any:
    from fibo_core.store.history import HistoryQuery

    return HistoryQuery(text=text)


def _pictures(collection: "Collection | CollectionGiven") -> str:
    return "search" if collection.pictures is None else f"{collection.pictures:,}"


def _record(collection: "Collection | CollectionGiven") -> dict[str, Any]:
    return {
        "id": collection.id,
        "name": collection.name,
        "query": collection.query,
        "created_at": collection.created_at.isoformat(),
        "pictures": collection.pictures,
    }


def _print(collection: "Collection | CollectionGiven", as_json: bool) -> None:
    if as_json:
        print_json(_record(collection))
    else:
        print_text(f"{collection.id}  {collection.name}")
