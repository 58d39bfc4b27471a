"""What of a video is done, on disk; and moments that become one stretch in an answer."""

from pathlib import Path

import pytest

from mediaindex.pipeline.spans import Spans
from mediaindex.search.hits import Hit, Reason
from mediaindex.search.spans import merged
from mediaindex.types import Shown


def moment(number: int, start_s: int, likeness: float, asset: int = 1, weak: bool = False) -> Hit:
    shown = Shown(
        moment_id=number,
        asset_id=asset,
        sha256="",
        kind="video",
        start_ms=start_s * 1000,
        end_ms=start_s * 1000 + 1000,
        at_ms=start_s * 1000 + 500,
        paths=("/a.mp4",),
        taken_at=None,
        taken_local=None,
        taken_source=None,
        place=None,
        latitude=None,
        longitude=None,
        camera=None,
        width_px=None,
        height_px=None,
        rating=None,
        words=(),
    )
    return Hit(shown, 1.0, (Reason("picture", number, likeness, weak=weak),), weak)


def spans(hits: list[Hit]) -> list[tuple[int, int, int]]:
    return [(hit.shown.start_ms, hit.shown.end_ms, hit.shown.at_ms) for hit in hits]


def test_neighbours_become_one_stretch_in_the_place_of_the_best() -> None:
    best, other, before, after = (
        moment(1, 10, 0.30),
        moment(2, 50, 0.29),
        moment(3, 9, 0.28),
        moment(4, 11, 0.27),
    )
    unlike = moment(5, 12, 0.10)

    found = merged([best, other, before, after, unlike])

    assert spans(found) == [(9000, 12000, 10500), (50000, 51000, 50500), (12000, 13000, 12500)]


def test_moments_of_other_videos_or_by_chance_do_not_join() -> None:
    one = moment(1, 10, 0.30)
    elsewhere = moment(2, 11, 0.30, asset=2)
    weak = moment(3, 9, 0.30, weak=True)
    far = moment(4, 90, 0.10)

    assert len(merged([one, elsewhere, weak, far])) == 4


def test_hits_without_a_likeness_stay_as_they_are() -> None:
    said = Hit(moment(1, 10, 0.0).shown, 1.0, (Reason("words", 1, passage="«a»"),), False)

    assert merged([said]) == [said]


def test_spans_are_read_as_they_were_written(tmp_path: Path) -> None:
    known = Spans(tmp_path / "new" / "a.spans", "768px")
    assert known.read() == ([], None)

    known.begin([(0, 10, 5)], None)
    known.add((10, 20, 15), "damaged\nat 3")

    assert known.read() == ([(0, 10, 5), (10, 20, 15)], "damaged at 3")
    assert Spans(known.path, "1024px").read() == ([], None)
    assert [path.name for path in known.path.parent.iterdir()] == ["a.spans"]
    known.forget()
    assert known.read() == ([], None)


def test_trouble_of_an_earlier_run_is_written_again(tmp_path: Path) -> None:
    known = Spans(tmp_path / "a.spans", "768px")

    known.begin([(0, 10, 5)], "damaged")

    assert known.read() == ([(0, 10, 5)], "damaged")


@pytest.mark.parametrize(
    "tail", ["20 30", "20 30 25", "20 x 25\n", "20 30\n", "\0\0\0\n", "-1 3 4\n", "\n"]
)
def test_line_that_is_not_whole_counts_for_nothing(tmp_path: Path, tail: str) -> None:
    known = Spans(tmp_path / "a.spans", "768px")
    known.begin([(0, 10, 5), (10, 20, 15)], None)
    with known.path.open("a") as file:
        file.write(tail)

    assert known.read() == ([(0, 10, 5), (10, 20, 15)], None)


def test_file_that_is_no_text_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.spans").write_bytes(b"\xff\xfe\x00")

    assert Spans(tmp_path / "a.spans", "768px").read() == ([], None)
