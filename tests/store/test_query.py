"""The search's grammar: what each part finds, what is said where it is not understood; SQL and `match` agree."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import text

from fibo_core.errors import InputError
from fibo_core.prompts.caption_schema import KEYS as CAPTION_KEYS
from fibo_core.prompts.facets import facets as caption_facets
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.exporting import Export
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.labels import LabelChange
from fibo_core.store.query import parse
from fibo_core.store.query_parser import ALIASES, KEYS

from .pictures import rendered, request_of

KEPT = {"night foxes": "fox time:night", "all foxes": 'in:"night foxes" fox'}

SCENES = {
    "fox": {
        "short_description": "a red fox at night",
        "objects": [
            {"description": "a fox", "location": "left", "shape_and_color": "red and white", "number_of_objects": 3},
            {"description": "a red box", "location": "right", "relationship": "beside the fox"},
        ],
        "lighting": {"conditions": "night, backlit", "direction": "left"},
        "style_medium": "oil painting",
        "my_notes": {"sky": "blue moon", "n": 7, "deep": {"down": {"weird_key": "zebra", "flag": True}}},
    },
    "boat": {
        "short_description": "a green boat",
        "objects": [{"description": "a boat", "location": "center", "shape_and_color": "green"}],
        "lighting": {"conditions": "bright daylight", "direction": "front"},
        "aesthetics": {"mood_atmosphere": "calm"},
        "style_medium": "photograph",
    },
    "猫": {
        "short_description": "桌子上的红色球，一只猫",
        "lighting": {"conditions": "夜晚", "shadows": "Größe der Schatten"},
        "background_setting": "تحت ضوء القمر، Тихая ночь",
    },
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[History, dict[str, Generation]]]:
    """Three pictures with labels: a fox, a boat and a cat."""
    workspace = tmp_path_factory.mktemp("workspace")
    database = Database(workspace / "studio.db")
    database.migrate()
    history = History(workspace, database)
    made = {}
    for seed, (name, document) in enumerate(SCENES.items(), start=41):
        request = replace(request_of(seed=seed), prompt=StructuredPrompt.from_dict(document))
        made[name] = history.add(
            rendered(),
            request if name == "fox" else replace(request, model="briaai/FIBO"),
            mode="refine" if name == "boat" else "generate",
            parent_id=made["fox"].id if name == "boat" else None,
            source=Image.new("RGB", (8, 8)) if name == "猫" else None,
            words=f"my {name}",
            writer="gemini" if name == "boat" else "offline",
            edited=name == "fox",
        )
    label(database, made)
    yield history, {name: history.get(each.id) for name, each in made.items()}
    database.close()


def label(database: Database, made: dict[str, Generation]) -> None:
    with database.write() as session:
        execute = session.connection().execute
        seq = {name: execute(text("SELECT seq FROM generation WHERE id = :id"), {"id": it.id}).scalar()
               for name, it in made.items()}  # fmt: skip
        execute(text("UPDATE generation SET favorite = 1, rating = 5 WHERE seq = :seq"), {"seq": seq["fox"]})
        execute(text("UPDATE generation SET rating = 2 WHERE seq = :seq"), {"seq": seq["boat"]})
        for name, tag in (("fox", "Best of May"), ("boat", "Best of May"), ("boat", "Größe")):
            values = {"folded": tag.casefold(), "seq": seq[name], "name": tag}
            execute(text("INSERT INTO tag (folded, seq, name) VALUES (:folded, :seq, :name)"), values)
        add = text("INSERT INTO collection (id, name, folded, query, created_at) "
                   "VALUES (:id, :name, :name, :query, '2026-01-01 00:00:00')")  # fmt: skip
        execute(add, {"id": "boats", "name": "boats", "query": None})
        for name, query in KEPT.items():
            execute(add, {"id": name, "name": name, "query": query})
        execute(text("INSERT INTO collection_member VALUES ('boats', :seq)"), {"seq": seq["boat"]})


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("fox", ["fox"]),
        ("a", ["boat", "fox"]),  # a single letter is a word
        ("re", ["fox"]),
        ("lighting:backlit", ["fox"]),
        ("Lighting.Conditions:back", ["fox"]),
        ("lighting.direction:left", ["fox"]),
        ("lighting:right", []),
        ('objects:"red box"', ["fox"]),
        ("objects[1].description:box", ["fox"]),
        ('objects:"left right"', []),  # no phrase goes from one object to the next
        ("objects.number_of_objects:3 number_of_objects:3", ["fox"]),
        ("number_of_objects:30", []),
        ("mood_atmosphere:calm", ["boat"]),
        ("my_notes:moon", ["fox"]),
        ('my_notes.sky:"blue moon" my_notes.n:7', ["fox"]),
        ("my_notes.sky:7", []),
        ("weird_key:zebra down.weird_key:zeb", ["fox"]),  # the end of a path, of any prompt's
        ("deep:zebra deep.down:zebra", ["fox"]),
        ("flag:true my_notes.deep.down.flag:TRUE", ["fox"]),
        ("flag:false", []),
        ("location:left number_of_objects:3", ["fox"]),
        ("-weird_key:zebra", ["猫", "boat"]),
        ("seed:42", ["boat"]),
        ("42", ["boat"]),
        ("-seed:42", ["猫", "fox"]),
        ("model:fibo", ["猫", "boat"]),
        ('model:"briaai/fibo"', ["猫", "boat"]),
        ('model:"fibo"', []),  # in quotes it is the whole name
        ("mode:refine", ["boat"]),
        ("writer:gem", ["boat"]),
        ("time:night", ["fox"]),
        ('time:"night" color:red thing:fox', ["fox"]),
        ("medium:oil", ["fox"]),
        ("colour:green", ["boat"]),
        ("-fox", ["猫", "boat"]),
        ("-fox -boat", ["猫"]),
        ("-lighting:left", ["猫", "boat"]),
        ("is:favorite", ["fox"]),
        ("-is:favorite", ["猫", "boat"]),
        ("is:edited", ["fox"]),
        ("rating:>3", ["fox"]),
        ("rating:<=2", ["猫", "boat"]),
        ("rating:0", ["猫"]),
        ("-rating:0 rating:≥2", ["boat", "fox"]),
        ('tag:"best of may"', ["boat", "fox"]),
        ("tag:GRÖSSE", ["boat"]),
        ("-tag:größe", ["猫", "fox"]),
        ("in:boats", ["boat"]),
        ("-in:boats", ["猫", "fox"]),
        ('in:"night foxes"', ["fox"]),
        ('-in:"Night Foxes"', ["猫", "boat"]),
        ('in:"all foxes"', ["fox"]),
        ("in:nowhere", []),
        ("has:source", ["猫"]),
        ("has:parent", ["boat"]),
        ("-has:parent fox rating:5 lighting:back", ["fox"]),
        ("after:2020", ["猫", "boat", "fox"]),
        ("before:2020-05", []),
        ("红色", ["猫"]),
        ("lighting:夜晚", ["猫"]),
        ("lighting:红色", []),
        ("القمر", ["猫"]),
        ("тих", ["猫"]),
        ("grosse", []),
        ("GRÖSSE", []),
        ("größe", ["猫"]),  # a tag is no word of the picture
        ("http://a.b", []),
        ("16:9", []),
    ],
)
def test_each_part_of_the_grammar_finds_what_it_says(studio, search: str, found: list[str]) -> None:
    """Pages, counts, neighbours and `match` agree on it."""
    history, made = studio
    query = HistoryQuery(text=search)
    assert [each.id for each in history.page(query).items] == [made[name].id for name in found]
    assert history.count(query) == len(found)
    assert {name for name, each in made.items() if query.search.match(each, KEPT)} == set(found)
    assert query.search.problems == ()
    if found:
        older = made[found[1]].id if len(found) > 1 else None
        assert history.neighbours(made[found[0]].id, query) == (None, older)


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("ligthing:x", "No prompt has a field ligthing; did you mean lighting?"),
        ("mood:x", "did you mean aesthetics.mood_atmosphere?"),
        ("xyzzy:1", 'Write "xyzzy …" in quotes'),
        ("seed:x", "“x” is no seed"),
        ("seed:99999999999999999999", "is no seed"),
        ("id:!", "begins no picture's id"),
        ("mode:zzz", "There are generate, refine, inspire"),
        ("time:nigth", "did you mean night?"),
        ("is:purple", "There are is:favorite"),
        ("has:legs", "There are has:source"),
        ("rating:9", "“9” is no rating. Write rating:4"),
        ("before:yesterday", "is no date. Write before:2026-12-01"),
        ("after:2026-13-01", "is no date"),
        ("tag:nobody", "No picture has the tag nobody."),
        ("in:nowhere", "There is no collection nowhere."),
        ("lighting:-backlit", "“-backlit” begins with a minus. Write -lighting:backlit to leave it out."),
        ("color:-red", "Write -color:red to leave it out"),
        ("\0", "no letter and no digit in “�”"),
        ("\u2028 ", "no letter and no digit in “�”"),
        ('lighting:"?"', "no letter and no digit"),
        ("---", "no letter and no digit in “---”"),
        ("fox " * 40, "at most 32 parts"),
        ("x" * 10_000, "at most 2,000 characters, and this one 10,000"),
    ],
)
def test_what_is_not_understood_is_said_and_finds_nothing(studio, search: str, sentence: str) -> None:
    """Never passed over: a search is also what is labelled or deleted at once."""
    history, _ = studio
    query = HistoryQuery(text=search)
    page = history.page(query)
    assert (page.items, history.count(query)) == ((), 0)
    assert any(sentence in problem for problem in page.problems), page.problems
    assert (
        not parse(search).text.strip("\0\u2028- ") or history.count(HistoryQuery(text=f"fox {search}")) == 0
    )  # punctuation is passed over
    assert understands(history, query) == []
    turned = HistoryQuery(text=f"-{search}")
    assert history.count(turned) == 0, "a mistyped part behind a minus is not everything"
    assert history.page(turned).problems


SAID = {
    "dog": "หมา", "come": "มา", "mother": "แม่", "no": "ไม่", "day": "दिन", "poor": "दीन", "hindi": "हिन्दी में लिखा",
    "christmas tree": "ёлка", "cafe": "un caf\u00e9 cr\u00e8me", "book": "كَتَبَ", "fire": "🦊🔥", "fox": "fox🦊",
    "heart": "❤️", "family": "👩\u200d👩\u200d👧", "flag": "🇩🇪",
}  # fmt: skip


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[History, dict[str, Generation]]]:
    """A picture for each of some words that are hard to cut."""
    workspace = tmp_path_factory.mktemp("scripts")
    database = Database(workspace / "studio.db")
    database.migrate()
    history = History(workspace, database)
    made = {}
    for name, said in SAID.items():
        prompt = StructuredPrompt.from_dict({"short_description": said})
        made[name] = history.add(
            rendered(), replace(request_of(), prompt=prompt), mode="generate", words="", writer="json"
        )
    yield history, made
    database.close()


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("หมา", ["dog"]),
        ("มา", ["come", "dog"]),  # in the middle of a word, as nothing says where one begins
        ("มี", []),
        ("แม่", ["mother"]),
        ("แม", []),
        ("ไม่", ["no"]),
        ("दिन", ["day"]),
        ("दीन", ["poor"]),
        ("हिन्दी", ["hindi"]),
        ("हन", []),
        ("हिन", ["hindi"]),  # begins so
        ("लिखा", ["hindi"]),
        ("елка", ["christmas tree"]),
        ("ЁЛКА", ["christmas tree"]),
        ("cafe creme", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("كتب", ["book"]),
        ("🦊", ["fire", "fox"]),
        ("🔥", ["fire"]),
        ("🦊🔥", ["fire"]),
        ("fox", ["fox"]),
        ("fo", ["fox"]),
        ("fox🦊", ["fox"]),
        ("🔥🦊", []),
        ("❤ -🦊", ["heart"]),
        ("❤️", ["heart"]),
        ("👧", ["family"]),
        ("🇩🇪", ["flag"]),
    ],
)
def test_words_of_any_script_are_told_apart_and_symbols_are_words(scripts, search: str, found: list[str]) -> None:
    history, made = scripts
    query = HistoryQuery(text=search)
    page = history.page(query)
    names = {each.id: name for name, each in made.items()}
    assert (sorted(names[each.id] for each in page.items), page.problems) == (found, ())
    assert sorted(names[id] for id in understands(history, query, made.values())) == found
    anywhere = HistoryQuery(text=f"short_description:{search.split()[0]}")
    assert set(found) <= {names[each.id] for each in history.page(anywhere).items}


def understands(history: History, query: HistoryQuery, made: Iterable[Generation] = ()) -> list[str]:
    """The ids of the pictures that a search finds by its terms; none where anything in it is not understood."""
    if history.understood(query).problems:
        return []
    whole = replace(query.search, terms=query.terms)
    return [each.id for each in made if whole.match(each, KEPT)]


def keep(history: History, **searches: str) -> None:
    """As a version before, or a file, may have them: unchecked."""
    with history._database.write() as session:
        for name, query in searches.items():
            session.connection().execute(
                text("INSERT INTO collection VALUES (:name, :name, :name, :query, '2026-01-01 00:00:00')"),
                {"name": name, "query": query},
            )


def test_what_is_wrong_inside_a_kept_search_is_told_and_finds_nothing(history, paint) -> None:
    paint("a fox")
    keep(history, bad="ligthing:x", mild="-ligthing:x", over="-in:mild")
    for search in ("in:bad", "-in:bad", "fox -in:bad", "in:mild", "in:over", "-in:over", "fox -in:over"):
        page = history.page(HistoryQuery(text=search))
        assert page.items == (), search
        assert "No prompt has a field ligthing; did you mean lighting?" in page.problems[0], search
        assert page.problems[0].startswith("In the kept search "), search


def test_kept_searches_that_multiply_are_said_to_be_too_much(history, paint) -> None:
    """Each level asks sixteen times for the one below: a search of 16^7 parts."""
    made = paint("a fox")
    names = [f"s{level}" for level in range(8)]
    keep(history, s0="fox", **{name: f"in:{below} " * 16 for below, name in pairwise(names)})
    assert [each.id for each in history.page(HistoryQuery(text="in:s1")).items] == [made.id]
    for search in ("in:s2", "in:s7", "-in:s7", "in:s1 " * 9):
        page = history.page(HistoryQuery(text=search))
        assert (page.items, history.count(HistoryQuery(text=search))) == ((), 0)
        assert page.problems == ("With its kept searches a search has at most 128 parts. Leave some out.",)
    chain = {f"c{level}": f"in:c{level + 1}" for level in range(60)}
    keep(history, **chain, c60="fox")
    assert history.page(HistoryQuery(text="in:c50")).items
    assert history.page(HistoryQuery(text="in:c0")).problems


def test_a_search_that_can_never_find_anything_is_not_kept(history, paint) -> None:
    kept = history.labels.collections
    kept.add("a", "in:b")  # there may be a b later
    with pytest.raises(InputError, match="The kept search b asks for itself"):
        kept.add("b", "in:a")
    kept.add("c", "in:a")
    with pytest.raises(InputError, match="asks for itself"):
        kept.change("c", name="b")
    with pytest.raises(InputError, match="asks for itself"):
        kept.change("a", query="fox -in:a")
    with pytest.raises(InputError, match="at most 2,000 characters"):
        kept.add("long", "x" * 2_001)
    with pytest.raises(InputError, match="at most 32 parts"):
        kept.change("a", query="fox " * 33)
    with pytest.raises(InputError, match="“x” is no seed"):
        kept.add("seeds", "seed:x")
    assert [(each.name, each.query) for each in kept.all()] == [("a", "in:b"), ("c", "in:a")]


def test_nothing_is_done_to_all_pictures_by_a_search_that_is_not_understood(history, paint) -> None:
    picture = paint("a fox")
    keep(history, bad="seed:x")
    for search in ("-medum:photograph", "-tag:nope", "-in:nope", "-in:bad", "-seed:x", "\0"):
        query = HistoryQuery(text=search)
        with pytest.raises(InputError):
            history.labels.change(LabelChange(deleted=True), query=query)
        with pytest.raises(InputError):
            Export(history, query=query)
        assert history.extent(query) == (0, 0)
        assert {facet.key for facet in history.facets(query).facets} == {"in"}  # kept searches are always offered
        assert history.neighbours(picture.id, query) == (None, None)
    assert history.get(picture.id) == picture


def test_a_kept_search_that_asks_for_itself_ends(studio) -> None:
    history, _ = studio
    with history._database.write() as session:
        for name, query in (("a", "in:b"), ("b", "in:a")):
            session.connection().execute(
                text("INSERT INTO collection VALUES (:name, :name, :name, :query, '2026-01-01 00:00:00')"),
                {"name": name, "query": query},
            )
    assert history.count(HistoryQuery(text="in:a")) == 0
    assert history.count(HistoryQuery(text="-in:a")) == 0
    with history._database.write() as session:
        session.connection().execute(text("DELETE FROM collection WHERE id IN ('a', 'b')"))


def test_chips_say_what_was_understood_and_where_it_stands(studio) -> None:
    """Cutting one out of the text leaves a search without it."""
    search = 'fox -lighting:backlit objects:"red box" mood_atmosphere:calm'
    chips = parse(search).chips
    assert [(chip.label, chip.excluded) for chip in chips] == [
        ("fox", False), ("lighting: backlit", True), ("objects: red box", False),
        ("aesthetics.mood_atmosphere: calm", False),
    ]  # fmt: skip
    assert search[chips[1].start : chips[1].end] == "-lighting:backlit"


def test_days_begin_where_the_reader_is(studio) -> None:
    history, made = studio
    moment = made["fox"].created_at
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        day = f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d}"
        query = HistoryQuery(text=f"fox after:{day}", zone=ZoneInfo(zone))
        assert history.count(query) == 1
        before = HistoryQuery(text=f"fox before:{day}", zone=ZoneInfo(zone))
        assert history.count(before) == 0
    assert parse("after:2026-12-01").terms[0].since == round(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1e6)


def test_no_key_of_the_grammar_is_a_key_of_the_caption() -> None:
    """`time:` must never hide a part of the prompt."""
    assert {*KEYS, *ALIASES} & set(CAPTION_KEYS) == set()
    assert all(facet.values for facet in caption_facets())


ATOMS = st.sampled_from(
    ["fox", "boat", "re", "box", "left", "the", "zebra", "猫", "红色", "größe", "тих", '"a red"', "7", "42", "01",
     "lighting:night", "objects:red", 'objects:"a fox"', "my_notes:blue", "nothing:here", "mood_atmosphere:c",
     "seed:43", "model:fibo", "mode:gen", "writer:off", "tag:größe", 'tag:"best of may"', "in:boats",
     'in:"night foxes"', "is:favorite", "is:rated", "rating:>2", "rating:<3", "has:source", "has:parent", "time:day",
     "color:red", "after:2020", "before:2020", "is:edited", "?", "rating:x"]
)  # fmt: skip
CHARACTERS = list("ab\"'*-:^(){}[]+.,;%_\\/|&!~@#<>= \t\n\0\u202e🦊é红ا")
ANY_TEXT = st.text(st.sampled_from(CHARACTERS), max_size=30) | st.lists(
    st.sampled_from(["a", " AND ", " OR ", " NOT ", "NEAR(", '"', "*", ":", "{rest}:", "-", "rowid:", "';--"]),
    max_size=9,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.tuples(st.booleans(), ATOMS), max_size=4), filters=st.integers(0, 7))
def test_sql_and_match_agree_on_any_search(studio, parts: list[tuple[bool, str]], filters: int) -> None:
    """What the index finds is what one picture says of itself, in any combination."""
    history, made = studio
    search = " ".join(("-" if minus else "") + atom for minus, atom in parts)
    query = HistoryQuery(
        text=search,
        mode="refine" if filters & 1 else None,
        model="mini" if filters & 2 else None,
        favorite=bool(filters & 4),
        newest_first=len(search) % 2 == 0,
    )
    expected = understands(history, query, made.values())
    page = history.page(query)
    assert [each.id for each in page.items] == (expected[::-1] if query.newest_first else expected)
    assert history.count(query) == len(expected)
    assert history.facets(query).facets or not expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=ANY_TEXT)
def test_no_text_breaks_a_search_its_facets_or_its_suggestions(studio, typed: str) -> None:
    history, made = studio
    query = HistoryQuery(text=typed)
    ids = {each.id for each in history.page(query).items}
    assert ids == set(understands(history, query, made.values()))
    history.facets(query)
    for place in (0, len(typed) // 2, len(typed)):
        history.suggest(typed, place)


@pytest.mark.parametrize(
    "text_", ["x" * 10_000, '"' * 5_000, "-" * 10_000, "a:" * 4_000, "🦊" * 3_000, "\u202eabc", "\ud83d"]
)
def test_a_monstrous_search_is_answered(studio, text_: str) -> None:
    history, _ = studio
    assert history.page(HistoryQuery(text=text_)).items == ()
    history.suggest(text_, 10**9)


def test_what_a_label_leads_and_what_the_words_lead_give_the_same(history, paint, database) -> None:
    """However many pictures either has: a rare tag among many foxes, and a rare word among many tags."""
    rng = random.Random(3)
    made = [paint("a fox" if n % 7 else "a zebra", seed=n % 3) for n in range(60)]
    with database.write() as session:
        for each in made:
            if rng.random() < 0.5:
                session.connection().execute(
                    text("INSERT INTO tag SELECT 'x', seq, 'x' FROM generation WHERE id = :id"), {"id": each.id}
                )
    pictures = [history.get(each.id) for each in made]
    for search in ("tag:x fox", "tag:x -fox", "zebra tag:x", "-tag:x zebra", "tag:x 2", "2 fox -tag:x", "1 2"):
        query = HistoryQuery(text=search)
        expected = [each.id for each in reversed(pictures) if query.search.match(each)]
        seen, cursor = [], None
        while True:
            page = history.page(query, cursor=cursor, limit=7)
            seen += [each.id for each in page.items]
            if (cursor := page.next_cursor) is None:
                break
        assert seen == expected, search
        assert history.count(query) == len(expected)


def test_facets_count_the_gallery_and_follow_what_is_deleted_and_brought_back(history, paint) -> None:
    first = paint("a fox", text="a fox at night")
    paint("a boat", text="a boat at night")

    def counted(query: HistoryQuery) -> dict[str, int | None]:
        return {value.term: value.pictures for facet in history.facets(query).facets for value in facet.values}

    whole = {"time:night": 2, "thing:fox": 1, "thing:boat": 1, 'model:"mini"': 2, "mode:generate": 2}
    assert counted(HistoryQuery()) == whole
    assert counted(HistoryQuery(text="fox")) == {name: 1 for name in whole if name != "thing:boat"}
    history.delete([first.id])
    assert counted(HistoryQuery()) == {name: 1 for name in whole if name != "thing:fox"}
    assert counted(HistoryQuery(deleted=True)) == {name: 1 for name in whole if name != "thing:boat"}
    history.restore([first.id])
    assert counted(HistoryQuery()) == whole
    for name, pictures in whole.items():
        assert history.count(HistoryQuery(text=name)) == pictures, name


def test_a_picture_of_another_program_that_named_no_model_is_no_facet_without_a_name(history, paint) -> None:
    paint("a fox", text="a fox")
    paint("a boat", text="a boat", model="", mode="imported")
    (models,) = (facet for facet in history.facets(HistoryQuery()).facets if facet.key == "model")
    assert [value.term for value in models.values] == ['model:"mini"']
    assert 'model:""' not in [each.text for each in history.suggest("model:", 6)]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lig", "lighting:"),
        ("fox -mood", "-aesthetics.mood_atmosphere:"),
        ("color:r", "color:red"),
        ("time:", "time:night"),
        ('tag:"best', 'tag:"Best of May"'),
        ("in:b", "in:boats"),
        ("model:fi", 'model:"briaai/FIBO"'),
        ("is:", "is:favorite"),
        ("writer:", "writer:gemini"),
        ("bo", "boat"),
    ],
)
def test_suggestions_complete_the_part_that_is_typed(studio, typed: str, meant: str) -> None:
    """Each leads to a search that is understood."""
    history, _ = studio
    suggestion = next(each for each in history.suggest(typed) if each.text == meant)
    assert typed[suggestion.start : suggestion.end] == typed.split(" ", typed.count(" ") if '"' not in typed else 0)[-1]
    if not meant.endswith(":"):
        whole = typed[: suggestion.start] + suggestion.text
        assert history.page(HistoryQuery(text=whole)).problems == ()


def test_deleted_pictures_are_searched_among_themselves(history, paint) -> None:
    kept, gone = paint("a fox"), paint("a fox", seed=8)
    history.set_favorite(gone.id, True)
    history.delete([gone.id])
    for search in ("fox", "is:favorite", "fox is:favorite", "-zebra", "seed:8", "8"):
        trash = HistoryQuery(text=search, deleted=True)
        assert [each.id for each in history.page(trash).items] == [gone.id], search
        assert history.count(trash) == 1
    assert [each.id for each in history.page(HistoryQuery(text="fox")).items] == [kept.id]
    assert history.disk_usage().deleted == 1
