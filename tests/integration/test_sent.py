"""Pictures that somebody sent are decoded where nothing is lost if a decoder dies of them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.photo import Limits, Photo, decode_photo
from mediaindex.pipeline.sent import Sent
from mediaindex.search.asked import Asked
from tests.daemons import Home, finds, paint, until


@pytest.fixture
def sent() -> Iterator[Sent]:
    with closing(Sent(0, Limits())) as made:
        yield made


def children() -> set[int]:
    return {one.pid for one in multiprocessing.active_children() if one.pid is not None}


def in_a_thread_of_its_own(sent: Sent, picture: Path) -> Photo:
    """Ask as those do that answer: their threads come and go."""
    came: list[Photo] = []
    asker = threading.Thread(target=lambda: came.append(sent.decode(picture, 32)))
    asker.start()
    asker.join()
    return came[0]


def test_one_child_decodes_for_all_who_ask(sent: Sent, tmp_path: Path) -> None:
    before = children()
    red, blue = paint(tmp_path / "red.png"), paint(tmp_path / "blue.png", 0, 0, 200)

    first = in_a_thread_of_its_own(sent, red)
    made = children() - before
    second = in_a_thread_of_its_own(sent, blue)

    assert (first.pixels == decode_photo(red, 32, Limits()).pixels).all()
    assert (second.pixels == decode_photo(blue, 32, Limits()).pixels).all()
    assert len(made) == 1
    assert children() - before == made


def test_a_child_that_died_while_it_waited_is_nobody_s_fault(sent: Sent, tmp_path: Path) -> None:
    before = children()
    picture = paint(tmp_path / "red.png")
    sent.decode(picture, 32)
    (child,) = children() - before
    os.kill(child, signal.SIGKILL)

    assert sent.decode(picture, 32).pixels.shape == (24, 32, 3)


def test_one_that_kills_the_decoder_each_time_is_told_of(tmp_path: Path) -> None:
    stop, before = threading.Event(), children()

    def kill() -> None:
        while not stop.wait(0.005):
            for child in children() - before:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with closing(Sent(0, Limits())) as sent:
        killer.start()
        try:
            with pytest.raises(Unusable, match="SIGKILL"):
                sent.decode(paint(tmp_path / "red.png"), 32)
        finally:
            stop.set()
            killer.join()


def test_one_of_more_pixels_than_there_may_be_is_told_of(tmp_path: Path) -> None:
    huge = paint(tmp_path / "huge.png")
    with closing(Sent(0, Limits(max_pixels=100))) as sent, pytest.raises(Unusable, match="pixels"):
        sent.decode(huge, 32)


def test_nothing_is_begun_after_the_end(tmp_path: Path) -> None:
    before = children()
    sent = Sent(0, Limits())
    sent.decode(paint(tmp_path / "red.png"), 32)
    sent.close()
    with pytest.raises(RetryLater):
        sent.decode(tmp_path / "red.png", 32)
    assert children() == before


def test_those_that_wait_at_the_end_are_told_to_ask_again(tmp_path: Path) -> None:
    before = children()
    picture = paint(tmp_path / "red.png")
    sent = Sent(0, Limits())
    sent.decode(picture, 32)
    (child,) = children() - before
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(3) as askers:
        asked = [askers.submit(sent.decode, picture, 32) for _ in range(3)]
        until(lambda: all(one.running() for one in asked))

        sent.close()

        for one in asked:
            assert isinstance(one.exception(), RetryLater)
    assert children() == before


def test_the_daemon_decodes_none_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Photo:
        pytest.fail("it was decoded in the daemon's own process")

    monkeypatch.setattr("mediaindex.asking.decode_photo", never)
    home = Home(tmp_path)
    paint(home.library / "red.jpg")
    paint(home.library / "blue.jpg", 0, 0, 200)
    other = paint(tmp_path / "other.jpg", 190, 40, 30)
    with home.running() as daemon:
        until(lambda: set(finds(daemon, "kind:photo")) == {"red.jpg", "blue.jpg"})
        until(lambda: finds(daemon, "red")[:1] == ["red.jpg"])
        found = daemon.ask(Asked(words="", like=other, limit=1), date(2026, 11, 21))
    assert [Path(hit.shown.paths[0]).name for hit in found.hits] == ["red.jpg"]
