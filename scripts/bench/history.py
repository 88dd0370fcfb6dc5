"""What a gallery's questions cost at a thousand, a hundred thousand and a million pictures.

    PYTHONPATH=. python scripts/bench/history.py [PICTURES ...] [--folder FOLDER]

Fills a database for each number of pictures (rows only, no files) with prompts that look real: 20,000 different ones
of some 250 words, their rarer words spread as in a language, labels, lineage and a trash. Then asks each question nine
times, in turn, and prints the median in milliseconds, and how many times the smallest database's it is. A machine that
does other work at the same time makes the figures meaningless. A million pictures take some 7 GB and half an hour.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import text

from fibo_core.engine.request import GenerationRequest
from fibo_core.prompts.facets import facets
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.prompts.vocabulary import suggestions_at
from fibo_core.store import index_words
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation, place_of
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.index_text import COLUMNS, facts_of, indexed
from fibo_core.store.picture_rows import place_row
from fibo_core.store.search_index import FACETS_WITHOUT
from fibo_core.store.tables import GenerationTable, microseconds, row_of

PROMPTS, RARE_WORDS, TIMES, PIECE = 20_000, 30_000, 9, 10_000
MODELS = ("briaai/FIBO", "briaai/FIBO-lite", "mini")
START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=60)
THINGS = next(each for each in facets() if each.key == "thing").values
COLOURS = next(each for each in facets() if each.key == "color").values
SYLLABLES = tuple(
    start + vowel
    for start in ("b", "c", "d", "f", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "v", "w")
    for vowel in "aeiou"
)
ENDINGS = ("n", "r", "st", "l", "ment", "ing", "ed", "ous", "tion", "y")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=int, default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where the databases are made, and removed again")
    asked = parser.parse_args()
    measured: list[dict[str, float]] = []
    for pictures in asked.pictures:
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            measured.append(measure(Path(folder), pictures))
    print(f"\n{'':44}" + "".join(f"{pictures:>12,}" for pictures in asked.pictures) + "   (ms, and times the first)")
    for name, first in measured[0].items():
        others = "".join(f"{each[name]:9.1f}×{each[name] / first:<5.1f}" for each in measured[1:])
        print(f"{name:44}{first:12.1f} {others}", flush=True)


def measure(folder: Path, pictures: int) -> dict[str, float]:
    """Milliseconds by question, of a database with so many pictures."""
    database = Database(folder / "studio.db")
    database.migrate()
    started = time.perf_counter()
    Filling(database, pictures).fill()
    size = sum(file.stat().st_size for file in folder.glob("studio.db*"))
    print(f"{pictures:,} pictures filled in {time.perf_counter() - started:.0f} s, {size / 1e6:,.0f} MB", flush=True)
    database.close()
    history = History(folder, database)
    times: dict[str, list[float]] = {}
    questions = dict(questions_of(history, pictures))
    for turn in range(TIMES):
        for name, ask in questions.items():
            before = time.perf_counter()
            ask(turn)
            times.setdefault(name, []).append(1000 * (time.perf_counter() - before))
    times["insert, a row with its index"] = inserts(database, pictures)
    times["start: open, check, models, disk usage"] = [start(folder) for _ in range(3)]
    database.close()
    return {name: statistics.median(values) for name, values in times.items()}


def questions_of(history: History, pictures: int) -> list[tuple[str, Callable[[int], object]]]:
    """Each question with what asks it; the turn makes it ask another place each time."""
    rng = random.Random(5)
    places = [int((START + STEP * rng.randrange(pictures)).timestamp() * 1e6) for _ in range(TIMES)]
    with history._database.read() as session:
        ids = [
            session.connection().execute(
                text("SELECT id FROM generation WHERE seq >= :seq AND deleted_at IS NULL LIMIT 1"), {"seq": place}
            ).scalar_one()
            for place in places
        ]  # fmt: skip
    middle = START + STEP * (pictures // 2)

    def page(search: str = "", **filters: Any) -> Callable[[int], object]:
        return lambda turn: history.page(HistoryQuery(text=search, **filters))

    def further(search: str) -> Callable[[int], object]:
        return lambda turn: history.page(HistoryQuery(text=search), cursor=str(places[turn]))

    def count(search: str = "", **filters: Any) -> Callable[[int], object]:
        return lambda turn: history.count(HistoryQuery(text=search, **filters))

    pages = {
        "all": "", "a common word": "light", "a rare word": "zebra", "a begun word": "fo", "two letters": "st",
        "a part": "lighting:backlit", "two parts and a minus": "lighting:backlit objects:red -fox",
        "a phrase": '"soft shadows"', "only a minus": "-light", "a seed": "seed:77", "a number": "77",
        "a model": "model:mini", "a colour and a thing": "color:red thing:fox", "a star": "is:favorite",
        "a rating": "rating:>3", "a tag": "tag:t1", "a rare tag": "tag:rare", "a collection": "in:c1",
        "a kept search": "in:kept", "a tag and a common word": "tag:t1 light",
        "a rare tag, a common word": "tag:rare light",
        "a star and a rare word": "is:favorite zebra", "a star and a common word": "is:favorite light",
        "without a star, a common word": "-is:favorite light", "an unknown field": "ligthing:x",
    }  # fmt: skip
    return [
        *((f"page: {name}", page(search)) for name, search in pages.items()),
        *((f"a page further on: {name}", further(pages[name])) for name in ("all", "a common word", "a part")),
        ("page: the last ones", page(newest_first=False)),
        ("page: by mode", page(mode="refine")),
        ("page: by model", page(model="mini")),
        ("page: by date", page(since=middle, until=middle + timedelta(days=1))),
        ("page: the trash", page(deleted=True)),
        *((f"count: {name}", count(search)) for name, search in pages.items()),
        ("facets: all", lambda turn: history.facets(HistoryQuery())),
        ("facets: a common word", lambda turn: history.facets(HistoryQuery(text="light"))),
        ("facets: a part", lambda turn: history.facets(HistoryQuery(text="lighting:backlit"))),
        ("facets: a rare word", lambda turn: history.facets(HistoryQuery(text="zebra"))),
        ("suggestions: a word", lambda turn: history.suggest("fo")),
        ("suggestions: a value", lambda turn: history.suggest("lighting.conditions:")),
        ("neighbours: all", lambda turn: history.neighbours(ids[turn], HistoryQuery())),
        ("neighbours: a common word", lambda turn: history.neighbours(ids[turn], HistoryQuery(text="light"))),
        ("neighbours: a part", lambda turn: history.neighbours(ids[turn], HistoryQuery(text="lighting:backlit"))),
        ("lineage: ancestors and children", lambda turn: (history.ancestors(ids[turn]), history.children(ids[turn]))),
        ("one picture", lambda turn: history.get(ids[turn])),
        ("models", lambda turn: history.models()),
        ("disk usage", lambda turn: history.disk_usage()),
    ]


def inserts(database: Database, pictures: int) -> list[float]:
    """Milliseconds of storing a row, each in a transaction of its own."""
    filling, times = Filling(database, 30), []
    for number in range(30):
        moment = START + STEP * (pictures + 10 + number)
        before = time.perf_counter()
        with database.write() as session:
            place_row(session, filling.picture(pictures + 10 + number, moment, filling.prompt(number)), 100_000, "")
        times.append(1000 * (time.perf_counter() - before))
    return times


def start(folder: Path) -> float:
    """Milliseconds until a new process of the studio would know what its gallery shows."""
    before = time.perf_counter()
    database = Database(folder / "studio.db")
    database.migrate()
    history = History(folder, database)
    history.page(HistoryQuery())
    history.models()
    history.disk_usage()
    database.close()
    return 1000 * (time.perf_counter() - before)


class Filling:
    """A database filled with rows and their index, each prompt's index made once."""

    def __init__(self, database: Database, pictures: int) -> None:
        self.database, self.pictures = database, pictures
        self.rng = random.Random(7)
        words = {self._word() for _ in range(RARE_WORDS * 2)}
        self.words = sorted(words, key=lambda word: hash_of(word))[:RARE_WORDS]
        self.weights = list(accumulate(1 / (place + 10) for place in range(len(self.words))))

    def _word(self) -> str:
        return "".join(self.rng.choices(SYLLABLES, k=self.rng.randint(1, 3))) + self.rng.choice(ENDINGS)

    def prose(self, words: int) -> str:
        return " ".join(self.rng.choices(self.words, cum_weights=self.weights, k=words))

    def prompt(self, number: int) -> StructuredPrompt:
        rng = self.rng
        things, colours = rng.sample(THINGS, 2), rng.choices(COLOURS, k=2)
        keys = ("relative_size", "texture", "orientation")
        document = {
            "short_description": f"A {colours[0]} {things[0]} and a {colours[1]} {things[1]}, {self.prose(30)}.",
            "objects": [
                {
                    "description": f"A {colour} {thing} with {self.prose(22)}",
                    "location": rng.choice(suggestions_at("objects.location")),
                    "relationship": f"beside the other, {self.prose(6)}",
                    "shape_and_color": f"{colour}, {self.prose(3)}",
                    "appearance_details": self.prose(12),
                    **{key: rng.choice(suggestions_at(f"objects.{key}")) for key in keys},
                    "number_of_objects": rng.randint(1, 3),
                }
                for thing, colour in zip(things, colours, strict=True)
            ],
            "background_setting": f"{rng.choice(suggestions_at('background_setting'))}, {self.prose(15)}",
            "lighting": {
                "conditions": rng.choice((*suggestions_at("lighting.conditions"), "backlit, a glowing rim")),
                "direction": rng.choice(suggestions_at("lighting.direction")),
                "shadows": rng.choice(suggestions_at("lighting.shadows")),
            },
            "aesthetics": {
                key: f"{rng.choice(suggestions_at(f'aesthetics.{key}'))}, {self.prose(4)}"
                for key in ("composition", "color_scheme", "mood_atmosphere")
            },
            "photographic_characteristics": {
                key: rng.choice(suggestions_at(f"photographic_characteristics.{key}"))
                for key in ("depth_of_field", "focus", "camera_angle", "lens_focal_length")
            },
            "style_medium": rng.choice(suggestions_at("style_medium")),
            "context": f"{rng.choice(suggestions_at('context'))}, {self.prose(6)}",
            "artistic_style": rng.choice(suggestions_at("artistic_style")),
        }
        return StructuredPrompt.from_dict(document)

    def picture(self, number: int, moment: datetime, prompt: StructuredPrompt) -> Generation:
        rng = self.rng
        refined = number > 10 and rng.random() < 0.2
        model = rng.choices(MODELS, (70, 25, 5))[0]
        request = GenerationRequest(prompt, "", rng.randrange(100_000), 1024, 1024, 30, 5.0, model, "r" * 40)
        id = f"0{number:025d}"
        words = "zebra crossing" if number % 50_000 == 77 else self.prose(6)
        return Generation(
            id=id, created_at=moment, mode="refine" if refined else "generate", words=words, request=request,
            writer=rng.choice(("offline", "gemini")), edited=rng.random() < 0.1, image_path=place_of(id, moment),
            duration_s=20.0, device="cuda", precision="bfloat16", versions={"torch": "2.13"},
            parent_id=f"0{number - rng.randint(1, 10):025d}" if refined else None,
        )  # fmt: skip

    def fill(self) -> None:
        """Rows, their index, facets and labels, in large transactions; what a prompt alone decides is made once."""
        prompts = [self.prompt(number) for number in range(min(PROMPTS, self.pictures))]
        rows = [row_of(self.picture(0, START, prompt), 1_500_000).model_dump() for prompt in prompts]
        documents = [prompt.document for prompt in prompts]
        parts = [indexed("", document, ()) for document in documents]
        with self.database.write() as session:
            index_words.keep(session, index_words.cut(" ".join(part) for part in parts))
            index_words.keep(session, self.words)
        for begin in range(0, self.pictures, PIECE):
            numbers = range(begin, min(begin + PIECE, self.pictures))
            self._fill_piece(numbers, rows, documents, parts)
        self._label()

    def _fill_piece(self, numbers: range, templates: list[Any], documents: list[Any], parts: list[Any]) -> None:
        rng, rows, index, named, marked = self.rng, [], [], [], set()
        for number in numbers:
            place, moment = rng.randrange(len(templates)), START + STEP * number
            refined = number > 10 and rng.random() < 0.2
            row = templates[place] | {
                "seq": microseconds(moment),
                "id": f"0{number:025d}",
                "created_at": str(moment)[:19],
                "mode": "refine" if refined else "generate",
                "parent_id": f"0{number - rng.randint(1, 10):025d}" if refined else None,
                "words": "zebra crossing" if number % 50_000 == 77 else self.prose(6),
                "seed": rng.randrange(100_000),
                "model": rng.choices(MODELS, (70, 25, 5))[0],
                "deleted_at": str(START)[:19] if number % 100 == 3 else None,
                "favorite": number % 50 == 5,
                "rating": number // 10 % 5 + 1 if number % 10 == 7 else 0,
            }
            facts = facts_of(row, documents[place])
            marks = indexed(row["words"], {}, facts)
            marked.add(marks[-1])
            rows.append(row)
            index.append((row["seq"], *parts[place][:-3], marks[-3], parts[place][-2], marks[-1]))
            names = dict.fromkeys(f"{key}:{value}" for key, value in facts if key not in FACETS_WITHOUT)
            named.append((row["seq"], json.dumps(list(names))))
        columns = list(GenerationTable.model_fields)
        with self.database.write() as session:
            many = session.connection().connection.cursor().executemany
            values = ", ".join(f":{name}" for name in columns)
            many(f"INSERT INTO generation ({', '.join(columns)}) VALUES ({values})", rows)
            blanks = ", ".join("?" * (len(COLUMNS) + 1))
            many(f"INSERT INTO generation_search (rowid, {', '.join(COLUMNS)}) VALUES ({blanks})", index)
            many("INSERT INTO generation_facets (seq, names) VALUES (?, ?)", named)
            index_words.keep(session, index_words.cut(marked))
            session.connection().execute(text("DELETE FROM search_due"))

    def _label(self) -> None:
        """Tags on a tenth of the pictures, one of them on twenty; two collections, and a kept search."""
        statements = (
            "INSERT INTO tag (folded, seq, name) SELECT 't' || (1 + seq / 60000000 % 20), seq, 't' || "
            "(1 + seq / 60000000 % 20) FROM generation WHERE seq / 60000000 % 10 = 0",
            "INSERT INTO tag (folded, seq, name) SELECT 'rare', seq, 'rare' FROM generation "
            "WHERE (seq / 60000000 - (SELECT min(seq) / 60000000 FROM generation)) "
            f"% {max(self.pictures // 20, 1)} = 1",
            "INSERT INTO collection (id, name, folded, query, created_at) VALUES "
            "('c1', 'c1', 'c1', NULL, '2026-01-01'), ('c2', 'c2', 'c2', NULL, '2026-01-01'), "
            "('kept', 'kept', 'kept', 'lighting:backlit is:favorite', '2026-01-01')",
            "INSERT INTO collection_member SELECT 'c1', seq FROM generation WHERE seq / 60000000 % 20 = 3",
            "INSERT INTO collection_member SELECT 'c2', seq FROM generation WHERE seq / 60000000 % 500 = 4",
        )
        with self.database.write() as session:
            for statement in statements:
                session.connection().execute(text(statement))


def hash_of(word: str) -> int:
    """An order of words that is the same each time, and none."""
    value = 0
    for character in word:
        value = (value * 131 + ord(character)) % 1_000_003
    return value


if __name__ == "__main__":
    main()
