"""The history: what a picture leaves behind, and how it is found again."""

import json
import logging
import threading
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import event, text

from fibo_core.errors import GenerationNotFound, InputError, PictureError, StoreError
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import read_recipe
from fibo_core.writers import Usage

from .pictures import rendered, request_of

ALL = HistoryQuery()
#: Steps of a plan that cost the same however many pictures there are: as many as are shown, or as fit a search.
ALONG_AN_INDEX = ("SEARCH ", "SCAN s VIRTUAL TABLE", "SCAN f VIRTUAL TABLE", "SCAN generation_search VIRTUAL TABLE",
                  "SCAN (subquery", "CORRELATED SCALAR SUBQUERY", "SCALAR SUBQUERY", "CO-ROUTINE", "SCAN gallery_total",
                  "SCAN search_gone", "SCAN CONSTANT ROW")  # fmt: skip


def ids(generations: object) -> list[str]:
    return [generation.id for generation in generations]


def all_pages(history: History, query: HistoryQuery, limit: int = 3) -> list[str]:
    """The ids of every page of a query, one after another by cursor."""
    page = history.page(query, limit=limit)
    found = ids(page.items)
    while page.next_cursor:
        page = history.page(query, cursor=page.next_cursor, limit=limit)
        found += ids(page.items)
    return found


def test_a_stored_picture_has_its_whole_recipe_in_row_png_and_sidecar(history, paint, workspace):
    """Each of the three alone gives back the same Generation, and so the same request."""
    source, others = Image.new("RGB", (8, 8), "blue"), (f"inputs/{'0' * 64}.png",)
    stored = paint("zwei Füchse 🦊", text="größe", mode="inspire", source=source, other_sources=others, edited=True)
    assert stored.other_sources == others
    assert history.get(stored.id) == stored
    for file in (history.image_file(stored.id), history.sidecar_file(stored.id)):
        again = Generation.from_record(read_recipe(file.read_bytes()))
        assert again == stored
        assert again.recipe_hash == request_of("größe").recipe_hash
    assert history.image_file(stored.id) == workspace / f"outputs/{stored.created_at:%Y/%m/%d}/{stored.id}.png"
    with Image.open(history.image_file(stored.id)) as picture:
        assert picture.convert("RGB").tobytes() == rendered().image.tobytes()
    with Image.open(history.source_file(stored.id)) as source:
        assert source.getpixel((1, 1)) == (0, 0, 255)


def test_a_picture_of_an_older_version_has_no_other_sources(history, paint):
    """Its record does not name them."""
    stored = paint()
    record = {key: value for key, value in stored.to_record().items() if key != "other_sources"}
    assert Generation.from_record(record) == stored


def test_after_a_restart_everything_is_still_there(history, paint, workspace, database):
    """A new process on the same workspace sees the same pictures, stars and deletions."""
    kept, starred, deleted = paint(seed=1), paint(seed=2), paint(seed=3)
    history.set_favorite(starred.id, True)
    history.delete([deleted.id])
    database.close()
    again_database = Database(f"sqlite:///{workspace / 'studio.db'}")
    again_database.migrate()
    again = History(workspace, again_database)
    assert ids(again.page(ALL).items) == [starred.id, kept.id]
    assert again.get(starred.id).favorite
    assert ids(again.page(HistoryQuery(deleted=True)).items) == [deleted.id]


def test_pages_have_no_gap_and_no_repeat_while_pictures_are_added_and_deleted(history, paint):
    """What was there at the first page is seen exactly once, in both directions."""
    there = ids(paint(seed=n) for n in range(10))
    page = history.page(ALL, limit=4)
    seen = ids(page.items)
    paint(seed=100)
    history.delete([there[9], there[3]])  # one already shown, one to come
    while page.next_cursor:
        page = history.page(ALL, cursor=page.next_cursor, limit=4)
        seen += ids(page.items)
        paint(seed=101)
    assert seen == [id for id in reversed(there) if id != there[3]]
    oldest_first = all_pages(history, HistoryQuery(newest_first=False))
    assert oldest_first[:8] == [id for id in there if id not in (there[9], there[3])]


@pytest.mark.parametrize("cursor", ["", "abc", "-1", "1; DROP TABLE generation", "9" * 40, "٣"])
def test_a_cursor_that_is_none_of_ours_is_refused(history, cursor):
    """A changed address gives a sentence, not a crash."""
    with pytest.raises(InputError, match="none of ours"):
        history.page(ALL, cursor=cursor)


def test_filters_and_their_combinations_show_what_they_say(history, paint):
    """Mode, model, stars and dates, alone and together, with matching counts."""
    plain = paint(seed=1)
    refined = paint(seed=2, mode="refine", parent_id=plain.id)
    other = paint(seed=3, mode="refine", model="briaai/FIBO")
    history.set_favorite(refined.id, True)
    expected = {
        HistoryQuery(mode="refine"): [other, refined],
        HistoryQuery(model="briaai/FIBO"): [other],
        HistoryQuery(favorite=True): [refined],
        HistoryQuery(mode="refine", model="mini", favorite=True): [refined],
        HistoryQuery(mode="inspire"): [],
        HistoryQuery(since=refined.created_at): [other, refined],
        HistoryQuery(until=refined.created_at): [plain],
        HistoryQuery(since=plain.created_at + timedelta(microseconds=1), until=other.created_at): [refined],
        HistoryQuery(newest_first=False): [plain, refined, other],
    }
    for query, generations in expected.items():
        assert ids(history.page(query).items) == ids(generations), query
        assert history.count(query) == len(generations)
    assert history.models() == ["briaai/FIBO", "mini"]


def test_a_date_without_a_time_zone_is_a_mistake_of_the_caller(history):
    """Days differ between time zones, so a naive date is never guessed at."""
    with pytest.raises(TypeError):
        history.page(HistoryQuery(since=datetime(2026, 1, 1)))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("fox", ["fox"]),
        ("FOX", ["fox"]),
        ("fo nig", ["fox"]),
        ("fox -night", []),
        ("soft -night", ["cat", "german"]),
        ("-night", ["cat", "german"]),
        ('soft -"at night"', ["cat", "german"]),
        ('"fox at"', ["fox"]),
        ('"at fox"', []),
        ('"fo"', []),  # a phrase is of whole words
        ("7", ["cat", "german", "fox"]),  # the seed
        ("fox 7", ["fox"]),
        ("seed:7 -fox", ["cat", "german"]),
        ("seed:8", []),
        ("座る", ["cat"]),
        ("が座", ["cat"]),
        ("座猫", []),
        ("-座る", ["german", "fox"]),
        ("Größe", ["german"]),
        ("grosse", []),
        ("grö", ["german"]),
        ("cafe", ["german"]),
        ("🦊", ["fox"]),
        ("猫", ["cat"]),
        ("well-lit", ["cat"]),
        ('"quoted', ["cat"]),
        ("mood:", ["german"]),
        ("short_description", []),  # keys are the same in every prompt and are not searched
        ("fox cat", []),
        ("soft", ["cat", "german", "fox"]),  # stands in every prompt's JSON
    ],
)
def test_words_are_found_in_what_was_typed_and_in_the_prompt(history, paint, search, found):
    """Every word must begin a word of the picture's, whatever its script; case and accents do not count."""
    names = {
        paint("a fox at night 🦊", text="dark").id: "fox",
        paint("ein Café", text="die Größe, mood: calm").id: "german",
        paint("猫が座る", text='a well-lit "quoted" cat').id: "cat",
    }
    page = history.page(HistoryQuery(text=search))
    assert [names[id] for id in ids(page.items)] == found
    assert history.count(HistoryQuery(text=search)) == len(found)


@pytest.mark.parametrize(
    ("words", "searches"),
    [
        ("桌子上的红色球，在窗前", ["红色", "红色球", "上的", "桌子 窗前", '"在窗前"', "窗"]),
        ("夕暮れのスーパーマーケットで猫が眠る", ["マーケット", "スーパー", "猫が", "眠る", "暮れ"]),
        ("탁자위에있는 빨간공이", ["빨간", "빨간공", "위에", "공이", unicodedata.normalize("NFD", "빨간공")]),
        ("a poster saying 红色 fox", ["色", "红色 fox", "saying 红", '"红色 fox"']),
        ("แมวสีแดงบนโต๊ะ", ["สีแดง", "แดง"]),
    ],
)
def test_writing_without_blanks_is_found_from_the_middle(history, paint, words, searches):
    """In what was typed and in the prompt; and it goes with the picture, out of the index too."""
    typed, described, _ = paint(words).id, paint("x", text=words).id, paint("别的图", text="他の絵")
    for search in searches:
        assert set(ids(history.page(HistoryQuery(text=search)).items)) == {typed, described}, search
        assert history.count(HistoryQuery(text=search, mode="refine")) == 0


def test_a_seed_and_an_id_are_found_among_words(history, paint):
    """A number is a word too; of an id its beginning is enough, in small letters too."""
    seed, word = paint("a ball", seed=42), paint("42 balls", seed=1)
    assert ids(history.page(HistoryQuery(text="42")).items) == ids([word, seed])
    assert ids(history.page(HistoryQuery(text="42 ball")).items) == ids([word, seed])
    assert ids(history.page(HistoryQuery(text="seed:42")).items) == ids([seed])
    assert ids(history.page(HistoryQuery(text=seed.id)).items) == ids([seed])
    assert ids(history.page(HistoryQuery(text=f"ball {seed.id[:24].lower()}")).items) == ids([seed])
    assert history.neighbours(seed.id, HistoryQuery(text="42")) == (word.id, None)
    assert history.count(HistoryQuery(text=str(2**63))) == 0


@pytest.mark.parametrize(
    "search",
    ['"', "'", "*", "-", ":", "^", "(", "NEAR(a b)", "a OR", "AND", "a\0b", "\ud83d", "{x} : y", "%", "\\"]
    + [character * 100_000 for character in ("?", "x", "x ")],
)
def test_no_character_breaks_a_search(history, paint, search):
    """Operators of the search language are ordinary characters here; no match is an answer."""
    paint("something else", text="nothing")
    assert history.page(HistoryQuery(text=search)).items == ()
    assert history.count(HistoryQuery(text=search)) == 0


def test_a_search_can_be_filtered_paged_and_walked_through(history, paint):
    """Search, filter, cursor and the arrow keys agree on one order."""
    foxes = [paint("a fox", seed=n, mode="refine" if n % 2 else "generate") for n in range(6)]
    paint("a cat")
    query = HistoryQuery(text="fox", mode="refine")
    assert all_pages(history, query, limit=2) == ids([foxes[5], foxes[3], foxes[1]])
    assert all_pages(history, HistoryQuery(text="fox", newest_first=False), limit=4) == ids(foxes)
    assert history.neighbours(foxes[3].id, query) == (foxes[5].id, foxes[1].id)
    assert history.neighbours(foxes[5].id, query) == (None, foxes[3].id)


def test_every_gallery_is_read_along_an_index_and_never_sorted(history, database):
    """A page costs the same with a million pictures: no plan sorts, and none begins at the table's start."""
    queries = [
        HistoryQuery(),
        HistoryQuery(newest_first=False),
        HistoryQuery(text="fox"),
        HistoryQuery(text="fox", model="mini", newest_first=False),
        HistoryQuery(text="fox -cat 座る"),
        HistoryQuery(mode="refine"),
        HistoryQuery(model="mini", since=datetime(2026, 1, 1, tzinfo=UTC)),
        HistoryQuery(favorite=True),
        HistoryQuery(deleted=True),
    ]
    statements = []

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    with database.read() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    for query in queries:
        history.page(query, cursor="5")
    history.models()
    event.remove(engine, "before_cursor_execute", note)
    assert len(statements) > len(queries)
    with database.read() as session:
        for statement, parameters in statements:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for step in (row[3] for row in plan):
                assert step.startswith(ALONG_AN_INDEX), (statement, step)


def test_the_arrow_keys_lead_through_the_gallery_and_stop_at_its_ends(history, paint):
    """Previous and next as the gallery shows them, in either order."""
    first, second, third = (paint(seed=n) for n in range(3))
    assert history.neighbours(second.id, ALL) == (third.id, first.id)
    assert history.neighbours(third.id, ALL) == (None, second.id)
    assert history.neighbours(second.id, HistoryQuery(newest_first=False)) == (first.id, third.id)


def test_a_picture_knows_its_ancestors_and_its_children(history, paint):
    """The chain of refinements, oldest first; a deleted picture in it is left out, not the chain behind it."""
    first = paint(seed=1)
    second = paint(seed=2, mode="refine", parent_id=first.id)
    third = paint(seed=3, mode="refine", parent_id=second.id)
    sibling = paint(seed=4, mode="refine", parent_id=second.id)
    assert ids(history.ancestors(third.id)) == ids([first, second])
    assert ids(history.children(second.id)) == ids([third, sibling])
    assert history.ancestors(first.id) == []
    history.delete([second.id])
    assert ids(history.ancestors(third.id)) == [first.id]
    assert history.children(first.id) == []


def test_a_circle_of_ancestors_ends(history, paint, database):
    """Rows damaged into a circle cannot hang a page."""
    first, second = paint(seed=1), paint(seed=2)
    with database.write() as session:
        change = text("UPDATE generation SET parent_id = :parent WHERE id = :id")
        session.connection().execute(
            change, [{"id": first.id, "parent": second.id}, {"id": second.id, "parent": first.id}]
        )
    assert ids(history.ancestors(first.id)) == [second.id]


def test_a_delete_is_undone_as_if_it_had_not_happened(history, paint):
    """Deleted pictures leave every gallery, keep their files, and come back to their old place with their star."""
    first, second, third = (paint("a fox", seed=n) for n in range(3))
    history.set_favorite(second.id, True)
    assert history.delete([second.id, third.id, second.id[::-1]]) == [second.id, third.id]
    assert history.delete([second.id]) == []  # a second click deletes nothing
    assert ids(history.page(ALL).items) == ids(history.page(HistoryQuery(text="fox")).items) == [first.id]
    assert history.image_file(second.id).is_file()
    with pytest.raises(GenerationNotFound):
        history.get(second.id)
    with pytest.raises(GenerationNotFound):
        history.set_favorite(second.id, False)
    assert history.get(second.id, deleted_too=True).deleted_at is not None
    assert history.restore([second.id, first.id]) == [second.id]
    assert ids(history.page(ALL).items) == [second.id, first.id]
    assert history.get(second.id).favorite


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "\ud83d", "a" * 9999, "%"])
def test_an_unknown_id_is_unknown_everywhere(history, id):
    """No id reaches the disk or the database as anything else than an id."""
    files = (history.image_file, history.thumbnail_file, history.sidecar_file, history.source_file)
    for look in (history.get, history.ancestors, history.children, *files):
        with pytest.raises(GenerationNotFound):
            look(id)
    assert history.delete([id]) == history.restore([id]) == []


def test_a_thumbnail_is_made_once_and_again_when_the_cache_was_cleared(history, paint, workspace):
    """The cache may be thrown away at any time."""
    stored = paint()
    thumbnail = history.thumbnail_file(stored.id)
    assert thumbnail.is_relative_to(workspace / ".cache" / "thumbs")
    made_at = thumbnail.stat().st_mtime_ns
    assert history.thumbnail_file(stored.id).stat().st_mtime_ns == made_at
    thumbnail.unlink()
    with Image.open(history.thumbnail_file(stored.id)) as again:
        assert (again.format, again.size) == ("WEBP", (64, 96))


def test_a_cache_that_cannot_be_written_loses_no_picture(workspace, database, tmp_path, caplog):
    """The picture is stored without its thumbnail, and the log says so."""
    (tmp_path / "cache").write_text("a file where a folder belongs")
    history = History(workspace, database, tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        stored = history.add(rendered(), request_of(), mode="generate", words="", writer="hand")
    assert history.get(stored.id) == stored
    assert "The thumbnail could not be written" in caplog.text


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/passwd", "outputs/../../secret.png", "studio.db", "outputs/\0"]
)
def test_a_row_that_points_out_of_the_outputs_is_never_served(history, paint, database, workspace, path):
    """Even a database made by someone else opens no file but pictures."""
    (workspace.parent / "secret.png").write_bytes(b"secret")
    stored = paint(mode="inspire", source=Image.new("RGB", (8, 8)))
    with database.write() as session:
        change = text("UPDATE generation SET image_path = :path, source_path = :path")
        session.connection().execute(change, {"path": path})
    for look in (history.image_file, history.source_file, history.sidecar_file):
        with pytest.raises(StoreError, match=r"leads out of|is no path"):
            look(stored.id)
    history.thumbnail_file(stored.id).unlink()
    with pytest.raises(StoreError, match=r"leads out of|is no path"):
        history.thumbnail_file(stored.id)


def test_a_link_that_leads_out_of_the_outputs_is_not_followed(history, paint, workspace):
    """What counts is where a path really ends."""
    stored = paint()
    (workspace.parent / "secret.png").write_bytes(b"secret")
    file = history.image_file(stored.id)
    file.unlink()
    file.symlink_to(workspace.parent / "secret.png")
    with pytest.raises(StoreError, match="leads out of"):
        history.image_file(stored.id)


def test_a_picture_whose_file_is_gone_or_damaged_says_so(history, paint):
    """The row stays, with its recipe; the sentence asks for the volume."""
    gone, damaged = paint(seed=1), paint(seed=2)
    history.image_file(gone.id).unlink()
    with pytest.raises(GenerationNotFound, match="Is its volume mounted"):
        history.image_file(gone.id)
    history.thumbnail_file(damaged.id).unlink()
    file = history.image_file(damaged.id)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(StoreError, match="is damaged"):
        history.thumbnail_file(damaged.id)
    assert history.get(gone.id) == gone


def test_disk_usage_counts_what_lies_on_the_disk(history, paint, workspace):
    """Pictures with their sidecars and sources; deleted ones still take their room."""
    assert (history.disk_usage().pictures, history.disk_usage().bytes) == (0, 0)
    stored = [paint(seed=1), paint(seed=2, mode="inspire", source=Image.new("RGB", (300, 300)))]
    history.delete([stored[0].id])
    usage = history.disk_usage()
    assert (usage.pictures, usage.deleted) == (1, 1)
    assert usage.bytes == sum(file.stat().st_size for file in usage.folder.rglob("*.*"))
    assert 0 < usage.free_bytes < usage.total_bytes


def test_two_pictures_of_the_same_moment_both_find_a_place(history, paint, monkeypatch):
    """A clock that stands still, or goes back, gives every picture an id and a place of its own, in order."""
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment

    monkeypatch.setattr("fibo_core.store.history.datetime", Clock)
    first, second = paint(seed=1), paint(seed=2)
    elsewhere = History(history._workspace, history._database)  # another process, the same microsecond
    third = elsewhere.add(rendered(), request_of(seed=3), mode="generate", words="", writer="hand")
    assert third.created_at == first.created_at
    assert set(ids(history.page(ALL).items)) == {first.id, second.id, third.id}
    assert sorted([first.id, second.id]) == [first.id, second.id]


def test_many_threads_store_at_once_and_each_picture_is_kept(history, paint):
    """One history serves all threads of a process."""
    threads = [
        threading.Thread(target=lambda n=n: [paint(f"thread {n}", seed=n * 10 + i) for i in range(5)]) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    generations = history.page(ALL, limit=100).items
    assert sorted(generation.request.seed for generation in generations) == [
        n * 10 + i for n in range(6) for i in range(5)
    ]
    assert len({generation.id for generation in generations}) == 30


@pytest.mark.parametrize(
    "change",
    [
        {"format": "someone-else/3"},
        {"seed": None},
        {"seed": "7"},
        {"width": 17},
        {"words": 5},
        {"mode": "steal"},
        {"created_at": "yesterday"},
        {"structured_prompt": ["a list"]},
        {"versions": 3},
    ],
)
def test_a_record_changed_by_someone_else_is_refused_with_a_reason(paint, change):
    """A recipe out of a dropped file may hold anything; it is our value or an InputError."""
    record = json.loads(json.dumps(paint().to_record() | change))
    with pytest.raises(InputError):
        Generation.from_record(record)


def test_the_writers_model_and_tokens_come_back_from_row_sidecar_and_png(paint, history, workspace, database):
    """What a prompt took is part of the recipe; a rebuild from the files alone has it again."""
    stored = paint(writer="gemini", writer_model="gemini-3.5-flash-lite", usage=Usage(521, 291))
    assert History(workspace, database).get(stored.id) == stored
    image = history.image_file(stored.id)
    for content in (image.read_bytes(), image.with_suffix(".json").read_bytes()):
        record = read_recipe(content)
        assert record["writer_model"] == "gemini-3.5-flash-lite"
        assert record["usage"] == {"input_tokens": 521, "output_tokens": 291}
    anew = Database(workspace / "anew.db")
    anew.migrate()
    rebuilt = History(workspace, anew)
    assert rebuilt.rebuild().added == 1
    assert rebuilt.get(stored.id) == stored
    anew.close()


def test_a_record_of_the_first_version_knows_no_tokens_and_is_read(paint):
    """Files written before prompts had a model and a price are whole recipes still."""
    stored = paint()
    record = {key: value for key, value in stored.to_record().items() if key not in ("writer_model", "usage")}
    assert Generation.from_record(record) == stored


@pytest.mark.parametrize("damage", [{"usage": {"input_tokens": 1}}, {"usage": 7}, {"writer_model": 7}])
def test_a_record_whose_tokens_make_no_sense_is_refused(paint, damage):
    """A file changed by someone else is an error of ours, not a crash."""
    with pytest.raises(PictureError):
        Generation.from_record(paint().to_record() | damage)


def test_a_record_with_a_part_missing_names_the_part(paint):
    """Every part of the recipe is needed to paint it again."""
    record = paint().to_record()
    for name in record.keys() - {"format", "recipe_hash", "writer_model", "usage", "other_sources", "family", "edit"}:
        with pytest.raises(PictureError, match=f"no '{name}'"):
            Generation.from_record({key: value for key, value in record.items() if key != name})
