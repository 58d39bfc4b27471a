"""What Alembic runs: upgrade the connection that `store/database.py` hands over."""

from alembic import context

from mediaindex.store import change_tables, immich_tables  # noqa: F401 - a part of the schema
from mediaindex.store.tables import Base

# Virtual tables bring tables of their own, which are no part of our schema.
OURS = set(Base.metadata.tables)

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    include_name=lambda name, kind, _: kind != "table" or name in OURS,
)
with context.begin_transaction():
    context.run_migrations()
