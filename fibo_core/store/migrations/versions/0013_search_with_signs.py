"""An index whose words keep their vowel signs, without which those of Hindi and Thai are others. The rows there are
will be read anew in the background, the newest first."""

from alembic import op

revision = "0013"
down_revision = "0012"

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


def upgrade() -> None:
    op.execute("DROP TABLE generation_search")
    op.execute(
        f"CREATE VIRTUAL TABLE generation_search USING fts5({COLUMNS}, content='', columnsize=0, prefix='2', "
        """tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc Co So'")"""
    )
    for table in ("search_word", "search_gone"):
        op.execute(f"DELETE FROM {table}")
    op.execute("INSERT OR IGNORE INTO search_due (seq) SELECT seq FROM generation")
