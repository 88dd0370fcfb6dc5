"""What the pictures of each month and model take is counted as rows come and go; and a picture's file is known by its
bytes from now on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

#: A damaged row counts too, under what can be read of it.
KEY = (
    "CASE WHEN {row}.created_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-*' "
    "THEN substr(CAST({row}.created_at AS TEXT), 1, 7) ELSE '' END, "
    "CASE typeof({row}.model) WHEN 'text' THEN {row}.model ELSE '' END, "
    "{row}.deleted_at IS NOT NULL"
)
SIZE = "CASE typeof({row}.file_bytes) WHEN 'integer' THEN {row}.file_bytes ELSE 0 END"
COUNTED = (
    f"INSERT INTO storage_use (month, model, deleted, pictures, bytes) VALUES ({KEY}, 1, {SIZE}) "
    "ON CONFLICT (month, model, deleted) DO UPDATE SET pictures = pictures + 1, bytes = bytes + excluded.bytes;"
)
UNCOUNTED = (
    f"UPDATE storage_use SET pictures = pictures - 1, bytes = bytes - {SIZE} WHERE (month, model, deleted) = ({KEY});"
)


def upgrade() -> None:
    op.add_column("generation", sa.Column("file_sha256", sa.String, nullable=False, server_default=""))
    op.create_table(
        "storage_use",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("deleted", sa.Boolean, primary_key=True),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO storage_use (month, model, deleted, pictures, bytes) "
        f"SELECT {KEY.format(row='generation')}, count(*), total({SIZE.format(row='generation')}) "
        "FROM generation GROUP BY 1, 2, 3"
    )
    op.execute("UPDATE storage_use SET bytes = CAST(bytes AS INTEGER)")
    new, old = COUNTED.format(row="new"), UNCOUNTED.format(row="old")
    op.execute(f"CREATE TRIGGER storage_use_insert AFTER INSERT ON generation BEGIN {new} END")
    op.execute(f"CREATE TRIGGER storage_use_delete AFTER DELETE ON generation BEGIN {old} END")
    op.execute(
        "CREATE TRIGGER storage_use_update AFTER UPDATE OF created_at, model, deleted_at, file_bytes ON generation "
        f"BEGIN {old} {new} END"
    )
