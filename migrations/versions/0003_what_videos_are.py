"""Say of videos what is in them, and of photos whether they move."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("video_codec", "audio_codec", "partial"):
        op.add_column("asset", sa.Column(name, sa.String(), nullable=True))
    op.add_column(
        "asset", sa.Column("has_motion", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
