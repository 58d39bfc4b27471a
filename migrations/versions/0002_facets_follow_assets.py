"""Write down which assets changed, for the facets that filters compare; list cameras quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FACETS = "kind, missing_since, companion_of_id, taken_local, latitude, longitude, place_id, rating"

TRIGGERS = (
    """
    CREATE TRIGGER asset_added AFTER INSERT ON asset BEGIN
        INSERT INTO asset_change (asset_id) VALUES (new.id);
    END
    """,
    f"""
    CREATE TRIGGER asset_changed AFTER UPDATE OF {FACETS} ON asset BEGIN
        INSERT INTO asset_change (asset_id) VALUES (new.id);
    END
    """,
    """
    CREATE TRIGGER asset_removed AFTER DELETE ON asset BEGIN
        INSERT INTO asset_change (asset_id) VALUES (old.id);
    END
    """,
)


def upgrade() -> None:
    op.create_table(
        "asset_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    # Nearly every asset has no companion, so an index of those only leads the planner astray.
    op.drop_index("ix_asset_companion_of_id", table_name="asset")
    op.create_index(
        "ix_asset_companion_of_id",
        "asset",
        ["companion_of_id"],
        sqlite_where=sa.text("companion_of_id IS NOT NULL"),
    )
    op.create_index(
        "asset_camera",
        "asset",
        ["camera_make", "camera_model", "lens", "missing_since", "companion_of_id"],
    )
    for statement in TRIGGERS:
        op.execute(statement)
