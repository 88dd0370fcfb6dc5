"""Which kept input pictures something still needs: orders that may be painted or tried again, and stored pictures."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Text, cast
from sqlmodel import Session, col, select

from fibo_core.store.database import Database
from fibo_core.store.tables import BatchTable, GenerationTable, JobTable

_QUOTED = re.compile(r'"([^"]*)"')
PIECE = 500  #: ids asked for at once


def inputs_in_use(database: Database) -> set[str]:
    """The pictures that a batch or a stored picture refers to, as paths in the workspace; of a damaged row, all that
    may be one.

    A batch that has painted everything refers to nothing once all its pictures are purged: nothing of it is painted
    again.
    """
    with database.read() as session:
        others = select(cast(GenerationTable.other_sources, Text)).where(GenerationTable.other_sources != "[]")
        edits = select(cast(GenerationTable.edit, Text)).where(GenerationTable.edit != "null")
        texts = (*session.exec(others.distinct()), *session.exec(edits.distinct()))
        named = {path for text in texts for path in _QUOTED.findall(text)}
        inputs = select(BatchTable.id, cast(BatchTable.inputs, Text)).where(BatchTable.inputs != "[]")
        of_batch = {id: set(_QUOTED.findall(text)) - named for id, text in session.exec(inputs)}
        spent = _spent(session, [id for id, paths in of_batch.items() if paths])
    return named.union(*(paths for id, paths in of_batch.items() if id not in spent))


def _spent(session: Session, batch_ids: Iterable[str]) -> set[str]:
    """Those of the batches that have painted all they were to, and of whose pictures none is left."""
    pictures: dict[str, set[str]] = defaultdict(set)
    unfinished, ids = set[str](), list(batch_ids)
    for start in range(0, len(ids), PIECE):
        jobs = select(JobTable.batch_id, JobTable.state, cast(JobTable.generation_ids, Text))
        for batch_id, state, text in session.exec(jobs.where(col(JobTable.batch_id).in_(ids[start : start + PIECE]))):
            try:
                painted = json.loads(text)
            except ValueError:
                painted = []
            if state != "done":
                unfinished.add(batch_id)
            pictures[batch_id].update(map(str, painted))
    every = [id for batch_id, of_it in pictures.items() if batch_id not in unfinished for id in of_it]
    left = set[str]()
    for start in range(0, len(every), PIECE):
        there = select(GenerationTable.id).where(col(GenerationTable.id).in_(every[start : start + PIECE]))
        left.update(session.exec(there))
    return {id for id, of_it in pictures.items() if of_it and id not in unfinished and not of_it & left}
