"""Find the newest assets without sorting all: the answer to a bare filter."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX asset_newest ON asset (taken_at DESC, id, kind, rating)"
        " WHERE missing_since IS NULL AND companion_of_id IS NULL"
    )
