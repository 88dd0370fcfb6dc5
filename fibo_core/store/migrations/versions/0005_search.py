"""The search finds Chinese, Japanese and Korean in the middle of a sentence, and seeds: where a row's text is
segmented, the index has it so. The rows there are will be read again in the background, from the first on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

PROMPT_TEXT = "(SELECT group_concat(atom, ' ') FROM json_tree({row}.structured_prompt) WHERE type = 'text')"
INDEXED = (
    "coalesce((SELECT words FROM generation_segments WHERE seq = {row}.seq), {row}.words), "
    f"coalesce((SELECT prompt FROM generation_segments WHERE seq = {{row}}.seq), {PROMPT_TEXT})"
)


def upgrade() -> None:
    op.create_table(
        "generation_segments",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
    )
    op.create_table("generation_unsegmented", sa.Column("after", sa.Integer, primary_key=True))
    op.execute('INSERT INTO generation_unsegmented ("after") SELECT min(seq) - 1 FROM generation HAVING count(*)')
    op.create_index("ix_generation_seed", "generation", ["seed"])
    op.execute("DROP TRIGGER generation_search_insert")
    op.execute("DROP TRIGGER generation_search_delete")
    op.execute(
        "CREATE TRIGGER generation_search_insert AFTER INSERT ON generation BEGIN "
        f"INSERT INTO generation_search(rowid, words, prompt) VALUES (new.seq, {INDEXED.format(row='new')}); END"
    )
    op.execute(
        "CREATE TRIGGER generation_search_delete AFTER DELETE ON generation BEGIN "
        "INSERT INTO generation_search(generation_search, rowid, words, prompt) "
        f"VALUES ('delete', old.seq, {INDEXED.format(row='old')}); "
        "DELETE FROM generation_segments WHERE seq = old.seq; END"
    )
