"""What keeps a box healthy that nobody looks after: copies, checks, repairs, upkeep."""

from collections.abc import Callable

OnNote = Callable[[str], None]
"""Told what takes a while, in a few words, now and then."""


def unheard(_note: str) -> None:
    """Tell nobody."""
