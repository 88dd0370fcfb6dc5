"""``fibo-studio history export`` and ``import``: pictures out into a zip, and in from zips, folders and files."""

import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from fibo_core.errors import Cancelled, FiboError, GenerationNotFound, InputError
from fibo_core.settings import Settings
from studio.cli.door import Door, as_ours, door_of
from studio.cli.output import StatusLine, print_json, print_text
from studio.cli.painting import Json
from studio.cli.setup import begin, ctrl_c_raises, ended_by_ctrl_c, open_history

if TYPE_CHECKING:
    from fibo_core.store.exporting import Export
    from fibo_core.store.importing import ImportReport
    from studio.web.api.models import ImportGiven

STDOUT = "-"


def export(
    context: typer.Context,
    out: Annotated[str, typer.Argument(help="The zip to write, or - for stdout.", metavar="OUT.zip")],
    ids: Annotated[list[str] | None, typer.Argument(help="Pictures' ids; none means all.", metavar="ID...")] = None,
    query: Annotated[str, typer.Option(help="Those that a search finds.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Write pictures with their recipes, labels and sources into a zip."""
    if ids and query:
        raise InputError("Ids and --query are both given. Name pictures or search for them: leave out one of them.")
    settings = begin()
    target = None if out == STDOUT else Path(out)
    if target is not None and target.exists():
        raise InputError(f"{out} is there already. Name another file, or delete that one.")
    if target is not None and not target.absolute().parent.is_dir():
        raise InputError(f"The folder {target.absolute().parent} is not there. Make it, or name another one.")
    door = _elsewhere(context, settings)
    line = StatusLine()
    with ctrl_c_raises():
        try:
            told = _fetched(door, target, ids, query, line) if door else _written(settings, target, ids, query, line)
        except OSError as exc:
            raise FiboError(
                f"{out} could not be written ({exc.strerror}). Free some space, or name another file."
            ) from exc
        except KeyboardInterrupt as exc:
            raise Cancelled("Cancelled. Nothing is left of the zip.") from exc
        finally:
            line.clear()
    if as_json and target is not None:
        print_json({"path": str(target.absolute()), **told})
    elif target is not None:
        print_text(f"{told['pictures']:,} pictures, {told['bytes'] / 1e6:,.1f} MB in {target}")
    if told["missing"]:
        print(f"{told['missing']:,} files were not there; manifest.json in the zip names them.", file=sys.stderr)


def import_(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(help="Zips, folders and pictures.", metavar="PATH...")],
    as_json: Json = False,
) -> None:
    """Bring pictures into the history: an export, a folder, or pictures of other programs."""
    settings = begin()
    door, line = _elsewhere(context, settings), StatusLine()
    for path in paths:
        if not os.path.exists(path):
            raise InputError(
                f"{path!r:.200} cannot be read (No such file or directory). Name a zip, a folder or a picture."
            )
        if door is not None and os.path.isdir(path):
            raise InputError(f"{path} is a folder, and files are sent to a studio elsewhere. Put it into a zip.")
    try:
        told = _sent(door, paths, line) if door is not None else _taken_in(settings, paths, line)
    finally:
        line.clear()
    if as_json:
        print_json(told)
    else:
        print_text(
            f"{told['added']:,} came in, {told['already_here']:,} were here already, {told['left_out']:,} left out"
        )
    for sentence in told["reasons"]:
        print(sentence, file=sys.stderr)
    if told["in_trash"]:
        print(f"{told['in_trash']:,} of those here are deleted, and stay so until they are restored.", file=sys.stderr)
    if told["left_out"] and not (told["added"] or told["already_here"]):
        raise typer.Exit(1)


def _elsewhere(context: typer.Context, settings: Settings) -> Door | None:
    """The studio on another machine that was named; the one on this workspace need not be asked."""
    door = door_of(context, settings)
    return door if door is not None and door.workspace is None else None


def _written(
    settings: Settings, target: Path | None, ids: list[str] | None, query: str, line: StatusLine
) -> dict[str, Any]:
    with open_history(settings) as history:
        from fibo_core.store.exporting import Export, write_export
        from fibo_core.store.history import HistoryQuery

        made = Export(history, ids=ids or None, query=HistoryQuery(text=query))
        if not made.pictures:
            raise GenerationNotFound("There is no such picture, so nothing was exported. Change the search.")

        def tell(done: int, total: int) -> None:
            line.show(f"{done:,} of {total:,} pictures, {made.written_bytes / 1e6:,.1f} MB")

        if target is None:
            write_export(made, sys.stdout.buffer, tell)
            sys.stdout.buffer.flush()
            return _told(made)
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                write_export(made, file, tell)
                _flush(file)
            part.replace(target)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        return _told(made)


def _told(made: "Export") -> dict[str, Any]:
    return {"pictures": made.written_pictures, "bytes": made.written_bytes, "missing": made.missing}


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _fetched(door: Door, target: Path | None, ids: list[str] | None, query: str, line: StatusLine) -> dict[str, Any]:
    if target is None:
        raise InputError("A zip from a studio elsewhere goes into a file. Name one in place of -.")
    with as_ours():
        given = door.studio.export(
            target,
            query,
            ids=ids or None,
            tell=lambda done, total: line.show(f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB"),
        )
    return {"pictures": given.written_pictures, "bytes": given.written_bytes, "missing": given.missing}


def _taken_in(settings: Settings, paths: list[str], line: StatusLine) -> dict[str, Any]:
    from fibo_core.work.workspace import build_database, build_history

    database = build_database(settings)
    try:
        from fibo_core.store.importing import Importer, ImportReport

        history, report = build_history(settings, database), ImportReport()

        def tell(now: "ImportReport") -> None:
            of = f" of {now.total:,}" if now.total else ""
            line.show(f"{now.done:,}{of} files looked at, {now.added:,} pictures came in")

        with ended_by_ctrl_c() as flag:
            try:
                Importer(history, database).run([(Path(path), path) for path in paths], report, flag, tell)
            except Cancelled:
                line.clear()
                raise Cancelled(f"Cancelled. {report.added:,} pictures had come in, and stay.") from None
        history.labels.write_files()
        return asdict(report)
    finally:
        database.close()


def _sent(door: Door, paths: list[str], line: StatusLine) -> dict[str, Any]:
    def tell(given: "ImportGiven") -> None:
        sent = sum(each.bytes for each in given.files)
        if given.state == "receiving":
            line.show(f"{sent / 1e6:,.1f} MB sent")
        else:
            line.show(f"{given.done:,} of {given.total:,} files looked at, {given.added:,} pictures came in")

    with as_ours(), ctrl_c_raises():
        try:
            given = door.studio.bring_in(list(paths), tell=tell)
        except KeyboardInterrupt as exc:
            raise Cancelled("Cancelled. What had come in stays.") from exc
        except OSError as exc:
            raise InputError(f"{exc.filename} cannot be read ({exc.strerror}). Name a zip or a picture.") from exc
    left = {"files", "file_count", "id", "state", "ended", "title", "fraction", "generation_ids"}
    return given.model_dump(mode="json", exclude=left) | {"added_ids": list(given.generation_ids)}
