"""Alt text: beside the name of each photo or video, what to read out instead of it."""

from mediaindex.exporting import Mirror
from mediaindex.exporting.words import alt_text
from mediaindex.store.exports import Exported


def content(found: Exported) -> bytes | None:
    """Return one line of UTF-8, a sentence or two; None if nobody said anything."""
    text = alt_text(found)
    return None if text is None else (text + "\n").encode()


FORMAT = Mirror(".txt", content)
