"""Text as files hold it, made fit to be stored and shown."""

JOINERS = "\u200c\u200d"
"""Persian words and many emoji are not whole without them, though they print nothing."""


def one_line(text: str) -> str:
    """Return a text as one line of letters: no NUL or other control, no half of a character.

    JSON and cameras may hold such halves (lone surrogates), which no database takes as text.
    """
    kept = (letter if letter.isprintable() or letter in JOINERS else " " for letter in text)
    return " ".join("".join(kept).split())
