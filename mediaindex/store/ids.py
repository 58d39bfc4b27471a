"""Many ids in one statement.

To build a statement takes longer than to run it. One that every question needs is built once, of
`THESE`, and run with `these(ids)`.
"""

import json
from collections.abc import Collection

from sqlalchemy import Select, bindparam, func, select


def each(ids: Collection[int]) -> Select[int]:
    """Return the query that gives `ids`: one parameter, however many they are.

    SQLite takes 32,766 of them in a statement unless it was built for more.
    """
    return select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value)


THESE: Select[int] = select(func.json_each(bindparam("these")).table_valued("value").c.value)
"""As `each`, of the ids that `these` gives when it is run."""


def these(ids: Collection[int]) -> dict[str, str]:
    """Return the parameter of a statement that has `THESE` in it."""
    return {"these": json.dumps(list(ids))}
