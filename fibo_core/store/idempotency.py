"""Keys that senders give their orders, so that an order which is sent again is not taken twice.

A key is written in the transaction that takes its order: whatever happens in between, both are there or neither.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from fibo_core.errors import KeyReused
from fibo_core.store.tables import IdempotencyTable

KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class OnceKey:
    """A sender's ``key`` for one order; ``fingerprint`` tells whether what came with it is the same as before."""

    key: str
    fingerprint: str


def batch_of_key(session: Session, once: OnceKey) -> str | None:
    """The id of the batch that this key's order became; None where it is new, or more than a day old.

    Raises KeyReused where something else came with it then.
    """
    row = IdempotencyTable
    since = datetime.now(UTC) - KEPT_FOR
    found = session.exec(select(row).where(row.key == once.key, col(row.created_at) >= since)).first()
    if found is None:
        return None
    if found.fingerprint != once.fingerprint:
        raise KeyReused(f"The key {once.key!r:.60} came with another order before. Give each order a key of its own.")
    return found.batch_id


def keep_key(session: Session, once: OnceKey, batch_id: str) -> None:
    """Notes what the key stands for, and forgets those that are more than a day old."""
    now = datetime.now(UTC)
    row = IdempotencyTable
    session.connection().execute(delete(row).where(col(row.created_at) < now - KEPT_FOR))
    session.add(row(key=once.key, fingerprint=once.fingerprint, batch_id=batch_id, created_at=now))
