"""One request on its way, and how it is ended: when its time is up, or when nobody wants it."""

import socket
import threading
from contextlib import suppress


class Watch:
    """A request's connection and the clock that runs against it. Safe from any thread."""

    def __init__(self, limit_s: float | None) -> None:
        """Start the clock.

        Args:
            limit_s: After so long the connection is cut; None: never.
        """
        #: Whether the time was up before the end.
        self.is_late = False
        #: Whether it was ended before its end, for that or another reason.
        self.is_cut = False
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_over = False
        self._timer: threading.Timer | None = None
        if limit_s is not None:
            # httpx limits the time between bytes; a trickle would go on for ever.
            self._timer = threading.Timer(max(0.0, limit_s), self._ring)
            self._timer.daemon = True
            self._timer.start()

    def hold(self, connection: socket.socket) -> None:
        """Take the connection that was made; it is cut at once if that has been asked for.

        Raises:
            OSError: It is closed already.
        """
        with self._lock:
            if self._is_over:
                return
            # A handle of its own: TLS takes the other away while it shakes hands, and shutting an
            # SSLSocket down would have another thread go on in plain text.
            self._line = connection.dup()
            if self.is_cut:
                self._shut()

    def cut(self) -> None:
        """End the request; who waits for its bytes wakes up, as from no mere close."""
        with self._lock:
            self.is_cut = True
            self._shut()

    def end(self) -> None:
        """Let go; the request is over."""
        with self._lock:
            self._is_over = True
            line, self._line = self._line, None
        if self._timer:
            self._timer.cancel()
        if line:
            line.close()

    def _ring(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self.is_late = self.is_cut = True
            self._shut()

    def _shut(self) -> None:
        """Shut the connection, if there is one yet; `_lock` is held."""
        if self._line:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
