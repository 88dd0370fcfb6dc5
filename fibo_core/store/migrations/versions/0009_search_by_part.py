"""Search by any part of a prompt: an index with a column for each text of a caption, in the place of the one that had
two; what galleries are narrowed by, counted; and how many pictures there are. The rows there are will be read in the
background, the newest first."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COLUMNS = (
    "short_description, objects_description, objects_location, objects_relationship, "
    "objects_relative_size, objects_shape_and_color, objects_texture, objects_appearance_details, "
    "objects_pose, objects_expression, objects_clothing, objects_action, objects_gender, "
    "objects_skin_tone_and_texture, objects_orientation, background_setting, lighting_conditions, "
    "lighting_direction, lighting_shadows, aesthetics_composition, aesthetics_color_scheme, "
    "aesthetics_mood_atmosphere, aesthetics_preference_score, aesthetics_aesthetic_score, "
    "photographic_characteristics_depth_of_field, photographic_characteristics_focus, "
    "photographic_characteristics_camera_angle, photographic_characteristics_lens_focal_length, "
    "style_medium, text_render_text, text_render_location, text_render_size, text_render_color, "
    "text_render_font, text_render_appearance_details, context, artistic_style, rest, words, paths, facts"
)
KEPT = "seq, words, structured_prompt, mode, model, writer, writer_model, edited, parent_id, source_path, other_sources"
SIZE = "iif(typeof({row}.file_bytes) = 'integer', {row}.file_bytes, 0)"  # a damaged row's size is anybody's guess
NAMES = "(SELECT value FROM json_each((SELECT names FROM generation_facets WHERE seq = {row}.seq)))"


def upgrade() -> None:
    for trigger in ("generation_search_insert", "generation_search_delete"):
        op.execute(f"DROP TRIGGER {trigger}")
    for table in ("generation_search", "generation_segments", "generation_unsegmented"):
        op.execute(f"DROP TABLE {table}")
    # No copy of the texts, and no sizes of columns, which only a ranking by relevance would ask for. The first two
    # letters of each word are indexed too: too many words begin so to ask for each.
    op.execute(
        f"CREATE VIRTUAL TABLE generation_search USING fts5({COLUMNS}, content='', columnsize=0, prefix='2', "
        """tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'")"""
    )
    op.create_table("search_word", sa.Column("word", sa.Text, primary_key=True), sqlite_with_rowid=False)
    op.create_table("search_due", sa.Column("seq", sa.Integer, primary_key=True))
    op.create_table(
        "search_gone",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text) for name in KEPT.split(", ")[1:]),
    )
    op.create_index("ix_search_gone_seq", "search_gone", ["seq"])
    op.create_table(
        "generation_facets",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("names", sa.Text, nullable=False),
    )
    op.create_table(
        "facet_count",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("pictures", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gallery_total",
        sa.Column("deleted", sa.Boolean, primary_key=True),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO search_due (seq) SELECT seq FROM generation")
    for deleted, shown in ((0, "IS NULL"), (1, "IS NOT NULL")):
        op.execute(
            f"INSERT INTO gallery_total (deleted, pictures, bytes) SELECT {deleted}, count(*), "
            f"CAST(total({SIZE.format(row='g')}) AS INTEGER) FROM generation g WHERE deleted_at {shown}"
        )
    for statement in TRIGGERS:
        op.execute(statement)


def _total(row: str, sign: str) -> str:
    return (
        f"UPDATE gallery_total SET pictures = pictures {sign} 1, bytes = bytes {sign} {SIZE.format(row=row)} "
        f"WHERE deleted = ({row}.deleted_at IS NOT NULL);"
    )


TRIGGERS = (
    "CREATE TRIGGER generation_search_insert AFTER INSERT ON generation BEGIN "
    f"INSERT OR IGNORE INTO search_due (seq) VALUES (new.seq); {_total('new', '+')} END",
    "CREATE TRIGGER generation_search_delete AFTER DELETE ON generation BEGIN "
    f"INSERT INTO search_gone ({KEPT}) SELECT {', '.join(f'old.{name}' for name in KEPT.split(', '))} "
    "WHERE NOT EXISTS (SELECT 1 FROM search_due WHERE seq = old.seq); "
    "DELETE FROM search_due WHERE seq = old.seq; "
    "UPDATE facet_count SET pictures = pictures - 1 "
    f"WHERE old.deleted_at IS NULL AND name IN {NAMES.format(row='old')}; "
    f"DELETE FROM generation_facets WHERE seq = old.seq; {_total('old', '-')} END",
    "CREATE TRIGGER generation_total AFTER UPDATE OF deleted_at, file_bytes ON generation BEGIN "
    f"{_total('old', '-')} {_total('new', '+')} END",
    "CREATE TRIGGER generation_facets_insert AFTER INSERT ON generation_facets "
    "WHEN (SELECT deleted_at FROM generation WHERE seq = new.seq) IS NULL BEGIN "
    "INSERT INTO facet_count (name, pictures) SELECT value, 1 FROM json_each(new.names) WHERE true "
    "ON CONFLICT (name) DO UPDATE SET pictures = pictures + 1; END",
    "CREATE TRIGGER generation_facets_deleted AFTER UPDATE OF deleted_at ON generation "
    "WHEN (old.deleted_at IS NULL) <> (new.deleted_at IS NULL) BEGIN "
    "UPDATE facet_count SET pictures = pictures + iif(new.deleted_at IS NULL, 1, -1) "
    f"WHERE name IN {NAMES.format(row='new')}; END",
)
