"""Generations with their search index, and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

PROMPT_TEXT = "(SELECT group_concat(atom, ' ') FROM json_tree({row}.structured_prompt) WHERE type = 'text')"


def upgrade() -> None:
    op.create_table(
        "generation",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("num_inference_steps", sa.Integer, nullable=False),
        sa.Column("guidance_scale", sa.Float, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("revision", sa.String, nullable=False),
        sa.Column("adapters", sa.Text, nullable=False),
        sa.Column("recipe_hash", sa.String, nullable=False),
        sa.Column("writer", sa.String, nullable=False),
        sa.Column("edited", sa.Boolean, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("image_path", sa.String, nullable=False),
        sa.Column("source_path", sa.String),
        sa.Column("file_bytes", sa.BigInteger, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("precision", sa.String, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("favorite", sa.Boolean, nullable=False),
        sa.Column("deleted_at", sa.DateTime),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("structured_prompt", sa.Text, nullable=False),
        sa.Column("negative_prompt", sa.Text, nullable=False),
        sa.UniqueConstraint("id"),
    )
    shown = sa.text("deleted_at IS NULL")
    starred = sa.text("deleted_at IS NULL AND favorite = 1")
    op.create_index("ix_generation_recipe_hash", "generation", ["recipe_hash"])
    op.create_index("ix_generation_parent_id", "generation", ["parent_id"])
    op.create_index("ix_generation_mode", "generation", ["mode"], sqlite_where=shown)
    op.create_index("ix_generation_model", "generation", ["model"], sqlite_where=shown)
    op.create_index("ix_generation_favorite", "generation", ["favorite"], sqlite_where=starred)
    op.create_index("ix_generation_deleted", "generation", ["seq"], sqlite_where=sa.text("deleted_at IS NOT NULL"))
    op.create_index("ix_generation_file_bytes", "generation", ["file_bytes", "deleted_at"])

    op.create_table(
        "job",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("error", sa.Text),
        sa.Column("error_kind", sa.String),
        sa.Column("written", sa.Text),
        sa.Column("generation_ids", sa.Text, nullable=False),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_job_state", "job", ["state"])

    # Words and the prompt's values (not its keys) are searched; symbols such as emoji count as letters. The
    # index keeps no copy of the text. Neither column is ever updated, so two triggers keep it true.
    op.execute(
        "CREATE VIRTUAL TABLE generation_search USING fts5(words, prompt, content='', "
        """tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'")"""
    )
    op.execute(
        "CREATE TRIGGER generation_search_insert AFTER INSERT ON generation BEGIN "
        "INSERT INTO generation_search(rowid, words, prompt) "
        f"VALUES (new.seq, new.words, {PROMPT_TEXT.format(row='new')}); END"
    )
    op.execute(
        "CREATE TRIGGER generation_search_delete AFTER DELETE ON generation BEGIN "
        "INSERT INTO generation_search(generation_search, rowid, words, prompt) "
        f"VALUES ('delete', old.seq, old.words, {PROMPT_TEXT.format(row='old')}); END"
    )
