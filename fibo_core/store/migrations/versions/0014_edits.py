"""Pictures that were painted out of another one: how, as JSON; "null" for the others."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("generation", sa.Column("edit", sa.Text, nullable=False, server_default="null"))
