"""What of a video is done already, on disk beside its previews, so that a kill costs one frame."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediaindex.errors import RetryLater

Span = tuple[int, int, int]
"""start_ms, end_ms, at_ms of a kept frame."""

TROUBLE = "! "
"""Before what was wrong with the video so far."""


@dataclass(frozen=True)
class Spans:
    """The spans of one video as far as they are known, one a line, oldest first."""

    path: Path
    #: Of the rules; spans that were made by others are forgotten.
    version: str

    def read(self) -> tuple[list[Span], str | None]:
        """Return what was written under this version, up to the first line that is not whole.

        Returns:
            The spans, and why not all of the video up to there could be read; None: all could.
        """
        found: list[Span] = []
        trouble: str | None = None
        try:
            version, *lines = self.path.read_text("utf-8").split("\n")
        except (FileNotFoundError, ValueError):
            return found, trouble
        if version != self.version:
            return found, trouble
        for line in lines[:-1]:  # what follows the last line break was cut off in the middle
            parts = line.split()
            if line.startswith(TROUBLE):
                trouble = line.removeprefix(TROUBLE)
            elif len(parts) == 3 and all(part.isdecimal() for part in parts):
                found.append((int(parts[0]), int(parts[1]), int(parts[2])))
            else:
                break
        return found, trouble

    def begin(self, spans: list[Span], trouble: str | None) -> None:
        """Write the file anew with these spans; a kill leaves the old one or the new one.

        Raises:
            RetryLater: The disk does not take it.
        """
        beside = self.path.with_name(f"{self.path.name}-new")
        self._write(beside, "w", f"{self.version}\n{_noted(trouble)}{''.join(map(_line, spans))}")
        try:
            beside.replace(self.path)
        except OSError as error:
            raise RetryLater(f"{self.path} cannot be written: {error.strerror}") from error

    def add(self, span: Span, trouble: str | None = None) -> None:
        """Write one more, after its preview; and what is wrong by now, if that is new.

        Raises:
            RetryLater: The disk does not take it.
        """
        self._write(self.path, "a", _noted(trouble) + _line(span))

    def forget(self) -> None:
        """Remove the file: the database has the spans."""
        with suppress(OSError):
            self.path.unlink()

    def _write(self, path: Path, mode: str, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode, encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            raise RetryLater(f"{self.path} cannot be written: {error.strerror}") from error


def _line(span: Span) -> str:
    return " ".join(map(str, span)) + "\n"


def _noted(trouble: str | None) -> str:
    return f"{TROUBLE}{' '.join(trouble.split())}\n" if trouble else ""
