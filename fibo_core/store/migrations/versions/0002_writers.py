"""Which model wrote a prompt and with how many tokens; jobs that wait for a quota, and answers that are no prompt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("generation", sa.Column("writer_model", sa.Text, nullable=False, server_default=""))
    op.add_column("generation", sa.Column("input_tokens", sa.Integer))
    op.add_column("generation", sa.Column("output_tokens", sa.Integer))
    op.add_column("job", sa.Column("wait_until", sa.DateTime))
    op.add_column("job", sa.Column("waited_s", sa.Float, nullable=False, server_default="0"))
    op.add_column("job", sa.Column("answer", sa.Text))
