"""What `mediaindex doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    #: `ok`, `note` (works, with less), `bad`.
    state: str
    said: str
