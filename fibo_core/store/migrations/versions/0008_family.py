"""The family of the model that painted a picture; before, all were of the first."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("generation", sa.Column("family", sa.String, nullable=False, server_default="fibo1"))
