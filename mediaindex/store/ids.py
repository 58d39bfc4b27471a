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


def given(name: str) -> Select[int]:
    """Return the query that gives the ids that `these(ids, name)` does when it is run."""
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


THESE = given("these")
"""As `each`, of the ids that `these` gives when it is run."""


def these(ids: Collection[int], name: str = "these") -> dict[str, str]:
    """Return the parameter of a statement that has `THESE` in it, or `given(name)`."""
    return {name: json.dumps(list(ids))}
