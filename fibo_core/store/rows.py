"""Rows that may be damaged: what can be read is read, and the rest is named. One bad row harms one row."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Text, cast, inspect, select
from sqlmodel import Session, SQLModel
from sqlmodel.sql.expression import SelectOfScalar

from fibo_core.errors import FiboError

T = TypeVar("T")

ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")  #: a ULID; nothing else ever becomes part of a path


@dataclass(frozen=True)
class DamagedRow:
    """A row that holds what none of ours does. ``id`` is its own or, where that is damaged too, "row-" and ``seq``."""

    seq: int
    id: str
    reason: str


class _Damage(Exception):
    """A column holds what its type cannot be."""


def read_rows(
    session: Session, statement: SelectOfScalar[Any], table: type[SQLModel], value_of: Callable[[Any], T]
) -> list[tuple[int, T | DamagedRow]]:
    """What ``value_of`` makes of each row of ``table`` that ``statement`` selects, with the row's seq, in its order.

    A row with a column that its type cannot read, with bytes that are no UTF-8, or of which ``value_of`` raises a
    FiboError, ValueError, TypeError, KeyError or RecursionError, is a DamagedRow.
    """
    try:
        rows = session.exec(statement).all()
    except (ValueError, TypeError, AttributeError):  # of one column: SQLAlchemy then gives no row at all
        seqs = session.connection().execute(statement.with_only_columns(inspect(table).columns.seq)).scalars().all()
        return [(seq, _read_alone(session, table, seq, value_of)) for seq in seqs]
    return [(row.seq, _value(session, table, row, value_of)) for row in rows]


def _read_alone(session: Session, table: Any, seq: int, value_of: Callable[[Any], T]) -> T | DamagedRow:
    try:
        row = session.get(table, seq)
    except (ValueError, TypeError, AttributeError) as exc:
        return _damaged(session, table, seq, exc)
    return _value(session, table, row, value_of)


def _value(session: Session, table: Any, row: Any, value_of: Callable[[Any], T]) -> T | DamagedRow:
    try:
        _check_columns(row)
        return value_of(row)
    except (FiboError, _Damage, ValueError, TypeError, KeyError, RecursionError) as exc:
        return _damaged(session, table, row.seq, exc)


def _check_columns(row: Any) -> None:
    """Raises _Damage for a value that is not of its column's type; SQLite itself takes any value anywhere."""
    for name, kinds in _columns(type(row)):  # type: ignore[arg-type]
        value = getattr(row, name)
        if not isinstance(value, kinds):
            raise _Damage(f"{name} is {value!r:.60}")
        if isinstance(value, str) and not _is_utf8(value):
            raise _Damage(f"{name} holds bytes that are no UTF-8")


@cache
def _columns(table: Any) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """Each column of a table with what its values may be."""
    found: list[tuple[str, tuple[type, ...]]] = []
    for column in inspect(table).columns:
        kind = getattr(column.type, "impl", column.type).python_type
        kinds = (float, int) if kind is float else (kind,)
        found.append((column.key, (*kinds, type(None)) if column.nullable else kinds))
    return tuple(found)


def _is_utf8(text: str) -> bool:
    """Whether a text came whole out of the database, which hands out other bytes as halves of surrogate pairs."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def id_of(session: Session, table: Any, seq: int) -> str | None:
    """The id of a row, None where it is none of ours, or where there is no such row, or none with an id."""
    if "id" not in inspect(table).columns:
        return None
    found = session.connection().execute(select(cast(table.id, Text)).where(table.seq == seq)).scalar()
    return found if isinstance(found, str) and ID.fullmatch(found) else None


def _damaged(session: Session, table: Any, seq: int, exc: BaseException) -> DamagedRow:
    return DamagedRow(seq, id_of(session, table, seq) or f"row-{seq}", " ".join(str(exc).split())[:200])
