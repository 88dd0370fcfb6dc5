"""A stored picture painted once more: which one a job paints, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("job", sa.Column("again_of", sa.Text, nullable=True))
    op.add_column("job", sa.Column("again", sa.Text, nullable=True))
    op.create_index("ix_job_again_of", "job", ["again_of"], sqlite_where=sa.text("again_of IS NOT NULL"))
