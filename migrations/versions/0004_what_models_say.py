"""Say what a model sees in each moment, and what it can read there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = "person, names, place, facts, machine, seen"
NEW = ", ".join(f"new.{column}" for column in COLUMNS.split(", "))
OLD = ", ".join(f"old.{column}" for column in COLUMNS.split(", "))

# A table of FTS5 cannot be given another column: it is made anew, and reads `document` again.
FULLTEXT = (
    "DROP TRIGGER document_added",
    "DROP TRIGGER document_removed",
    "DROP TRIGGER document_changed",
    "DROP TABLE fulltext",
    f"""
    CREATE VIRTUAL TABLE fulltext USING fts5(
        {COLUMNS},
        content = 'document', content_rowid = 'id',
        tokenize = 'porter unicode61 remove_diacritics 2'
    )
    """,
    f"""
    CREATE TRIGGER document_added AFTER INSERT ON document BEGIN
        INSERT INTO fulltext (rowid, {COLUMNS}) VALUES (new.id, {NEW});
    END
    """,
    f"""
    CREATE TRIGGER document_removed AFTER DELETE ON document BEGIN
        INSERT INTO fulltext (fulltext, rowid, {COLUMNS}) VALUES ('delete', old.id, {OLD});
    END
    """,
    f"""
    CREATE TRIGGER document_changed AFTER UPDATE ON document BEGIN
        INSERT INTO fulltext (fulltext, rowid, {COLUMNS}) VALUES ('delete', old.id, {OLD});
        INSERT INTO fulltext (rowid, {COLUMNS}) VALUES (new.id, {NEW});
    END
    """,
    "INSERT INTO fulltext (fulltext) VALUES ('rebuild')",
)


def upgrade() -> None:
    op.create_table(
        "caption",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("moment_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("rejected", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("text_in_image", sa.String(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("prompt_version", sa.String(), nullable=False),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=True),
        sa.Column("tokens_per_s", sa.Double(), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["moment_id"], ["moment.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_caption_asset_id", "caption", ["asset_id"])
    op.create_index("caption_of_moment", "caption", ["moment_id"], unique=True)
    op.create_index(
        "caption_of_asset",
        "caption",
        ["asset_id"],
        unique=True,
        sqlite_where=sa.text("moment_id IS NULL"),
    )
    op.add_column("document", sa.Column("seen", sa.String(), server_default="", nullable=False))
    for statement in FULLTEXT:
        op.execute(statement)
