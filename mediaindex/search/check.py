"""What in a filter can only be a slip: names that nothing has, and times that are none."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from mediaindex.errors import QueryError
from mediaindex.store.filters import Filter, names_in
from mediaindex.store.names import has_folder, has_library, is_known, library_names, names_like

NOTHING = {"person": "nobody", "album": "no album", "tag": "no tag"}


def check(session: Session, wanted: Filter) -> list[str]:
    """Return what a filter asks in vain, for people.

    Raises:
        QueryError: It asks for a library that there is not.
    """
    for name in wanted.libraries:
        if not has_library(session, name):
            known = ", ".join(library_names(session)) or "none"
            raise QueryError(f"library:{name}: there is no such library; known: {known}")
    doubts = [
        f"in:{name}: no folder of that name"
        for name in wanted.folders
        if not has_folder(session, name)
    ]
    doubts += _unknown(session, wanted)
    starts = [dates.start for dates in wanted.dates if dates.start is not None]
    ends = [dates.end for dates in wanted.dates if dates.end is not None]
    if starts and ends and max(starts) >= min(ends):
        doubts.append(
            f"nothing can be from {max(starts):%Y-%m-%d} on and before {min(ends):%Y-%m-%d}"
        )
    return doubts


def _unknown(session: Session, wanted: Filter) -> Iterator[str]:
    for operator, name in names_in(wanted):
        if is_known(session, operator, name, wanted.withheld):
            continue
        like = names_like(session, operator, name, wanted.withheld)
        meant = f"; did you mean {' or '.join(like)}?" if like else ""
        yield f"{operator}:{name}: {NOTHING[operator]} of that name{meant}"
