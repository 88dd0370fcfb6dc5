"""One bad byte, or a value of the wrong type: it harms its own picture, is named, and can be mended or deleted."""

import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import select

from fibo_core.errors import GenerationDamaged, InputError
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import png_bytes
from fibo_core.store.picture_rows import place_row, read_pictures
from fibo_core.store.rows import ID
from fibo_core.store.tables import GenerationTable
from fibo_core.writers import Usage

from .pictures import rendered, request_of

ALL, DELETED = HistoryQuery(), HistoryQuery(deleted=True)
COLUMNS = [column.name for column in GenerationTable.__table__.columns if column.name != "seq"]
#: What SQLite may hold in any column, as SQL: text that is no UTF-8, text, bytes, numbers, JSON of another shape.
VALUES = {
    "bad UTF-8": "CAST(x'61ff62' AS TEXT)",
    "text": "'abc'",
    "empty text": "''",
    "bytes": "x'61ff'",
    "a small number": "-7",
    "a large number": str(2**62),
    "a fraction": "0.5",
    "infinity": "9e999",
    "a list": "'[7]'",
    "an object": "'{\"short_description\": 7}'",
    "deep JSON": f"'{'[' * 990 + ']' * 990}'",
    "nothing": "NULL",
}


def damage(workspace: Path, id: str, column: str, value: str) -> bool:
    """Puts ``value`` into a picture's row, behind the studio's back; False where SQLite itself does not take it."""
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        try:
            connection.execute(f"UPDATE generation SET {column} = {value} WHERE id = ?", (id,))
        except sqlite3.IntegrityError:
            return False
    return True


def seen(history: History) -> set[str]:
    """The ids of the gallery, its trash, and of the damaged rows in both."""
    pages = [history.page(query, limit=100) for query in (ALL, DELETED)]
    return {it.id for page in pages for it in (*page.items, *page.damaged)}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_damaged_row_harms_itself_alone_and_a_rebuild_mends_it(history, paint, database, workspace, column):
    """Whatever stands in whichever column: gallery, search, neighbours, lineage, filters and sums go on; the row is
    shown or named, can be deleted and brought back, and a rebuild writes it anew from its file."""
    first = paint(seed=1)
    victim = paint(seed=2, parent_id=first.id, source=Image.new("RGB", (8, 8)), writer_model="m", usage=Usage(1, 2))
    last = paint(seed=3, parent_id=victim.id)
    made = (last, victim, first)
    backup = database.backup()
    for kind, value in VALUES.items():
        with closing(sqlite3.connect(backup)) as whole, closing(sqlite3.connect(workspace / "studio.db")) as connection:
            whole.backup(connection)
        if not damage(workspace, victim.id, column, value):
            continue
        page = history.page(ALL)
        assert [it.id for it in page.items if it.id != victim.id] == [last.id, first.id], kind
        assert column == "id" or victim.id in seen(history), kind
        assert {it.id for it in history.page(HistoryQuery(text="ball")).items} >= {first.id, last.id}, kind
        assert history.neighbours(first.id, ALL)[0] in (victim.id, last.id), kind
        assert history.neighbours(last.id, ALL)[1] in (victim.id, first.id), kind
        assert {it.id for it in history.ancestors(last.id)} <= {victim.id, first.id}, kind
        assert {it.id for it in history.children(first.id)} <= {victim.id}, kind
        assert "mini" in history.models(), kind
        assert history.disk_usage().pictures >= 2, kind
        assert history.count(ALL) >= 2, kind

        broken = (*page.damaged, *history.page(DELETED).damaged)
        assert broken == history.verify().damaged, kind
        for row in broken:
            if row.id == victim.id:
                with pytest.raises(GenerationDamaged):
                    history.get(row.id, deleted_too=True)
            if row in page.damaged:
                assert history.delete([row.id]) == [row.id], kind
            assert history.restore([row.id]) == [row.id], kind
        report = history.rebuild()
        mended_by_restoring = column == "deleted_at"
        assert report.added + report.replaced == (0 if mended_by_restoring else len(broken)), kind
        assert report.unreadable == (), kind
        assert history.verify().damaged == (), kind
        if broken:
            assert history.page(ALL).items == made, kind
            assert history.page(HistoryQuery(text="ball")).items == made, kind


def test_a_damaged_row_is_mended_with_its_star_and_its_deletion(history, paint, workspace):
    """Both live in the row alone, and stay where they can be read."""
    starred, deleted = paint(seed=1), paint(seed=2)
    history.set_favorite(starred.id, True)
    history.delete([deleted.id])
    for picture in (starred, deleted):
        damage(workspace, picture.id, "words", VALUES["bad UTF-8"])
    assert history.rebuild().replaced == 2
    assert history.get(starred.id).favorite
    assert [it.id for it in history.page(DELETED).items] == [deleted.id]


def test_a_damaged_row_says_so_in_one_sentence(history, paint, workspace):
    """The id, what is wrong, and what mends it."""
    picture = paint()
    damage(workspace, picture.id, "seed", "'abc'")
    with pytest.raises(GenerationDamaged) as error:
        history.get(picture.id)
    assert error.value.remedy == "rebuild"
    assert str(error.value) == (
        f"Picture {picture.id} cannot be read from the database (seed is 'abc'). "
        "Rebuild the history: that reads it anew from its file."
    )


def test_pages_go_on_past_damaged_rows(history, paint, workspace):
    """A page of nothing but damaged rows has a next one too."""
    made = [paint(seed=n).id for n in range(6)]
    for id in made[2:5]:
        damage(workspace, id, "created_at", "'yesterday'")
    found, named, cursor = [], [], None
    while True:
        page = history.page(ALL, cursor=cursor, limit=2)
        found += [it.id for it in page.items]
        named += [it.id for it in page.damaged]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert (found, named) == ([made[5], made[1], made[0]], made[4:1:-1])


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no picture at all"])
def test_a_damaged_thumbnail_is_made_anew(history, paint, content):
    """The cache is never worth an error."""
    picture = paint()
    history.thumbnail_file(picture.id).write_bytes(content)
    with Image.open(history.thumbnail_file(picture.id)) as again:
        assert (again.format, again.size) == ("WEBP", (64, 96))


def test_a_thumbnail_cut_short_is_made_anew(history, paint):
    picture = paint()
    thumbnail = history.thumbnail_file(picture.id)
    whole = thumbnail.read_bytes()
    thumbnail.write_bytes(whole[:-20])
    assert history.thumbnail_file(picture.id).read_bytes() == whole


def test_a_damaged_sidecar_is_named_and_the_pictures_own_text_is_read(history, paint, workspace):
    """By a rebuild that needs it, and by verify."""
    picture = paint()
    sidecar = history.sidecar_file(picture.id)
    sidecar.write_bytes(b'{"format": "fibo-studio/1", "words": "\xff"}')
    [named] = map(str, history.verify().damaged_sidecars)
    assert named == f"{sidecar.relative_to(workspace)}: it carries no recipe"
    damage(workspace, picture.id, "writer", "x'ff'")
    report = history.rebuild()
    assert (report.replaced, report.damaged_sidecars) == (1, (named,))
    assert history.get(picture.id) == picture


WRONG = {
    "edited": "no",
    "duration_s": None,
    "usage": {"input_tokens": 2**70, "output_tokens": 1},
    "adapters": "abc",
    "versions": {"torch": 2},
    "width": True,
    "guidance_scale": [],
    "created_at": "0001-01-01T00:00:00+23:00",
    "writer": "\ud800",
    "parent_id": 7,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_rebuild_goes_on_past_a_record_with_a_wrong_type(history, paint, database, workspace, name):
    """In the sidecar alone the PNG makes up for it; in both the picture is named and the others are taken."""
    paint(seed=1)
    picture = paint(seed=2)
    paint(seed=3)
    record = picture.to_record() | {name: WRONG[name]}
    history.sidecar_file(picture.id).write_text(json.dumps(record))
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("DELETE FROM generation")
    report = history.rebuild(dry_run=True)
    assert (report.added, len(report.damaged_sidecars), report.unreadable) == (3, 1, ())
    assert f"This recipe is damaged: {name} is " in report.damaged_sidecars[0]
    file = history._workspace / picture.image_path
    file.write_bytes(png_bytes(rendered().image, record))
    report = history.rebuild()
    assert (report.added, len(report.unreadable)) == (2, 1)
    assert f"This recipe is damaged: {name} is " in report.unreadable[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RECORD = Generation(
    id="01J0000000000000000000000A",
    created_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
    mode="refine",
    words="a ball",
    request=request_of(),
    writer="gemini",
    edited=False,
    image_path="outputs/a.png",
    duration_s=1.5,
    device="cpu",
    precision="float32",
    versions={"torch": "2.13"},
    usage=Usage(1, 2),
).to_record()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(RECORD)), value=JSON)
def test_a_record_with_any_part_replaced_by_anything_is_stored_or_refused(database, name, value):
    """What the gate lets through, the database takes and gives back; the rest is an error of the user's input."""
    try:
        generation = Generation.from_record(RECORD | {name: value})
    except InputError:
        return
    if not ID.fullmatch(generation.id):
        return
    with database.write() as session:
        place_row(session, generation, 1, "")
    with database.read() as session:
        rows = read_pictures(session, select(GenerationTable).where(GenerationTable.id == generation.id))
    assert [type(found) for _, found in rows] == [Generation]


def test_pictures_that_are_being_stored_keep_their_whole_row(history, workspace, database):
    """A sweep that sees a picture before its source makes a row of what it sees; the writer completes it."""
    ended = threading.Event()
    sweeps = []

    def sweep_again_and_again() -> None:
        while not ended.is_set():
            sweeps.append(History(workspace, database).sweep())

    thread = threading.Thread(target=sweep_again_and_again)
    thread.start()
    try:
        stored = [
            history.add(
                rendered(), request_of(seed=n), mode="inspire", words="", writer="hand", source=Image.new("RGB", (8, 8))
            )
            for n in range(15)
        ]
    finally:
        ended.set()
        thread.join()
    assert history.page(ALL, limit=100).items == tuple(reversed(stored))
    assert all(report.unreadable == () for report in sweeps)


def test_a_sweep_sees_neither_deleted_pictures_nor_the_trash(history, paint, workspace):
    """What somebody deleted does not come back at the next start."""
    deleted, trashed = paint(seed=1), paint(seed=2)
    history.delete([deleted.id])
    (workspace / "outputs" / "trash").mkdir()
    file = history.image_file(trashed.id)
    file.rename(workspace / "outputs" / "trash" / file.name)
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("DELETE FROM generation WHERE id = ?", (trashed.id,))
    assert history.sweep().adopted == 0
    assert seen(history) == {deleted.id}


def test_a_sweep_ends_when_the_process_does(history, paint):
    """However many pictures there are still to be looked at."""
    paint()
    ending = threading.Event()
    ending.set()
    report = history.sweep(ending)
    assert (report.adopted, report.rows) == (0, 1)


@pytest.mark.parametrize("spoil", [lambda png: b"", lambda png: b"text", lambda png: png[: len(png) // 2]])
def test_verify_reads_every_picture_to_its_end(history, paint, workspace, spoil):
    """A picture that cannot be shown is amiss, though its row and its sidecar are whole."""
    picture = paint()
    paint(seed=2)
    assert history.verify().damaged_pictures == ()
    file = history.image_file(picture.id)
    file.write_bytes(spoil(file.read_bytes()))
    [named] = map(str, history.verify().damaged_pictures)
    assert named.startswith(f"{file.relative_to(workspace)}: ")


def test_verify_sees_a_flipped_byte(history, paint):
    """By the checksum of its part of the file."""
    file = history.image_file(paint().id)
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    assert "damaged" in str(history.verify().damaged_pictures[0])


def test_pictures_are_looked_through_again_where_the_database_is_an_older_copy(history, paint, database):
    """Those painted since the copy come in by themselves."""
    paint(seed=1)
    copy = database.backup()
    paint(seed=2)
    assert history.sweep_due()
    history.sweep()
    assert not history.sweep_due()
    copy.replace(database.path)
    assert history.count(HistoryQuery()) == 1
    assert history.sweep_due()
    assert history.sweep().adopted == 1
    assert (history.count(HistoryQuery()), history.sweep_due()) == (2, False)
