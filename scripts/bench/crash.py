"""What a kill leaves: a process that writes, labels, deletes, purges and imports is killed again and again, and what
is there afterwards is counted.

    PYTHONPATH=. python scripts/bench/crash.py [--kills 200] [--seed 1]

Each round a process of its own works on the same workspace as a studio does, files told of labels in the background,
and is ended by SIGKILL at any moment. What it had said to be done must be there afterwards; of each picture that it was
at, what was before or what was to be. Counted are lost pictures, rows without files, damaged files, lost labels (in
rows, and in the files once they are told), and at the end what a rebuild from the files alone does not bring back.
Exit 1 unless all are 0.

`ACTIONS` is what the process does: an action says with `will` what becomes of which pictures, does it, and says `did`.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from PIL import Image
from ulid import ULID

from fibo_core.engine import RenderedImage
from fibo_core.engine.request import GenerationRequest
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation, place_of
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import png_bytes
from fibo_core.store.importing import Importer, ImportReport
from fibo_core.store.label_files import read_file_labels
from fibo_core.store.labels import LabelChange

SAID_MAX = 25  #: what a process has said at most before it is killed, at once or
SOON_S = 0.1  #: so long after, at most
LOOKED_THROUGH = 20  #: kills after which every file is read to its end
TAGS = ("fox", "owl", "ball", "night", "狐")
COLLECTIONS = ("Winter", "Best", "Toys")
Facts = dict[str, Any]  #: of a picture: exists, favorite, rating, tags, collections, deleted
NEW: Facts = {"exists": True, "favorite": False, "rating": 0, "tags": [], "collections": [], "deleted": False}
GONE: Facts = {"exists": False}


@dataclass
class Work:
    """What an action works with. ``known`` are the pictures that there are, and what is true of each."""

    history: History
    chance: random.Random
    known: dict[str, Facts]
    say: Callable[[dict[str, Any]], None]

    def will(self, facts: dict[str, Facts]) -> None:
        """Says what is about to become true of pictures."""
        self.say({"will": facts})

    def did(self, facts: dict[str, Facts]) -> None:
        """Says that it is true now, and durable."""
        self.say({"did": facts})
        for id, now in facts.items():
            self.known[id] = {**self.known.get(id, NEW), **now}

    def some(self, most: int = 5, *, deleted: bool = False) -> list[str]:
        """A few pictures, of the gallery or of the trash."""
        there = [id for id, it in self.known.items() if it["exists"] and it["deleted"] is deleted]
        return self.chance.sample(there, min(most, len(there)))


def write(work: Work) -> None:
    """A picture that nobody announced is there afterwards or not; one that was returned is."""
    collection = work.chance.choice([None, *COLLECTIONS])
    prompt = StructuredPrompt.from_dict({"short_description": work.chance.choice(TAGS)})
    request = GenerationRequest(prompt, "", work.chance.randrange(2**31), 64, 64, 5, 4.5, "mini", "r1", ())
    colour = tuple(work.chance.randrange(256) for _ in range(3))
    rendered = RenderedImage(Image.new("RGB", (64, 64), colour), 0.1, "cpu", "float32", {})
    stored = work.history.add(
        rendered, request, mode="generate", words="a ball", writer="offline", collection=collection
    )
    work.did({stored.id: {**NEW, "collections": [] if collection is None else [collection]}})


def label(work: Work) -> None:
    chance, ids = work.chance, work.some()
    if not ids:
        return
    tag, rating, name = chance.choice(TAGS), chance.randrange(6), chance.choice(COLLECTIONS)
    facts = {
        id: {
            "favorite": True,
            "rating": rating,
            "tags": sorted({*work.known[id]["tags"], tag}),
            "collections": sorted({*work.known[id]["collections"], name}),
        }
        for id in ids
    }
    work.will(facts)
    work.history.labels.change(LabelChange(favorite=True, rating=rating, add_tags=(tag,), add_to=(name,)), ids=ids)
    work.did(facts)


def label_all_and_undo(work: Work) -> None:
    """A whole search, in pieces, and taken back."""
    ids = [id for id, it in work.known.items() if it["exists"] and not it["deleted"]]
    before = {id: {"rating": work.known[id]["rating"]} for id in ids}
    rating = work.chance.randrange(1, 6)
    work.will({id: {"rating": rating} for id in ids})
    state = work.history.labels.change(LabelChange(rating=rating), query=HistoryQuery())
    work.did({id: {"rating": rating} for id in ids})
    work.will(before)
    work.history.labels.undo(state.token)
    work.did(before)


def delete(work: Work) -> None:
    ids = work.some(2)
    work.will({id: {"deleted": True} for id in ids})
    work.history.delete(ids)
    work.did({id: {"deleted": True} for id in ids})


def restore(work: Work) -> None:
    ids = work.some(2, deleted=True)
    work.will({id: {"deleted": False} for id in ids})
    work.history.restore(ids)
    work.did({id: {"deleted": False} for id in ids})


def purge(work: Work) -> None:
    ids = work.some(2, deleted=True)
    work.will(dict.fromkeys(ids, GONE))
    work.history.trash.purge(ids)
    work.did(dict.fromkeys(ids, GONE))


def bring_in(work: Work) -> None:
    """A zip with two labelled pictures of another workspace, and one that another program made."""
    facts: dict[str, Facts] = {}
    with tempfile.TemporaryDirectory() as folder:
        away = Path(folder, "away.zip")
        with zipfile.ZipFile(away, "w") as archive:
            for _ in range(2):
                rating, tag = work.chance.randrange(1, 6), work.chance.choice(TAGS)
                labels = {"favorite": True, "rating": rating, "tags": [tag], "collections": [], "deleted_at": None}
                it, picture = made_elsewhere(work.chance)
                archive.writestr(it.image_path, png_bytes(picture, it.to_record()))
                sidecar = json.dumps({**it.to_record(), "labels": labels})
                archive.writestr(it.image_path.removesuffix(".png") + ".json", sidecar)
                facts[it.id] = {**NEW, "favorite": True, "rating": rating, "tags": [tag]}
            colour = tuple(work.chance.randrange(256) for _ in range(3))
            archive.writestr("other.png", png_bytes(Image.new("RGB", (40, 30), colour)))
        report = ImportReport()
        Importer(work.history, Database(work.history.absolute(Path("studio.db")))).run([(away, away.name)], report)
    work.did({id: facts.get(id, NEW) for id in report.added_ids})


def made_elsewhere(chance: random.Random) -> tuple[Generation, Image.Image]:
    """A picture of another workspace, of a day of its own."""
    prompt = StructuredPrompt.from_dict({"short_description": "a box"})
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**7))
    id = str(ULID.from_datetime(moment))
    request = GenerationRequest(prompt, "", chance.randrange(2**31), 64, 64, 5, 4.5, "mini", "r1", ())
    it = Generation(
        id, moment, "generate", "a box", request, "hand", False, place_of(id, moment), 0.1, "cpu", "float32", {}
    )
    return it, Image.new("RGB", (64, 64), tuple(chance.randrange(256) for _ in range(3)))


#: What the process does, and how often beside the others.
ACTIONS: dict[Callable[[Work], None], int] = {
    write: 8, label: 8, label_all_and_undo: 1, delete: 3, restore: 1, purge: 1, bring_in: 2,
}  # fmt: skip


def work_until_killed(workspace: Path, seed: int, known: dict[str, Facts], line: Connection) -> None:
    """The process: says "ready", and then what it does."""
    with opened(workspace) as history:
        work = Work(history, random.Random(seed), known, lambda said: line.send_bytes(json.dumps(said).encode()))
        threading.Thread(target=tell_files, args=(history,), daemon=True).start()
        work.say({"ready": True})
        actions, weights = list(ACTIONS), list(ACTIONS.values())
        while True:
            (action,) = work.chance.choices(actions, weights)
            action(work)


def tell_files(history: History) -> None:
    while True:
        history.labels.write_files()
        time.sleep(0.01)


@contextmanager
def opened(workspace: Path) -> Iterator[History]:
    database = Database(workspace / "studio.db")
    database.migrate()
    yield History(workspace, database)
    database.close()


@dataclass
class Count:
    """What was found, round after round; ``known`` is what must be true."""

    workspace: Path
    known: dict[str, Facts] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0

    def fault(self, what: str, detail: str) -> None:
        self.faults[what] += 1
        print(f"{what}: {detail}", file=sys.stderr)

    def round(self, seed: int, words: int, soon_s: float) -> None:
        """One process, killed some moments after so many words, and what it left looked at as the next start does."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work_until_killed, args=(self.workspace, seed, self.known, theirs))
        process.start()
        theirs.close()
        said = [json.loads(ours.recv_bytes())]
        while len(said) <= words and process.is_alive():
            if ours.poll(1):
                said.append(json.loads(ours.recv_bytes()))
        time.sleep(soon_s)
        process.kill()
        process.join()
        if process.exitcode != -9:
            self.fault("ended by itself", f"exit code {process.exitcode}")
        try:
            while ours.poll():
                said.append(json.loads(ours.recv_bytes()))
        except (EOFError, OSError):  # the last word was cut off
            pass
        ours.close()
        maybe: dict[str, Facts] = {}
        for each in said:
            for id, facts in each.get("will", {}).items():
                maybe[id] = facts
            for id, facts in each.get("did", {}).items():
                self.known[id] = {**self.known.get(id, NEW), **facts}
                self.acknowledged += 1
                maybe.pop(id, None)
        with opened(self.workspace) as history:
            history.sweep()
            history.labels.write_files()
            self.compare(history, maybe)

    def compare(self, history: History, maybe: dict[str, Facts]) -> None:
        """What must be there, with what is."""
        there = everything(history)
        for id, facts in self.known.items():
            now, possible = facts_of(there.get(id)), maybe.get(id, {})
            for name, wanted in facts.items():
                asked = now["exists"] or name == "exists"
                if asked and now[name] not in (wanted, possible.get(name, wanted)):
                    what = "lost pictures" if name == "exists" else "lost labels"
                    self.fault(what, f"{id}: {name} is {now[name]!r}, not {wanted!r}")
        for id, it in there.items():
            image = self.workspace / it.image_path
            if not image.is_file():
                self.fault("rows without files", id)
            elif read_labels(image) != facts_of(it):
                self.fault("labels not in files", f"{id}: {read_labels(image)} {facts_of(it)}")
        self.known |= {id: facts_of(it) for id, it in there.items()}
        self.known = {id: facts for id, facts in self.known.items() if id in there}

    def look_through(self) -> None:
        """Reads every file to its end."""
        with opened(self.workspace) as history:
            report = history.verify()
        for name, found in vars(report).items():
            if isinstance(found, tuple) and found:
                self.fault("damaged files", f"{name}: {found[:3]}")

    def rebuild(self) -> None:
        """The files alone, without the database, must give the same."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(self.workspace, Path(folder, "copy")))
            for file in copy.glob("studio.db*"):
                file.unlink()
            with opened(copy) as history:
                history.rebuild()
                there = everything(history)
        for id, facts in self.known.items():
            if facts_of(there.get(id)) != facts:
                self.fault("lost in a rebuild", f"{id}: {facts_of(there.get(id))}, not {facts}")


def everything(history: History) -> dict[str, Generation]:
    found: dict[str, Generation] = {}
    for deleted in (False, True):
        cursor: str | None = None
        while True:
            page = history.page(HistoryQuery(deleted=deleted), cursor=cursor, limit=500)
            found |= {it.id: it for it in page.items}
            if (cursor := page.next_cursor) is None:
                break
    return found


def facts_of(it: Generation | None) -> Facts:
    if it is None:
        return GONE
    return {
        "exists": True,
        "favorite": it.favorite,
        "rating": it.rating,
        "tags": sorted(it.tags),
        "collections": sorted(it.collections),
        "deleted": it.deleted_at is not None,
    }


def read_labels(image: Path) -> Facts:
    """What a picture's files say of it."""
    found = read_file_labels(image)
    if found is None:
        return NEW
    labels = found.labels
    return {
        "exists": True,
        "favorite": labels.favorite,
        "rating": labels.rating,
        "tags": sorted(labels.tags.values()),
        "collections": sorted(found.names.values()),
        "deleted": labels.deleted_at is not None,
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as workspace:
        count = Count(Path(workspace))
        for number in range(1, asked.kills + 1):
            count.round(chance.randrange(2**31), chance.randrange(SAID_MAX), chance.uniform(0, SOON_S))
            if number % LOOKED_THROUGH == 0 or number == asked.kills:
                count.look_through()
                print(f"{number} kills, {len(count.known)} pictures", file=sys.stderr)
        count.rebuild()
    print(f"{asked.kills} kills, {count.acknowledged} changes acknowledged, {len(count.known)} pictures left")
    for what in ("lost pictures", "rows without files", "damaged files", "lost labels", "labels not in files",
                 "lost in a rebuild", "ended by itself"):  # fmt: skip
        print(f"{what}: {count.faults[what]}")
    return 1 if count.faults else 0


if __name__ == "__main__":
    sys.exit(main())
