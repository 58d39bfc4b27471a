"""A question as the user put it, whichever door it came in by."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """A question as the user put it."""

    #: Words, operators included; may be empty.
    words: str
    #: A picture to find the like of.
    like: Path | None = None
    #: Names and values of operators that came apart from the words, as flags.
    operators: tuple[tuple[str, str], ...] = ()
    limit: int = 20
    #: All moments of a video that match, and not its best alone.
    moments: bool = False
    #: Read dates and known places in the words as filters.
    understand: bool = True

    @property
    def text(self) -> str:
        """The whole question as it would be typed in one line."""
        flags = (
            f'{name}:"{value}"' if " " in value else f"{name}:{value}"
            for name, value in self.operators
        )
        return " ".join([self.words, *flags]).strip()
