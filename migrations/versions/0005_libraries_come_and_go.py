"""Remember what a library is mounted from, and how many of its files wait to be believed gone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("library", sa.Column("identity", sa.String(), nullable=True))
    op.add_column(
        "library", sa.Column("held_back", sa.Integer(), nullable=False, server_default="0")
    )
