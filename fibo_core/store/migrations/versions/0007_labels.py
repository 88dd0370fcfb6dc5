"""Labels: a rating, tags and collections beside the star, and what is still to be written into the files."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("generation", sa.Column("rating", sa.Integer, nullable=False, server_default="0"))
    op.add_column("generation", sa.Column("label_dirty", sa.Boolean, nullable=False, server_default="0"))
    rated = sa.text("deleted_at IS NULL AND rating > 0")
    op.create_index("ix_generation_rating", "generation", ["rating"], sqlite_where=rated)
    op.create_index("ix_generation_label_dirty", "generation", ["seq"], sqlite_where=sa.text("label_dirty = 1"))
    op.create_table(
        "tag",
        sa.Column("folded", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tag_seq", "tag", ["seq"])
    op.create_table(
        "collection",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False, unique=True),
        sa.Column("query", sa.Text, nullable=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "collection_member",
        sa.Column("collection_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_collection_member_seq", "collection_member", ["seq"])
    op.create_table("collections_unwritten", sa.Column("mark", sa.Integer, primary_key=True))
    op.create_table(
        "label_undo",
        sa.Column("token", sa.String, primary_key=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("collections", sa.Text, nullable=False),
    )
    op.create_table(
        "label_undo_picture",
        sa.Column("token", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("was", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    # Stars and deletions lived in rows alone so far.
    op.execute("UPDATE generation SET label_dirty = 1 WHERE favorite = 1 OR deleted_at IS NOT NULL")
    op.execute(
        "CREATE TRIGGER generation_labels_delete AFTER DELETE ON generation BEGIN "
        "DELETE FROM tag WHERE seq = old.seq; DELETE FROM collection_member WHERE seq = old.seq; END"
    )
