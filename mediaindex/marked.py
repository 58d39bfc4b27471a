"""Our words among a person's: a marked block at the end of a description.

Immich keeps one description for each photo, and writes it into a sidecar that we read again. So the
block says where our words begin and end: what stands around it is a person's, byte for byte, and
what stands in it is never taken for a person's.
"""

BEGIN, END = "[mediaindex]", "[/mediaindex]"
GAP = "\n\n"
"""Stands between a person's words and the block."""

TAG = "mediaindex"
"""The tag below which all of ours stand."""


def with_block(before: str, words: str) -> str:
    """Return a description with our block at its end, in place of one that it has."""
    raise NotImplementedError


def without_block(description: str) -> str:
    """Return what a person wrote: `without_block(with_block(text, words)) == text`, exactly."""
    raise NotImplementedError


def block(description: str) -> str | None:
    """Return the words inside our block; None: there is none."""
    raise NotImplementedError


def is_ours(tag: str) -> bool:
    """Return whether a tag is one of those that we write."""
    raise NotImplementedError
