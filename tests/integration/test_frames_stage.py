"""The stage that looks through videos: real clips, broken off, gone on with, broken and moving."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mediaindex.errors import BrokenOff, RetryLater, Unusable
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.photo import Limits
from mediaindex.media.previews import PreviewStore
from mediaindex.media.scenes import FrameRules
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import Film, Ways, look_through_animation
from mediaindex.pipeline.frames import LONG_MS, Clip, Frames, Lengths
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.spans import Spans
from mediaindex.store import files, jobs
from mediaindex.store.database import Database
from mediaindex.store.due import at
from mediaindex.store.files import Lying
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow
from tests.clips import make_clip
from tests.conftest import NOW

WAYS = Ways(FrameRules(), RunLimits(60, 20), Limits())
COLOURS = ("red", "lime", "blue", "yellow", "white")
SCENES = ";".join(
    f"color={colour}:size=64x48:rate=10:duration=2,"
    f"drawbox=x={8 * n}:w=9:h=30:color=gray@1:t=fill[{n}]"
    for n, colour in enumerate(COLOURS)
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five scenes of two seconds each, a keyframe at every cut."""
    joined = "".join(f"[{n}]" for n in range(len(COLOURS)))
    picture = f"{SCENES};{joined}concat=n={len(COLOURS)}"
    path = tmp_path_factory.mktemp("clips") / "five scenes.mp4"
    return make_clip(path, "-force_key_frames", "expr:gte(t,n_forced*2)", picture=picture)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def previews(tmp_path: Path) -> PreviewStore:
    return PreviewStore(tmp_path / "previews", px=320)


@pytest.fixture
def stage(previews: PreviewStore, stop: threading.Event) -> Iterator[Frames]:
    made = Frames(Children(1, 0), 1, previews, WAYS, stop)
    yield made
    made.close()


def look(stage: Frames, path: Path, name: str = "mp4") -> Film | Exception:
    (found,) = stage.work([Clip((Lying(path),), "5a", name)])
    return found


def film(stage: Frames, path: Path, name: str = "mp4") -> Film:
    found = look(stage, path, name)
    assert isinstance(found, Film), found
    return found


def test_each_scene_is_a_moment_with_its_preview(
    stage: Frames, previews: PreviewStore, clip: Path
) -> None:
    found = film(stage, clip)

    assert [start for start, _, _ in found.spans] == [0, 2000, 4000, 6000, 8000]
    assert found.spans[-1][1] == found.facts.duration_ms == 10_000
    assert [previews.read("5a", at)[-1, -1].argmax() for _, _, at in found.spans][:3] == [0, 1, 2]
    assert found.partial is None


def test_broken_off_it_goes_on_where_it_was_and_ends_alike(
    previews: PreviewStore, stop: threading.Event, clip: Path, tmp_path: Path
) -> None:
    shares: list[float | None] = []

    def stop_at_seven_seconds(_path: Path, share: float | None) -> None:
        shares.append(share)
        if share and share >= 0.7:
            stop.set()

    whole = film(Frames(Children(1, 0), 1, PreviewStore(tmp_path / "w"), WAYS, stop), clip)
    broken = Frames(Children(1, 0), 1, previews, WAYS, stop, stop_at_seven_seconds)
    assert isinstance(look(broken, clip), BrokenOff)
    before = {path.name: path.stat().st_mtime_ns for path in previews.folder.rglob("*.jpg")}
    stop.clear()

    resumed = film(Frames(Children(1, 0), 1, previews, WAYS, stop), clip)

    assert resumed.spans == whole.spans
    assert len(before) == 2
    after = {path.name: path.stat().st_mtime_ns for path in previews.folder.rglob("*.jpg")}
    assert before.items() <= after.items()
    assert shares[0] == 0.0
    assert shares[-1] is None
    assert shares[-2] == pytest.approx(0.8, abs=0.01)


def test_no_more_frames_are_kept_for_a_break(
    previews: PreviewStore, stop: threading.Event, clip: Path
) -> None:
    def stop_at_the_last_scene(_path: Path, share: float | None) -> None:
        if share and share >= 0.8:
            stop.set()

    few = replace(WAYS, rules=FrameRules(base_frames=4, frames_per_min=0.0))
    broken = Frames(Children(1, 0), 1, previews, few, stop, stop_at_the_last_scene)
    assert isinstance(look(broken, clip), BrokenOff)
    stop.clear()

    assert len(film(Frames(Children(1, 0), 1, previews, few, stop), clip).spans) <= 4


def test_still_scene_is_broken_off_too_and_tells_how_far_it_is(
    previews: PreviewStore, stop: threading.Event, tmp_path: Path
) -> None:
    path = make_clip(tmp_path / "still.mp4", picture="color=red:size=64x48:rate=10:duration=30")
    shares: list[float | None] = []

    def stop_in_the_middle(_path: Path, share: float | None) -> None:
        shares.append(share)
        if share and share >= 0.5:
            stop.set()

    broken = Frames(Children(1, 0), 1, previews, WAYS, stop, stop_in_the_middle)

    assert isinstance(look(broken, path), BrokenOff)
    assert len([share for share in shares if share]) > 3
    assert max(share or 0.0 for share in shares) < 0.9


def test_stop_is_no_reason_to_begin_the_next_copy(
    previews: PreviewStore, stop: threading.Event, clip: Path
) -> None:
    ended: list[Path] = []

    def stop_at_once(path: Path, share: float | None) -> None:
        if share is None:
            ended.append(path)
        stop.set()

    broken = Frames(Children(1, 0), 1, previews, WAYS, stop, stop_at_once)
    (found,) = broken.work([Clip((Lying(clip), Lying(clip)), "5a", "mp4")])

    assert isinstance(found, BrokenOff)
    assert ended == [clip]


def test_what_was_wrong_before_the_break_is_still_said(
    previews: PreviewStore, stop: threading.Event, clip: Path
) -> None:
    stage = Frames(Children(1, 0), 1, previews, WAYS, stop)
    whole = film(stage, clip)
    spans = Spans(previews.path("5a", 0).with_suffix(".spans"), stage.version)
    spans.begin(list(whole.spans[:2]), "error while decoding")

    found = film(stage, clip)

    assert found.partial == "error while decoding"
    assert found.spans == whole.spans


def test_preview_that_was_cleared_away_is_made_again(
    stage: Frames, previews: PreviewStore, clip: Path
) -> None:
    whole = film(stage, clip)
    previews.path("5a", whole.spans[1][2]).unlink()

    assert film(stage, clip).spans == whole.spans
    assert previews.path("5a", whole.spans[1][2]).exists()


def test_other_rules_begin_anew(previews: PreviewStore, stop: threading.Event, clip: Path) -> None:
    def stop_at_once(_path: Path, _share: float | None) -> None:
        stop.set()

    look(Frames(Children(1, 0), 1, previews, WAYS, stop, stop_at_once), clip)
    stop.clear()
    rules = FrameRules(min_gap_s=3.0)
    other = Frames(Children(1, 0), 1, previews, Ways(rules, WAYS.run, WAYS.picture), stop)

    assert len(film(other, clip).spans) < 5


def test_animation_is_looked_through_in_a_child(stage: Frames, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "white")]
    for n, frame in enumerate(frames):
        frame.paste((9, 9, 9), (n * 9, 0, n * 9 + 9, 30))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=2000)

    found = film(stage, path, "gif")

    assert found.spans == ((0, 2000, 0), (2000, 4000, 2000), (4000, 6000, 4000))
    assert found.facts.container == "gif"


def test_animation_that_is_cut_off_gives_what_it_has(stage: Frames, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    chance = [Image.effect_noise((64, 48), 90 + n) for n in range(6)]
    chance[0].save(path, save_all=True, append_images=chance[1:], duration=1000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    found = film(stage, path, "gif")

    assert found.partial
    assert found.spans


def noise(path: Path, frames: int) -> Path:
    chance = [Image.effect_noise((400, 300), 90 + n % 9) for n in range(9)]
    chance[0].save(
        path, save_all=True, append_images=[chance[n % 9] for n in range(1, frames)], duration=1000
    )
    return path


def test_animation_that_takes_too_long_gives_what_it_has(
    previews: PreviewStore, tmp_path: Path
) -> None:
    hasty = replace(WAYS, animation_limit_s=0.0)

    found = look_through_animation(noise(tmp_path / "a.gif", 5), "5a", previews, hasty)

    assert found.partial == "takes too long to decode from 0 s on"
    assert found.spans == ((0, 5000, 0),)


def test_animation_is_broken_off_in_its_middle(
    previews: PreviewStore, stop: threading.Event, tmp_path: Path
) -> None:
    stage = Frames(Children(1, 0, stop), 1, previews, WAYS, stop)
    path = noise(tmp_path / "a.gif", 400)
    timer = threading.Timer(0.1, stop.set)
    timer.start()

    found = look(stage, path, "gif")

    timer.join()
    stage.close()
    assert isinstance(found, BrokenOff)


@pytest.mark.parametrize("content", [b"", b"no video", b"\0\0\0\x18ftypmp42" + bytes(99)])
def test_what_is_no_video_is_unusable_with_its_reason(
    stage: Frames, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.mp4").write_bytes(content)

    found = look(stage, tmp_path / "a.mp4")

    assert isinstance(found, Unusable)
    assert str(found)


def test_video_that_is_gone_is_nobodys_fault(stage: Frames, tmp_path: Path) -> None:
    assert isinstance(look(stage, tmp_path / "gone.mp4"), RetryLater)


def test_short_videos_do_not_wait_for_long_ones(
    database: Database, previews: PreviewStore, stop: threading.Event
) -> None:
    with database.write() as session:
        for number, duration_ms in enumerate([LONG_MS, 5000, None, None]):
            made = {"kind": "video", "format": "mp4", "size_bytes": 1, "added_at": NOW}
            session.add(AssetRow(sha256=str(number), duration_ms=duration_ms, **made))
        session.flush()
        jobs.mark_done(session, 3, "probe", "1", NOW, redo=())

    def due(lengths: Lengths) -> list[int]:
        stage = Frames(Children(1, 0), 1, previews, WAYS, stop, lengths=lengths)
        with database.read() as session:
            assert (
                len(session.scalars(stage.due(), at(NOW)).all()) == 4
            )  # it may be told why it waits
            stage.ready()
            return list(session.scalars(stage.due(), at(NOW)))

    assert (due("short"), due("long")) == ([2], [1, 3])
    assert due("any") == [1, 2, 3, 4]


def test_previews_that_other_rules_dropped_go_once_it_is_stored(
    database: Database, previews: PreviewStore, stop: threading.Event, clip: Path
) -> None:
    with database.write() as session:
        library = add_library(session, "films", clip.parent, NOW)
        folder_id, _ = files.known_folder(session, library.id, "")
        made = {"kind": "video", "format": "mp4", "size_bytes": 1, "added_at": NOW}
        session.add(AssetRow(id=1, sha256="5a", **made))
        file = FileRow(name=clip.name, folder_id=folder_id, asset_id=1, kind="video")
        seen = clip.stat()
        file.size_bytes, file.mtime_ns = seen.st_size, seen.st_mtime_ns
        file.role, file.found_at = "media", NOW
        session.add(file)

    def kept(rules: FrameRules) -> list[str]:
        ways = replace(WAYS, rules=rules)
        stage = Frames(Children(1, 0), 1, previews, ways, stop)
        Runner(database, [stage], clock=lambda: NOW).run(stop)
        return sorted(path.name for path in previews.folder.rglob("5a*.jpg"))

    assert len(kept(FrameRules())) == 5
    assert kept(FrameRules(base_frames=2, frames_per_min=0.0)) == ["5a-0.jpg", "5a-2000.jpg"]
