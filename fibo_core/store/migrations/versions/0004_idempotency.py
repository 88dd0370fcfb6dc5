"""Orders that are sent again: which batch a sender's own key stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("batch_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
