"""The words of the search index, each once: a word that is only begun is looked for as those that begin so.

SQLite reads all pictures of all such words before it gives the first, some hundred milliseconds at a million; of whole
words it reads what is asked for. Words are cut by SQLite itself, in an index in memory that holds nothing else.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence

from sqlalchemy import text
from sqlmodel import Session

TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So'"
PREFIX = 2  #: letters of a word that the index has beside the word (migration 0013)
BEGUN_MAX = 1_000  #: words looked for as one that is begun; where there are more, SQLite reads all their pictures

_memory = threading.local()


def cut(texts: Iterable[str]) -> list[str]:
    """The words of texts as the index has them, each once, sorted."""
    connection = _connection()
    connection.executemany("INSERT INTO one (text) VALUES (?)", ((each,) for each in texts))
    words = [word for (word,) in connection.execute("SELECT term FROM one_words")]
    connection.execute("INSERT INTO one (one) VALUES ('delete-all')")
    return words


def in_order(words: str) -> list[str]:
    """The words of a text as the index has them, in their order."""
    connection = _connection()
    connection.execute("INSERT INTO one (text) VALUES (?)", (words,))
    found = [word for (word,) in connection.execute("SELECT term FROM one_places ORDER BY offset")]
    connection.execute("INSERT INTO one (one) VALUES ('delete-all')")
    return found


def _connection() -> sqlite3.Connection:
    connection: sqlite3.Connection | None = getattr(_memory, "connection", None)
    if connection is None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.execute(f"CREATE VIRTUAL TABLE one USING fts5(text, content='', tokenize=\"{TOKENIZER}\")")
        connection.execute("CREATE VIRTUAL TABLE one_words USING fts5vocab(one, row)")
        connection.execute("CREATE VIRTUAL TABLE one_places USING fts5vocab(one, instance)")
        _memory.connection = connection
    return connection


def keep(session: Session, words: Sequence[str]) -> None:
    """Adds words to those that the index has."""
    if words:
        session.connection().execute(_KEEP, [{"word": word} for word in words])


def begun(session: Session, beginning: str, limit: int = BEGUN_MAX) -> list[str] | None:
    """The words that begin so; None where there are more than ``limit``."""
    asked = {"from": beginning, "to": beginning + "\U0010ffff", "limit": limit + 1}
    found = list(session.connection().execute(_BEGUN, asked).scalars())
    return None if len(found) > limit else found


_KEEP = text("INSERT OR IGNORE INTO search_word (word) VALUES (:word)")
_BEGUN = text("SELECT word FROM search_word WHERE word BETWEEN :from AND :to LIMIT :limit")
