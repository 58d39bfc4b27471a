"""Many ids in one statement."""

import json
from collections.abc import Collection

from sqlalchemy import Select, func, select


def each(ids: Collection[int]) -> Select[int]:
    """Return the query that gives `ids`: one parameter, however many they are.

    SQLite takes 32,766 of them in a statement unless it was built for more.
    """
    return select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value)
