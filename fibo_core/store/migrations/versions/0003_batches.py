"""Batches: every job belongs to one, and each picture to come has its cell. Each job there was becomes a batch with its
own id, ordered as its task says."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("order_json", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "cell",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("batch_id", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("job_id", sa.Text, nullable=False),
    )
    op.create_index("ix_cell_batch_id", "cell", ["batch_id"])
    op.add_column("job", sa.Column("batch_id", sa.Text, nullable=False, server_default=""))
    op.add_column("job", sa.Column("after_id", sa.Text))
    op.add_column("job", sa.Column("model", sa.Text))
    op.add_column("job", sa.Column("pictures", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_job_batch_id", "job", ["batch_id"])
    op.execute("UPDATE job SET batch_id = id")
    op.execute(
        "INSERT INTO batch (id, owner, title, kind, order_json, inputs, created_at) "
        "SELECT id, '', title, kind, '', '[]', created_at FROM job ORDER BY seq"
    )
    connection = op.get_bind()
    for id, text in connection.exec_driver_sql("SELECT id, task FROM job ORDER BY seq").all():
        try:
            task = json.loads(text)
            order, seeds, model = _order(task), [int(seed) for seed in task["seeds"]], str(task["settings"]["model"])
            connection.execute(_JOB, {"id": id, "model": model if seeds else None, "pictures": len(seeds)})
            connection.execute(_CELL, [{"id": id, "seed": seed} for seed in seeds or (None,)])
            inputs = [] if order["picture"] is None else [order["picture"]]
            connection.execute(_ORDER, {"id": id, "order": json.dumps(order), "inputs": json.dumps(inputs)})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            continue  # a damaged job: its batch is as damaged, and says so


_ORDER = sa.text("UPDATE batch SET order_json = :order, inputs = :inputs WHERE id = :id")
_JOB = sa.text("UPDATE job SET model = :model, pictures = :pictures WHERE id = :id")
_CELL = sa.text("INSERT INTO cell (batch_id, place, seed, job_id) VALUES (:id, '{}', :seed, :id)")


def _order(task: dict[str, Any]) -> dict[str, Any]:
    """The order that a task of versions 0.1 and 0.2 came from."""
    settings, seeds = task["settings"], task["seeds"]
    return {
        "version": 1,
        "kind": task["mode"],
        "words": task.get("pattern") or task["words"],
        "written": task["written"],
        "written_for": None,
        "source": task.get("source"),
        "source_id": task.get("source_id"),
        "picture": task.get("picture"),
        "with_picture": task.get("with_picture", False),
        "locked": task.get("locked", []),
        "only_asked": task.get("only_asked", False),
        "writer": task["writer"],
        "model": settings["model"],
        "aspect": None,
        "size": [settings["width"], settings["height"]],
        "steps": settings["num_inference_steps"],
        "guidance": settings["guidance_scale"],
        "negative_prompt": settings["negative_prompt"],
        "seed": seeds[0] if seeds else None,
        "count": max(1, len(seeds)),
        "axes": [],
        "confirmed": False,
        "paint": bool(seeds),
    }
