"""Decode pictures that somebody sent, in a process of its own."""

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

from mediaindex.errors import BrokenOff, Unusable
from mediaindex.media.photo import Limits, Photo, decode_photo
from mediaindex.pipeline.child import Child, ChildDied

TIME_LIMIT_S = 20.0
"""Somebody waits for the answer, and others for their turn."""


class Sent:
    """Decodes one picture after the other. Safe from any thread.

    Whoever may ask the daemon may send it anything at all; what crashes a decoder ends the child
    and not the daemon.
    """

    def __init__(self, memory_limit_bytes: int, limits: Limits) -> None:
        """Prepare; the child is started for the first picture.

        Args:
            memory_limit_bytes: Of the child's address space; 0: no limit.
            limits: What is too large to be decoded.
        """
        self._limits = limits
        self._stop = threading.Event()
        self._child = Child(memory_limit_bytes, self._stop)
        # A child ends with the thread that started it, and those that answer come and go.
        self._thread = ThreadPoolExecutor(1, "sent")

    def decode(self, picture: Path, fit_px: int) -> Photo:
        """Return a picture; see `decode_photo`.

        Raises:
            RetryLater: It cannot be read now, or this was closed.
            Unusable: It cannot be decoded, or takes more time or memory than it may.
        """
        try:
            return self._thread.submit(self._decode, picture, fit_px).result()
        except (BrokenOff, CancelledError, RuntimeError) as error:
            if not self._stop.is_set():
                raise
            raise BrokenOff(
                "mediaindex ends or reads its settings again; ask again in a moment"
            ) from error

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self._stop.set()
        self._thread.shutdown(cancel_futures=True)
        self._child.stop()

    def _decode(self, picture: Path, fit_px: int) -> Photo:
        try:
            return self._in_child(picture, fit_px)
        except ChildDied:
            pass  # maybe long ago, while it waited, for want of memory
        try:
            return self._in_child(picture, fit_px)
        except ChildDied as error:
            raise Unusable(str(error)) from error

    def _in_child(self, picture: Path, fit_px: int) -> Photo:
        return self._child.call(TIME_LIMIT_S, decode_photo, picture, fit_px, self._limits)
