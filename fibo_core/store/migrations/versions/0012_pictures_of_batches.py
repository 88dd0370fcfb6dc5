"""Which batch each picture was painted in, so that a gallery can ask it of a whole page."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "batch_picture",
        sa.Column("generation_id", sa.Text, primary_key=True),
        sa.Column("batch_id", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_batch_picture_batch_id", "batch_picture", ["batch_id"])
    op.execute(
        "INSERT OR IGNORE INTO batch_picture SELECT each.value, job.batch_id FROM job, json_each("
        "CASE WHEN json_valid(job.generation_ids) AND json_type(job.generation_ids) = 'array' "
        "THEN job.generation_ids ELSE '[]' END) AS each "
        "WHERE job.batch_id != '' AND each.type = 'text'"
    )
