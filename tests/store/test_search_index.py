"""The search index stays true: rows of before are read in the background, those that go are taken out again."""

import threading

import pytest
from sqlalchemy import text

from fibo_core.store import search_index
from fibo_core.store.database import Database
from fibo_core.store.history import HistoryQuery
from fibo_core.store.index_text import COLUMNS
from fibo_core.store.segments import segmented


def indexed_as_before(database: Database) -> None:
    """Every row as a version with another index has left it."""
    with database.write() as session:
        execute = session.connection().execute
        execute(text("CREATE TEMP TABLE kept AS SELECT * FROM generation"))
        execute(text("DELETE FROM generation"))
        execute(text("DELETE FROM search_gone"))
        execute(text("INSERT INTO generation_search (generation_search) VALUES ('delete-all')"))
        execute(text("INSERT INTO generation SELECT * FROM kept"))
        execute(text("DROP TABLE kept"))


def checked(database: Database) -> None:
    """Raises where the index is damaged."""
    with database.write() as session:
        session.connection().execute(
            text("INSERT INTO generation_search (generation_search) VALUES ('integrity-check')")
        )


def one(database: Database, statement: str) -> object:
    with database.read() as session:
        return session.connection().execute(text(statement)).scalar()


def found(history, search: str) -> list[str]:
    return [each.id for each in history.page(HistoryQuery(text=search)).items]


def test_rows_of_before_are_found_once_they_were_read(history, paint, database, monkeypatch):
    """In pieces, each a transaction of its own, the newest first; what is stored or goes meanwhile is right too."""
    monkeypatch.setattr(search_index, "ROWS_AT_ONCE", 2)
    old = [paint(f"桌子上的红色球 {n}", text="a ball" if n % 2 else "在窗前") for n in range(5)]
    latin = paint("a red ball")
    indexed_as_before(database)
    ended = threading.Event()
    ended.set()
    history.fill_search(ended)
    assert history.unsearched() == 6
    assert found(history, "红色") == found(history, "ball") == []
    paint("红色的船", text="a boat")
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation WHERE id = :id"), {"id": old[1].id})
    history.fill_search()
    assert history.unsearched() == 0
    assert history.count(HistoryQuery(text="红色")) == 5
    assert history.count(HistoryQuery(text="窗前")) == 3
    assert found(history, "red") == [latin.id]
    checked(database)


def test_a_picture_whose_row_goes_is_found_no_more_before_and_after_it_left_the_index(history, paint, database):
    """At once, whoever removes the row; its words leave the index in the background, and the counts with it."""
    first, second = paint("红色球", text="a red ball"), paint("红色船", text="a red boat")
    with database.write() as session:
        session.connection().execute(text("DELETE FROM generation WHERE id = :id"), {"id": first.id})
    for _ in ("still in the index", "taken out"):
        assert found(history, "红色") == [second.id]
        assert history.count(HistoryQuery(text="red")) == 1
        history.fill_search()
    assert one(database, "SELECT count(*) FROM search_gone") == 0
    assert one(database, "SELECT count(*) FROM generation_search WHERE generation_search MATCH 'ball'") == 0
    assert one(database, "SELECT sum(pictures) FROM facet_count WHERE name = 'thing:ball'") == 0
    checked(database)


def test_a_damaged_row_that_goes_is_found_no_more_and_may_come_back(history, paint, database):
    """What it was indexed by is not known any more; searches pass it over, and a rebuild brings it in again."""
    damaged, whole = paint("a red ball"), paint("a red boat")
    with database.write() as session:
        session.connection().execute(
            text("UPDATE generation SET structured_prompt = '{' WHERE id = :id"), {"id": damaged.id}
        )
        session.connection().execute(text("DELETE FROM generation WHERE id = :id"), {"id": damaged.id})
    history.fill_search()
    assert found(history, "red") == [whole.id]
    assert history.count(HistoryQuery(text="red")) == 1
    assert history.rebuild().added == 1
    assert found(history, "red") == [whole.id, damaged.id]
    assert one(database, "SELECT count(*) FROM search_gone") == 0


def test_a_row_that_cannot_be_read_stops_no_other(history, paint, database):
    damaged, whole = paint("红色球"), paint("红色船")
    indexed_as_before(database)
    with database.write() as session:
        for column, value in (("structured_prompt", "{红"), ("words", b"\xff"), ("model", b"\xff"), ("edited", "x")):
            session.connection().execute(
                text(f"UPDATE generation SET {column} = :value WHERE id = :id"), {"value": value, "id": damaged.id}
            )
    history.fill_search()
    assert history.unsearched() == 0
    assert found(history, "色") == [whole.id]


def test_the_columns_of_the_index_are_those_of_the_database(database):
    """A new field of the caption needs a migration, or it is looked for as an unknown one."""
    with database.read() as session:
        columns = session.connection().execute(text("SELECT name FROM pragma_table_info('generation_search')"))
        assert tuple(columns.scalars()) == COLUMNS


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("a red ball", "a red ball"),
        ("Größe  café", "Größe  café"),
        ("cafe\u0301", "café"),
        ("红色ball 3个", "红 色 ball 3 个"),
        ("スーパーで", "ス ー パ ー で"),
        ("빨간 공", "빨 간 공"),
        ("ที่นี่", "ที่ นี่"),
        ("हिन्दी में", "हिन्दी में"),
        ("fox🦊🔥", "fox 🦊 🔥"),
        ("❤\ufe0f ёлка", "❤ елка"),
    ],
)
def test_only_writing_without_blanks_is_cut_into_characters(words: str, cut: str) -> None:
    assert segmented(words) == cut
