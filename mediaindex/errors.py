"""Every error that mediaindex raises on purpose.

Two kinds matter to whoever runs a job: `RetryLater` (the world may be right in a minute: weights
are not there yet, a disk is not mounted) and `Unusable` (this file will never work: truncated, not
a picture). All else is a bug and is left to rise.
"""


class MediaIndexError(Exception):
    """Base of every error raised on purpose; its text is written for the person at the terminal."""


class RetryLater(MediaIndexError):  # noqa: N818 - names what to do, as the job runner reads it
    """The work failed for a reason that may pass; the stage is blocked and tried again later."""


class NoRoom(RetryLater):
    """Our own disk takes nothing now: it is full, or read-only. No file is to blame."""


class BrokenOff(RetryLater):
    """The run ends early, in the middle of something long; the next goes on from there."""


class ServerOff(RetryLater):
    """A server cannot be asked at all: it is off, refuses us, or lacks what it is asked for."""


class Lacking(ServerOff):
    """A server knows our key, and the key may not do this."""

    def __init__(self, reason: str, permission: str) -> None:
        super().__init__(reason)
        #: By the server's own name: `asset.update`; `admin` where only an administrator may.
        self.permission = permission


class ServerBusy(RetryLater):
    """A server is there and has too much to do now."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        #: How long it asked to be left alone; None where it did not say.
        self.after_s = after_s


class Faulty(MediaIndexError):  # noqa: N818 - as above
    """It went wrong and may go right: counted, and after a few times given up.

    A server that timed out, broke off or answered nonsense; the subject may be to blame, or not.
    """


class Gone(Faulty):
    """What was asked for is not there for us: deleted, locked, or another's; nobody says which."""

    def __init__(self, reason: str, what: str = "asset", ids: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        #: `asset`, `tag` or `album`.
        self.what = what
        #: Which, where some of several are; () otherwise.
        self.ids = ids


class Unusable(MediaIndexError):  # noqa: N818 - as above
    """This file cannot be used and never will be; record why, and do not try again."""


class ConfigError(MediaIndexError):
    """The settings ask for something that does not exist or does not fit."""


class QueryError(MediaIndexError):
    """A search was written in a way that cannot be understood; the text says what would be."""


class AlreadyRunning(MediaIndexError):  # noqa: N818 - a state, said as users say it
    """Another mediaindex is working on the same state folder."""


class StoreError(MediaIndexError):
    """The database cannot be used: newer than this program, corrupt, or not writable."""
