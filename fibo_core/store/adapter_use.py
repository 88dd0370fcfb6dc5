"""What still names an adapter (LoRA): jobs that have not ended, and the recipes of stored pictures."""

import json
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from fibo_core.store.database import Database
from fibo_core.store.job_store import ACTIVE
from fibo_core.store.tables import GenerationTable, JobTable


def jobs_with_adapter(database: Database, name: str) -> int:
    """How many jobs that wait or run paint with it, those included that paint a stored recipe again."""
    with database.read() as session:
        jobs = select(JobTable.task, JobTable.again_of).where(col(JobTable.state).in_(ACTIVE))
        found = [(task, again_of) for task, again_of in session.exec(jobs)]
        again = _recipes_with(session, name, {again_of for _, again_of in found if again_of is not None})
    return sum(again_of in again or name in _asked_for(task) for task, again_of in found)


def pictures_with_adapter(database: Database, name: str) -> int:
    """How many pictures of the gallery were painted with it, whichever file had the name then."""
    row = GenerationTable
    counted = select(func.count()).where(col(row.deleted_at).is_(None), _names(name))
    with database.read() as session:
        return session.exec(counted).one()


def _recipes_with(session: Session, name: str, ids: Iterable[str]) -> set[str]:
    return set(session.exec(select(GenerationTable.id).where(col(GenerationTable.id).in_(ids), _names(name))))


def _names(name: str) -> Any:
    """Whether a recipe has it, as SQL: "name@revision*strength" in a list as JSON text."""
    return func.instr(GenerationTable.adapters, f'"{name}@') > 0


def _asked_for(task: str) -> set[str]:
    """The names of the adapters that a job's task asks for; none of one that cannot be read, which is never painted."""
    try:
        asked = json.loads(task)["settings"].get("adapters", ())
        return {re.split("[:@]", str(text))[0].strip() for text in asked}  # as typed, or as a recipe has it
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()
