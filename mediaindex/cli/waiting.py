"""Wait for a model: a line on the terminal that changes, and an end at once on Ctrl-C."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

import click

INTERRUPTED = 130

BUSY = "the server is busy; waiting"

LOOK_S = 0.3
"""So often it is looked whether the server is busy."""


class Waiting:
    """Says on stderr what is waited for, in place on a terminal, not at all in a pipe.

    Within its block Ctrl-C ends the program at once, also in the middle of a request. Its
    connections are closed with it, so the server stops working on an answer nobody wants.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        #: For who asks a model; set on Ctrl-C.
        self.stop = threading.Event()
        self._said = self._shown = ""

    def __enter__(self) -> "Waiting":
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()
        signal.signal(signal.SIGINT, self._before)

    def say(self, what: str) -> None:
        """Say what is waited for now, in place of what was."""
        self._said = what
        self._show(what)

    @contextmanager
    def watching(self, is_busy: Callable[[], bool]) -> Iterator[None]:
        """Within the block, say so while the server is busy, in place of what was said last."""
        if not self._live:
            yield
            return
        done = threading.Event()

        def watch() -> None:
            while not done.wait(LOOK_S):
                what = BUSY if is_busy() else self._said
                if what != self._shown:
                    self._show(what)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def clear(self) -> None:
        """Take the line away, before anything else is written."""
        if self._live:
            click.echo("\r\033[K", nl=False, err=True)

    def _show(self, what: str) -> None:
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\033[K{what[:width]}", nl=False, err=True)
        self._shown = what

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop.set()
        self.clear()
        click.echo("interrupted", err=True)
        # An orderly end would wait for answers, minutes each; nothing stored could be lost.
        sys.stdout.flush()
        os._exit(INTERRUPTED)
