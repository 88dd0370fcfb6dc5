"""The further pictures of an inspiration that started from several."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("generation", sa.Column("other_sources", sa.Text, nullable=False, server_default="[]"))
