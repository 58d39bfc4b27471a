"""Remember Immich's archives, what it says of our assets, and what we wrote there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FACETS = (
    "kind, missing_since, companion_of_id, taken_local, latitude, longitude, place_id, rating, "
    "withheld"
)

# A plain ALTER: Alembic would copy a table of a million assets to add a column.
COLUMNS = (
    "ALTER TABLE asset ADD COLUMN sha1 VARCHAR",
    "ALTER TABLE asset ADD COLUMN withheld VARCHAR",
    "ALTER TABLE asset ADD COLUMN is_favourite BOOLEAN DEFAULT (0) NOT NULL",
)

CAMERA = [
    "camera_make",
    "camera_model",
    "lens",
    "missing_since",
    "companion_of_id",
    "withheld",
]

TRIGGERS = (
    "DROP TRIGGER asset_changed",
    f"""
    CREATE TRIGGER asset_changed AFTER UPDATE OF {FACETS} ON asset BEGIN
        INSERT INTO asset_change (asset_id) VALUES (new.id);
    END
    """,
)


# Whatever finds that one of Immich's is one of ours, or may be written to again: the stage that
# writes there has to look at it.
MATCHED = """
    WHEN new.asset_id IS NOT NULL{which} BEGIN
        DELETE FROM result WHERE asset_id = new.asset_id AND stage = 'publish';
    END
"""
CHANGED = " OR ".join(
    f"old.{name} IS NOT new.{name}"
    for name in ("asset_id", "visibility", "is_trashed", "vanished_at")
)
MATCH_TRIGGERS = (
    "CREATE TRIGGER immich_matched AFTER INSERT ON immich_asset" + MATCHED.format(which=""),
    "CREATE TRIGGER immich_rematched AFTER UPDATE ON immich_asset"
    + MATCHED.format(which=f" AND ({CHANGED})"),
)
# What is locked and comes back after it was forgotten is still locked.
FORGOTTEN = """
    CREATE TRIGGER immich_forgotten BEFORE DELETE ON asset BEGIN
        UPDATE immich_asset SET sha256 = old.sha256 WHERE asset_id = old.id;
    END
"""


def upgrade() -> None:
    for statement in (*COLUMNS, *TRIGGERS):
        op.execute(statement)
    # It answers for cameras alone, so it has to know what is withheld.
    op.drop_index("asset_camera", "asset")
    op.create_index("asset_camera", "asset", CAMERA)
    op.create_index("words_by_kind", "words", ["kind", "text", "asset_id"])
    op.create_index("asset_sha1", "asset", ["sha1"], sqlite_where=sa.text("sha1 IS NOT NULL"))
    op.create_index("asset_favourite", "asset", ["id"], sqlite_where=sa.text("is_favourite IS 1"))
    op.create_index(
        "asset_withheld", "asset", ["withheld", "id"], sqlite_where=sa.text("withheld IS NOT NULL")
    )
    op.create_table(
        "immich_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("web_url", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("key_file", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("permissions", sa.String(), nullable=True),
        sa.Column("path_map", sa.String(), nullable=False),
        sa.Column("connected_at", sa.DateTime(), nullable=False),
        sa.Column("read_until", sa.String(), nullable=True),
        sa.Column("read_at", sa.DateTime(), nullable=True),
        sa.Column("full_at", sa.DateTime(), nullable=True),
        sa.Column("full_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("held_back", sa.Integer(), server_default="0", nullable=False),
        sa.Column("surplus", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url", "user_id"),
    )
    op.create_table(
        "immich_asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), server_default="", nullable=False),
        sa.Column("library_id", sa.String(), nullable=True),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("matched_by", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("checksum", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("is_trashed", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_favourite", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("missed_in", sa.Integer(), nullable=True),
        sa.Column("vanished_at", sa.DateTime(), nullable=True),
        sa.Column("is_shown", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_offline", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("live_video", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("text_asked", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["immich_account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "uuid"),
    )
    op.create_index("ix_immich_asset_asset_id", "immich_asset", ["asset_id"])
    op.create_index(
        "immich_unmatched",
        "immich_asset",
        ["account_id", "id"],
        sqlite_where=sa.text("asset_id IS NULL"),
    )
    op.create_index("ix_immich_asset_file_id", "immich_asset", ["file_id"])
    op.create_index(
        "immich_unasked",
        "immich_asset",
        ["account_id", "asset_id"],
        sqlite_where=sa.text("text_asked IS 0"),
    )
    op.create_index("immich_checksum", "immich_asset", ["account_id", "checksum"])
    op.create_index(
        "immich_gone",
        "immich_asset",
        ["account_id", "id"],
        sqlite_where=sa.text("vanished_at IS NOT NULL OR missed_in IS NOT NULL"),
    )
    op.create_index(
        "immich_vanished_path",
        "immich_asset",
        ["path"],
        sqlite_where=sa.text("vanished_at IS NOT NULL"),
    )
    op.create_index(
        "immich_live",
        "immich_asset",
        ["account_id", "live_video"],
        sqlite_where=sa.text("live_video IS NOT NULL"),
    )
    op.create_index(
        "immich_sha256", "immich_asset", ["sha256"], sqlite_where=sa.text("sha256 IS NOT NULL")
    )
    for statement in (*MATCH_TRIGGERS, FORGOTTEN):
        op.execute(statement)
    _create_groups()
    _create_written()


def _create_groups() -> None:
    op.create_table(
        "immich_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["immich_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "kind", "uuid"),
    )
    op.create_table(
        "immich_member",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["immich_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["row_id"], ["immich_asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "row_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_immich_member_row_id", "immich_member", ["row_id"])


def _create_written() -> None:
    op.create_table(
        "immich_written",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("pending", sa.String(), nullable=True),
        sa.Column("tags", sa.String(), server_default="[]", nullable=False),
        sa.Column("record", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.Column("wiped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["immich_account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "uuid"),
    )
    op.create_index("ix_immich_written_asset_id", "immich_written", ["asset_id"])
