"""What of a video is done already, on disk beside its previews, so that a kill costs one frame."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mediaindex.errors import RetryLater

Span = tuple[int, int, int]
"""start_ms, end_ms, at_ms of a kept frame."""


@dataclass(frozen=True)
class Spans:
    """The spans of one video as far as they are known, one a line, oldest first."""

    path: Path
    #: Of the rules; spans that were made by others are forgotten.
    version: str

    def read(self) -> list[Span]:
        """Return what was written under this version, up to the first line that is not whole."""
        try:
            version, *lines = self.path.read_text().split("\n")
        except (FileNotFoundError, ValueError):
            return []
        if version != self.version:
            return []
        found: list[Span] = []
        for line in lines[:-1]:  # what follows the last line break was cut off in the middle
            parts = line.split()
            if len(parts) != 3 or not all(part.isdecimal() for part in parts):
                break
            found.append((int(parts[0]), int(parts[1]), int(parts[2])))
        return found

    def begin(self, spans: list[Span]) -> None:
        """Write the file anew with these spans.

        Raises:
            RetryLater: The disk does not take it.
        """
        lines = [self.version, *(" ".join(map(str, span)) for span in spans), ""]
        self._write("w", "\n".join(lines))

    def add(self, span: Span) -> None:
        """Write one more, after its preview.

        Raises:
            RetryLater: The disk does not take it.
        """
        self._write("a", " ".join(map(str, span)) + "\n")

    def forget(self) -> None:
        """Remove the file: the database has the spans."""
        with suppress(OSError):
            self.path.unlink()

    def _write(self, mode: str, text: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open(mode) as file:
                file.write(text)
        except OSError as error:
            raise RetryLater(f"{self.path} cannot be written: {error.strerror}") from error
