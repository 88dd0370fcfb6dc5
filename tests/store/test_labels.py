"""Labels and collections: changed, undone, bulk and single, in rows and in files, whatever is given."""

import json
import shutil
import sqlite3
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fibo_core.errors import CollectionNotFound, GenerationNotFound, InputError, UndoGone
from fibo_core.store.database import Database
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.labels import LabelChange

NOBODY = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"


@pytest.fixture
def labels(history):
    return history.labels


def sidecar(workspace: Path, generation) -> dict:
    return json.loads((workspace / generation.image_path).with_suffix(".json").read_text())


def lost(workspace: Path) -> History:
    """The history of the same files after its database was lost, rebuilt from them."""
    for file in workspace.glob("studio.db*"):
        file.unlink()
    database = Database(workspace / "studio.db")
    database.migrate()
    history = History(workspace, database)
    history.rebuild()
    return history


def said(history: History) -> dict:
    """What is said of each picture, in the gallery and in the trash."""
    both = [*history.page(HistoryQuery(), limit=500).items, *history.page(HistoryQuery(deleted=True), limit=500).items]
    return {it.id: (it.favorite, it.rating, it.tags, it.collections, it.deleted_at) for it in both}


def test_a_picture_gets_star_rating_tags_and_collections_at_once(paint, history, labels):
    picture = paint()
    change = LabelChange(favorite=True, rating=4, add_tags=("red fox", "Snow"), add_to=("Best of winter",))
    state = labels.change(change, ids=[picture.id])
    assert (state.state, state.total, state.done, state.changed) == ("done", 1, 1, 1)
    now = history.get(picture.id)
    assert (now.favorite, now.rating, now.tags) == (True, 4, ("red fox", "Snow"))
    assert now.collections == ("Best of winter",)
    assert [(it.name, it.pictures) for it in labels.collections.all()] == [("Best of winter", 1)]
    assert [(it.name, it.pictures) for it in labels.collections.tags()] == [("red fox", 1), ("Snow", 1)]


def test_the_same_tag_in_other_case_is_one_tag_in_the_spelling_there_is(paint, history, labels):
    first, second = paint(seed=1), paint(seed=2)
    labels.change(LabelChange(add_tags=("Fox", "FOX")), ids=[first.id])
    labels.change(LabelChange(add_tags=("fox",)), ids=[first.id, second.id])
    assert history.get(first.id).tags == history.get(second.id).tags == ("Fox",)
    labels.change(LabelChange(remove_tags=("fOX",)), ids=[first.id])
    assert history.get(first.id).tags == ()
    assert [(it.name, it.pictures) for it in labels.collections.tags()] == [("Fox", 1)]


def test_a_whole_search_is_changed_and_pictures_that_come_later_are_not(paint, history, labels):
    balls = [paint("a ball", seed=seed) for seed in range(3)]
    cube = paint("a cube", text="a cube")
    run = labels.begin(LabelChange(add_tags=("round",)), query=HistoryQuery("ball"))
    later = paint("a ball")
    state = run.work()
    assert (state.total, state.changed) == (3, 3)
    assert all(history.get(ball.id).tags == ("round",) for ball in balls)
    assert history.get(cube.id).tags == history.get(later.id).tags == ()


def test_a_search_whose_pictures_leave_it_as_they_are_changed_is_changed_to_its_end(history, labels, paint):
    """Unstarring the starred: each piece takes its pictures out of what is searched."""
    pictures = [paint(seed=seed) for seed in range(5)]
    labels.change(LabelChange(favorite=True), ids=[it.id for it in pictures])
    assert labels.change(LabelChange(favorite=False), query=HistoryQuery(favorite=True)).changed == 5
    assert history.count(HistoryQuery(favorite=True)) == 0


def test_a_whole_search_is_deleted_and_its_undoing_brings_back_what_it_deleted_alone(paint, history, labels):
    earlier, *others = [paint(seed=seed) for seed in range(4)]
    history.delete([earlier.id])
    state = labels.change(LabelChange(deleted=True), query=HistoryQuery("ball"))
    assert (state.changed, history.count(HistoryQuery())) == (3, 0)
    undone = labels.undo(state.token)
    assert (undone.state, undone.changed) == ("undone", 3)
    assert {it.id for it in history.page(HistoryQuery()).items} == {it.id for it in others}
    assert history.get(earlier.id, deleted_too=True).deleted_at is not None


def test_undoing_leaves_alone_what_was_changed_otherwise_since(paint, history, labels):
    picture = paint()
    first = labels.change(LabelChange(rating=2, favorite=True, add_tags=("a",)), ids=[picture.id])
    labels.change(LabelChange(rating=5, add_tags=("b",)), ids=[picture.id])
    labels.undo(first.token)
    now = history.get(picture.id)
    assert (now.rating, now.favorite, now.tags) == (5, False, ("b",))


def test_a_change_is_undone_once_and_after_a_restart_too(paint, history, labels, database, workspace):
    picture = paint()
    token = labels.change(LabelChange(rating=3, add_to=("Nwe",)), ids=[picture.id]).token
    restarted = History(workspace, Database(workspace / "studio.db"))
    restarted.labels.tidy(at_start=True)
    assert restarted.labels.undo(token).changed == 1
    assert history.get(picture.id).rating == 0
    assert labels.collections.all() == []  # made by the change, by a slip of the fingers
    with pytest.raises(UndoGone, match="undone already"):
        labels.undo(token)


def test_a_change_of_days_ago_is_forgotten(paint, labels, database, workspace):
    token = labels.change(LabelChange(rating=3), ids=[paint().id]).token
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("UPDATE label_undo SET created_at = '2026-01-01 00:00:00.000000'")
    labels.tidy()
    with pytest.raises(UndoGone, match="2 days"):
        labels.undo(token)
    with closing(sqlite3.connect(workspace / "studio.db")) as connection:
        assert connection.execute("SELECT count(*) FROM label_undo_picture").fetchone() == (0,)


def test_a_change_that_is_cancelled_ends_between_two_pieces_and_can_be_undone(paint, history, labels, monkeypatch):
    monkeypatch.setattr("fibo_core.store.label_store.PIECE", 2)
    for seed in range(6):
        paint(seed=seed)
    run = labels.begin(LabelChange(favorite=True), query=HistoryQuery())
    seen = []

    def cancel_at_four(state) -> None:
        seen.append(state.done)
        if state.done == 4:
            labels.cancel(run.token)

    state = run.work(cancel_at_four)
    assert (state.state, state.changed, seen) == ("cancelled", 4, [2, 4])
    assert labels.undo(run.token).changed == 4
    assert history.count(HistoryQuery(favorite=True)) == 0


def test_others_write_between_the_pieces_of_a_change(paint, history, labels, monkeypatch):
    """A picture is stored while a long change works: neither waits for the other's end."""
    monkeypatch.setattr("fibo_core.store.label_store.PIECE", 1)
    for seed in range(3):
        paint(seed=seed)
    begun, stored = threading.Event(), threading.Event()

    def paint_meanwhile() -> None:
        begun.wait()
        paint(seed=99)
        stored.set()

    other = threading.Thread(target=paint_meanwhile)
    other.start()

    def wait_for_the_other(_) -> None:
        begun.set()
        assert stored.wait(20)

    state = labels.change(LabelChange(rating=1), query=HistoryQuery(), on_progress=wait_for_the_other)
    other.join()
    assert (state.changed, history.count(HistoryQuery())) == (3, 4)


def test_a_picture_is_labelled_though_its_row_is_damaged(paint, history, labels, workspace):
    picture = paint()
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("UPDATE generation SET structured_prompt = '{', rating = 'x'")
    labels.change(LabelChange(favorite=True, rating=4), ids=[picture.id])
    history.rebuild()
    assert (history.get(picture.id).favorite, history.get(picture.id).rating) == (True, 4)


# collections


def test_a_collection_is_renamed_and_its_pictures_stay_in_it(paint, history, labels):
    picture = paint()
    labels.change(LabelChange(add_to=("Old",)), ids=[picture.id])
    assert labels.collections.change("old", name="New").name == "New"
    assert history.get(picture.id).collections == ("New",)
    with pytest.raises(CollectionNotFound):
        labels.collections.get("Old")


def test_removing_a_collection_leaves_its_pictures_and_is_undone(paint, history, labels, workspace):
    inside, other = paint(seed=1), paint(seed=2)
    labels.change(LabelChange(add_to=("Gone",)), ids=[inside.id])
    labels.write_files()
    state = labels.remove_collection("gone").work()
    assert (state.state, state.changed, labels.collections.all()) == ("done", 1, [])
    assert history.get(inside.id).collections == ()
    labels.write_files()
    assert sidecar(workspace, inside)["labels"]["collections"] == []
    labels.undo(state.token)
    assert history.get(inside.id).collections == ("Gone",)
    assert history.get(other.id).collections == ()


def test_a_kept_search_has_no_members(paint, labels):
    picture = paint()
    kept = labels.collections.add("Balls", "ball -cube")
    assert (kept.query, kept.pictures) == ("ball -cube", None)
    with pytest.raises(InputError, match="kept search"):
        labels.change(LabelChange(add_to=("balls",)), ids=[picture.id])
    assert labels.collections.change("Balls", query="sphere").query == "sphere"
    assert labels.undo(labels.remove_collection("Balls").work().token).state == "undone"
    assert [it.query for it in labels.collections.all()] == ["sphere"]


def test_a_new_picture_goes_into_the_chosen_collection_which_is_made(paint, history, labels, workspace):
    picture = paint(collection="Winter")
    assert picture.collections == history.get(picture.id).collections == ("Winter",)
    again = paint(collection="winter")
    assert history.get(again.id).collections == ("Winter",)
    assert labels.unwritten() == 0  # its files had it before its row
    assert sidecar(workspace, again)["labels"]["collections"][0]["name"] == "Winter"


# files


def test_a_sidecar_holds_the_labels_beside_the_recipe_and_the_picture_is_not_written_again(
    paint, history, labels, workspace
):
    picture = paint()
    png = (workspace / picture.image_path).stat()
    recipe = sidecar(workspace, picture)
    labels.change(LabelChange(favorite=True, add_tags=("x",), add_to=("C",)), ids=[picture.id])
    assert labels.unwritten() == 1
    assert labels.write_files() == 1
    assert labels.unwritten() == 0
    now = sidecar(workspace, picture)
    told = now.pop("labels")
    assert now == recipe
    assert (told["favorite"], told["rating"], told["tags"], told["deleted_at"]) == (True, 0, ["x"], None)
    assert [it["name"] for it in told["collections"]] == ["C"]
    after = (workspace / picture.image_path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (png.st_ino, png.st_mtime_ns)
    assert history.verify().damaged_sidecars == ()


def test_labels_collections_and_deletions_come_back_when_the_database_is_lost(paint, history, labels, workspace):
    one, two, three = (paint(seed=seed) for seed in range(3))
    labels.change(LabelChange(favorite=True, rating=5, add_tags=("Füchsin", "狐"), add_to=("A", "B")), ids=[one.id])
    labels.change(LabelChange(rating=1), ids=[two.id])
    history.delete([three.id])
    labels.collections.add("Empty")
    labels.collections.add("Foxes", "fox")
    labels.collections.change("B", name="Renamed")
    labels.write_files()
    before, collections = said(history), labels.collections.all()
    after = lost(workspace)
    assert said(after) == before
    assert after.labels.collections.all() == collections
    assert after.labels.unwritten() == 0


def test_labels_come_back_without_the_list_of_collections_too(paint, history, labels, workspace):
    picture = paint()
    labels.change(LabelChange(add_to=("A",)), ids=[picture.id])
    labels.write_files()
    (workspace / "collections.json").unlink()
    assert lost(workspace).get(picture.id).collections == ("A",)


def test_a_start_with_a_lost_database_brings_labels_back_by_itself(paint, history, labels, workspace):
    picture = paint()
    labels.change(LabelChange(rating=2, add_to=("A",)), ids=[picture.id])
    labels.collections.add("Empty")
    labels.write_files()
    for file in workspace.glob("studio.db*"):
        file.unlink()
    database = Database(workspace / "studio.db")
    database.migrate()
    after = History(workspace, database)
    after.sweep()
    assert (after.get(picture.id).rating, after.get(picture.id).collections) == (2, ("A",))
    assert [it.name for it in after.labels.collections.all()] == ["A", "Empty"]


def test_a_removed_collection_does_not_come_back_out_of_a_list_that_was_not_written(labels, history):
    labels.collections.add("A")
    labels.write_files()
    labels.remove_collection("A").work()  # and a kill before the files were told
    history.sweep()
    assert labels.collections.all() == []


def test_labels_that_change_while_their_file_is_written_are_written_again(paint, labels, workspace, monkeypatch):
    """The mark goes only where the row still says what the file was told."""
    from fibo_core.store import label_files

    picture = paint()
    labels.change(LabelChange(rating=1), ids=[picture.id])
    real = label_files.write_durably

    def meanwhile(*arguments) -> None:
        real(*arguments)
        monkeypatch.setattr(label_files, "write_durably", real)
        labels.change(LabelChange(rating=2), ids=[picture.id])

    monkeypatch.setattr(label_files, "write_durably", meanwhile)
    labels.write_files()
    assert labels.unwritten() == 1
    labels.write_files()
    assert sidecar(workspace, picture)["labels"]["rating"] == 2


def test_collections_that_a_file_has_by_name_alone_come_back_too(paint, workspace):
    """As an export writes them; the same name is the same collection."""
    for seed in range(2):
        file = (workspace / paint(seed=seed).image_path).with_suffix(".json")
        labels = {"tags": ["x"], "collections": ["Winter"]}
        file.write_text(json.dumps({**json.loads(file.read_text()), "labels": labels}))
    history = lost(workspace)
    assert [(it.name, it.pictures) for it in history.labels.collections.all()] == [("Winter", 2)]


@pytest.mark.parametrize("damage", ["{", "[]", '{"a": 1}', None])
def test_a_damaged_or_missing_sidecar_is_written_whole_with_the_labels(paint, history, labels, workspace, damage):
    picture = paint()
    recipe = sidecar(workspace, picture)
    file = (workspace / picture.image_path).with_suffix(".json")
    file.unlink() if damage is None else file.write_text(damage)
    labels.change(LabelChange(rating=3), ids=[picture.id])
    labels.write_files()
    assert {**recipe, "labels": sidecar(workspace, picture)["labels"]} == sidecar(workspace, picture)


def test_labels_of_pictures_whose_volume_is_away_wait_for_it(paint, labels, workspace):
    picture = paint()
    labels.change(LabelChange(rating=3), ids=[picture.id])
    shutil.move(workspace / "outputs", workspace / "away")
    assert labels.write_files() == 0
    assert not (workspace / "outputs").exists()
    shutil.move(workspace / "away", workspace / "outputs")
    assert labels.write_files() == 1


@pytest.mark.parametrize(
    "said_there",
    [
        "x", [], None, {"favorite": "yes", "rating": 9, "tags": ["a", 7, "\x00", "b" * 999], "collections": [{"id": 1}],
                        "deleted_at": "yesterday"},
        {"rating": True, "tags": "abc", "collections": "abc", "deleted_at": 7},
    ],
)  # fmt: skip
def test_labels_of_somebody_elses_making_spoil_no_rebuild(paint, workspace, said_there):
    picture = paint()
    file = (workspace / picture.image_path).with_suffix(".json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "labels": said_there}))
    found = lost(workspace).get(picture.id)
    assert (found.favorite, found.rating, found.collections) == (False, 0, ())
    assert set(found.tags) <= {"a"}


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", '{"format": 1}', '{"format": "fibo-studio-collections/9"}',
        '{"format": "fibo-studio-collections/1", "collections": [1, {"id": "x"}, null]}',
    ],
)  # fmt: skip
def test_a_damaged_list_of_collections_spoils_no_rebuild(paint, workspace, content):
    picture = paint()
    (workspace / "collections.json").write_text(content)
    history = lost(workspace)
    assert history.get(picture.id).id == picture.id
    assert history.labels.collections.all() == []


# what cannot be


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (LabelChange(rating=9), "The rating is 9. Choose 0"),
        (LabelChange(rating=-1), "The rating is -1"),
        (LabelChange(add_tags=("",)), "The tag is empty"),
        (LabelChange(add_tags=("  \u200d ",)), "The tag is empty"),
        (LabelChange(add_tags=("a\x00b",)), "control character"),
        (LabelChange(add_tags=("a\nb",)), "line break"),
        (LabelChange(add_tags=("a\ud800",)), "control character"),
        (LabelChange(add_tags=("a\u202eb",)), "control character"),
        (LabelChange(add_tags=("x" * 10_000,)), "has 10,000 characters. It may have 100"),
        (LabelChange(add_tags=('the "best"',)), "quotation mark"),
        (LabelChange(add_tags=tuple(map(str, range(101)))), "101 names are given"),
        (LabelChange(add_to=("\t",)), "collection's name is empty"),
        (LabelChange(add_tags=("Fox",), remove_tags=("fox",)), "both to be added and to be taken away"),
        (LabelChange(), "Nothing is to be changed"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_label_is_said_in_one_sentence_and_changes_nothing(paint, history, labels, change, sentence):
    picture = paint()
    with pytest.raises(InputError, match=sentence) as refused:
        labels.change(change, ids=[picture.id])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
    assert history.get(picture.id) == picture


@pytest.mark.parametrize(
    "tag", ["👩‍👩‍👧", "ثعلب أحمر", "red  fox", "ﬁbo", "A" * 100, "C++", "50%", "-x", "a:b", "Ⅷ", "é"]
)
def test_tags_of_any_script_and_sign_are_kept_and_come_back(paint, history, labels, workspace, tag):
    picture = paint()
    labels.change(LabelChange(add_tags=(tag,)), ids=[picture.id])
    kept = history.get(picture.id).tags
    assert [it.split() for it in kept] == [tag.split()]
    labels.write_files()
    assert lost(workspace).get(picture.id).tags == kept


def test_names_of_collections_that_clash_are_refused(labels):
    labels.collections.add("Foxes")
    labels.collections.add("Owls")
    with pytest.raises(InputError, match="a collection 'Foxes' already"):
        labels.collections.add("FOXES")
    with pytest.raises(InputError, match="a collection 'Foxes' already"):
        labels.collections.change("Owls", name="foxes")
    assert labels.collections.change("Owls", name="OWLS").name == "OWLS"
    with pytest.raises(InputError, match="something to search for"):
        labels.collections.add("Nothing", "  ")
    with pytest.raises(InputError, match="no kept search"):
        labels.collections.change("Foxes", query="fox")


def test_unknown_pictures_collections_and_tokens_are_named(paint, labels):
    picture = paint()
    with pytest.raises(GenerationNotFound, match=NOBODY):
        labels.change(LabelChange(rating=1), ids=[NOBODY])
    with pytest.raises(GenerationNotFound, match="None of the 2 pictures"):
        labels.change(LabelChange(rating=1), ids=[NOBODY, "../x"])
    assert labels.change(LabelChange(rating=1), ids=[picture.id, NOBODY, "x"]).missing == (NOBODY, "x")
    with pytest.raises(CollectionNotFound, match="'Owls'"):
        labels.change(LabelChange(remove_from=("Owls",)), ids=[picture.id])
    with pytest.raises(CollectionNotFound):
        labels.remove_collection("\ud800")
    for token in (NOBODY, "", "x' OR 1=1"):
        with pytest.raises(UndoGone):
            labels.undo(token)


# any sequence of changes and undoings equals a model


@dataclass
class Modelled:
    """A picture as the model has it: plain Python, written apart from the store."""

    favorite: bool = False
    rating: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    collections: set[str] = field(default_factory=set)
    deleted: bool = False


TAGS = st.sampled_from(["fox", "Fox", "red fox", "狐", "👩‍👧", "x"])
COLLECTIONS = st.sampled_from(["Winter", "winter", "Best", "ثعلب"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "favorite": st.booleans(),
        "rating": st.integers(0, 5),
        "add_tags": st.lists(TAGS, max_size=3).map(tuple),
        "remove_tags": st.lists(TAGS, max_size=2).map(tuple),
        "add_to": st.lists(COLLECTIONS, max_size=2).map(tuple),
        "deleted": st.booleans(),
    },
)
PICTURES = 4


class LabelsMachine(RuleBasedStateMachine):
    """Any changes and undoings, in any order, and now and then the files alone."""

    painted: Path  #: a workspace with a few pictures
    empty: Path  #: a database without any

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.workspace = Path(shutil.copytree(self.painted, Path(self.folder.name, "workspace")))
        self.open()
        self.ids = [it.id for it in self.history.page(HistoryQuery()).items]
        self.model = {id: Modelled() for id in self.ids}
        self.undos: list[tuple[str, dict]] = []

    def open(self) -> None:
        self.database = Database(self.workspace / "studio.db")
        self.history = History(self.workspace, self.database)

    @rule(change=CHANGES, which=st.sets(st.integers(0, PICTURES - 1), min_size=1), search=st.booleans())
    def change(self, change: dict, which: set[int], search: bool) -> None:
        both = {it.casefold() for it in change.get("add_tags", ())}
        both &= {it.casefold() for it in change.get("remove_tags", ())}
        ids = [self.ids[number] for number in which]
        if search:
            ids = [id for id in self.ids if not self.model[id].deleted]
        where = {"query": HistoryQuery("ball")} if search else {"ids": ids}
        try:
            token = self.history.labels.change(LabelChange(**change), **where).token
        except InputError:
            assert both or not any(value not in ((), None) for value in change.values())
            return
        assert not both
        was = {}
        spelt = {}
        for id in self.ids:
            for key, name in self.model[id].tags.items():
                spelt.setdefault(key, name)
        for id in ids:
            it = self.model[id]
            before = Modelled(it.favorite, it.rating, dict(it.tags), set(it.collections), it.deleted)
            it.favorite = change.get("favorite", it.favorite)
            it.rating = change.get("rating", it.rating)
            it.deleted = change.get("deleted", it.deleted)
            for tag in change.get("remove_tags", ()):
                it.tags.pop(tag.casefold(), None)
            for tag in change.get("add_tags", ()):
                it.tags.setdefault(tag.casefold(), tag)
            it.collections |= {name.casefold() for name in change.get("add_to", ())}
            was[id] = (before, Modelled(it.favorite, it.rating, dict(it.tags), set(it.collections), it.deleted))
        self.undos.append((token, was))

    @precondition(lambda self: self.undos)
    @rule(data=st.data())
    def undo(self, data) -> None:
        token, was = self.undos.pop(data.draw(st.integers(0, len(self.undos) - 1)))
        self.history.labels.undo(token)
        for id, (before, after) in was.items():
            it = self.model[id]
            for name in ("favorite", "rating"):
                if getattr(before, name) != getattr(after, name) and getattr(it, name) == getattr(after, name):
                    setattr(it, name, getattr(before, name))
            if before.deleted != after.deleted and it.deleted == after.deleted:
                it.deleted = before.deleted
            for key in after.tags.keys() - before.tags.keys():
                it.tags.pop(key, None)
            for key in before.tags.keys() - after.tags.keys():
                it.tags.setdefault(key, before.tags[key])
            it.collections -= after.collections - before.collections

    @rule()
    def lose_the_database(self) -> None:
        """The files alone give the same; undoings are lost with it."""
        self.history.labels.write_files()
        self.database.close()
        for file in self.workspace.glob("studio.db*"):
            file.unlink()
        shutil.copy(self.empty, self.workspace / "studio.db")
        self.open()
        self.history.rebuild()
        self.undos.clear()

    @invariant()
    def rows_say_what_the_model_does(self) -> None:
        if not hasattr(self, "model"):
            return
        for id, it in self.model.items():
            now = self.history.get(id, deleted_too=True)
            assert (now.favorite, now.rating, now.deleted_at is not None) == (it.favorite, it.rating, it.deleted)
            assert {tag.casefold() for tag in now.tags} == set(it.tags)
            assert {name.casefold() for name in now.collections} == it.collections

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


def test_any_changes_and_undoings_leave_what_a_model_says_in_rows_and_files(tmp_path, paint, workspace, database):
    empty = Database(tmp_path / "empty.db")
    empty.migrate()
    empty.close()
    for seed in range(PICTURES):
        paint(seed=seed)
    database.close()
    LabelsMachine.painted, LabelsMachine.empty = workspace, empty.path
    few = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(LabelsMachine, settings=few)
