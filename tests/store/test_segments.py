"""Rows of before are read again for the search, some at a time, and the index stays true while that goes on."""

import threading

import pytest
from sqlalchemy import text

from fibo_core.store import segments
from fibo_core.store.database import Database
from fibo_core.store.history import HistoryQuery
from fibo_core.store.segments import segmented


def indexed_as_before(database: Database) -> None:
    """Every row as a version that did not segment has left it."""
    with database.write() as session:
        execute = session.connection().execute
        execute(text("CREATE TEMP TABLE kept AS SELECT * FROM generation"))
        execute(text("DELETE FROM generation"))
        execute(text("INSERT INTO generation SELECT * FROM kept"))
        execute(text("DROP TABLE kept"))
        execute(text('INSERT INTO generation_unsegmented ("after") SELECT min(seq) - 1 FROM generation'))


def checked(database: Database) -> None:
    """Raises where the index is damaged."""
    with database.write() as session:
        session.connection().execute(
            text("INSERT INTO generation_search (generation_search) VALUES ('integrity-check')")
        )


def test_rows_of_before_are_found_once_they_were_read_again(history, paint, database, monkeypatch):
    """In pieces, each a transaction of its own; what is stored or deleted meanwhile is right too."""
    monkeypatch.setattr(segments, "ROWS_AT_ONCE", 2)
    old = [paint(f"桌子上的红色球 {n}", text="a ball" if n % 2 else "在窗前") for n in range(5)]
    latin = paint("a red ball")
    indexed_as_before(database)
    ended = threading.Event()
    ended.set()
    history.fill_search(ended)
    assert history.unsearched() == 6
    assert history.count(HistoryQuery(text="红色")) == 0
    assert history.count(HistoryQuery(text="桌子上的红色球")) == 0
    new = paint("红色的船", text="a boat")
    history.fill_search()
    assert history.unsearched() == 0
    assert history.count(HistoryQuery(text="红色")) == 6
    assert history.count(HistoryQuery(text="窗前")) == 3
    assert [each.id for each in history.page(HistoryQuery(text="red")).items] == [latin.id]
    checked(database)
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation WHERE id IN (:a, :b)"), {"a": old[0].id, "b": new.id})
    assert history.count(HistoryQuery(text="红色")) == 4
    with database.read() as session:
        assert session.connection().execute(text("SELECT count(*) FROM generation_segments")).scalar() == 4
    checked(database)


def test_a_row_that_cannot_be_read_stops_no_other(history, paint, database):
    damaged, whole = paint("红色球"), paint("红色船")
    indexed_as_before(database)
    with database.write() as session:
        for column, value in (("structured_prompt", "{红"), ("words", b"\xff")):
            session.connection().execute(
                text(f"UPDATE generation SET {column} = :value WHERE id = :id"), {"value": value, "id": damaged.id}
            )
    history.fill_search()
    assert history.unsearched() == 0
    assert [each.id for each in history.page(HistoryQuery(text="色")).items] == [whole.id]


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("a red ball", "a red ball"),
        ("Größe  café", "Größe  café"),
        ("红色ball 3个", "红 色 ball 3 个"),
        ("スーパーで", "ス ー パ ー で"),
        ("빨간 공", "빨 간 공"),
    ],
)
def test_only_writing_without_blanks_is_cut_into_characters(words: str, cut: str) -> None:
    assert segmented(words) == cut
