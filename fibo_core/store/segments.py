"""Text as the search index is given it: writing without blanks between words cut into single characters.

Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer: a search for some characters is then a phrase, found in the
middle of a sentence or of a word. Rows whose text this changes keep it in `generation_segments`, and the index's
triggers take it from there; rows of before are read again in the background.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from fibo_core.store.database import Database

#: Scripts without blanks between words; Korean has some, and its particles stick to them.
_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f"
    "\U00020000-\U0003ffff]"
)
ROWS_AT_ONCE = 500  #: of those that are read again, in one transaction

_PROMPT = "(SELECT group_concat(atom, ' ') FROM json_tree(g.structured_prompt) WHERE type = 'text')"


def segmented(words: str) -> str:
    """``words`` with blanks around each character of such a script; the same text where it has none."""
    if words.isascii() or not _RUN.search(words := unicodedata.normalize("NFC", words)):
        return words
    return " ".join(_RUN.sub(lambda match: f" {match[0]} ", words).split())


def place_segments(session: Session, seq: int, words: str, structured_prompt: str) -> None:
    """Keeps the segmented text of a row that is about to be added, where it has any."""
    parts = _segments(words, structured_prompt)
    if parts is not None:
        session.connection().execute(_KEEP, {"seq": seq, "words": parts[0], "prompt": parts[1]})


def rows_to_fill(session: Session) -> int:
    """How many rows have not been looked at since the index learnt to segment."""
    count: int = session.connection().execute(_LEFT).scalar_one()
    return count


def fill(database: Database, ending: threading.Event) -> None:
    """Brings the rows of before into the index anew, some at a time, until all are done or ``ending`` is set.

    A row that cannot be read stays as it is.
    """
    while not ending.is_set():
        with database.read() as session:
            if session.connection().execute(_MARK).scalar() is None:
                return
        with database.write() as session:
            connection = session.connection()
            after = connection.execute(_MARK).scalar()
            if after is None:
                return
            rows = connection.execute(_NEXT, {"after": after, "limit": ROWS_AT_ONCE}).all()
            for seq, words, structured_prompt in rows:
                if isinstance(words, str) and isinstance(structured_prompt, str):
                    _index_anew(session, seq, words, structured_prompt)
            if len(rows) < ROWS_AT_ONCE:
                connection.execute(_DONE)
            else:
                connection.execute(_GO_ON, {"after": rows[-1][0]})


def _index_anew(session: Session, seq: int, words: str, structured_prompt: str) -> None:
    parts = _segments(words, structured_prompt)
    if parts is None:
        return
    connection = session.connection()
    connection.execute(_FORGET, {"seq": seq})
    connection.execute(_KEEP, {"seq": seq, "words": parts[0], "prompt": parts[1]})
    connection.execute(_INDEX, {"seq": seq, "words": parts[0], "prompt": parts[1]})


def _segments(words: str, structured_prompt: str) -> tuple[str, str] | None:
    """The words and the prompt's texts as the index is given them; None where that changes nothing."""
    if words.isascii() and structured_prompt.isascii() and "\\u" not in structured_prompt:
        return None
    try:
        texts = " ".join(_texts(json.loads(structured_prompt)))
        words.encode(), texts.encode()
    except (ValueError, RecursionError):  # a damaged row, or halves of characters: the triggers index it as it is
        return None
    parts = segmented(words), segmented(texts)
    return None if not (_RUN.search(parts[0]) or _RUN.search(parts[1])) else parts


def _texts(value: Any) -> Iterator[str]:
    """The texts of a document, without its keys, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


_KEEP = text("INSERT OR REPLACE INTO generation_segments (seq, words, prompt) VALUES (:seq, :words, :prompt)")
_MARK = text('SELECT "after" FROM generation_unsegmented')
_DONE = text("DELETE FROM generation_unsegmented")
_GO_ON = text('UPDATE generation_unsegmented SET "after" = :after')
_LEFT = text('SELECT count(*) FROM generation_unsegmented JOIN generation ON generation.seq > "after"')
_NEXT = text(
    "SELECT seq, words, structured_prompt FROM generation WHERE seq > :after "
    "AND seq NOT IN (SELECT seq FROM generation_segments) ORDER BY seq LIMIT :limit"
)
_FORGET = text(
    "INSERT INTO generation_search (generation_search, rowid, words, prompt) "
    f"SELECT 'delete', g.seq, g.words, {_PROMPT} FROM generation g WHERE g.seq = :seq"
)
_INDEX = text("INSERT INTO generation_search (rowid, words, prompt) VALUES (:seq, :words, :prompt)")
