"""The folder of an export: nothing is written to media, and nobody's file is replaced."""

import os
from pathlib import Path

import pytest

from mediaindex.errors import AlreadyRunning, ConfigError
from mediaindex.exporting.folder import MARKER, PART, ExportFolder, Taken, open_folder
from mediaindex.exporting.place import checked_place

TARGET = ("photos", "Trips", "a.jpg.xmp")
NO_MEDIA: frozenset[tuple[int, int]] = frozenset()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def put(folder: Path, content: bytes, target: tuple[str, ...] = TARGET) -> bool:
    with open_folder(folder, NO_MEDIA) as opened:
        return opened.put(target, content)


def test_export_takes_the_place_of_an_export(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"

    assert put(out, b"one")
    assert not put(out, b"one")
    assert put(out, b"two")
    assert put(out, b"one")

    assert files(out) == {"photos/Trips/a.jpg.xmp": b"one"}


def test_file_that_somebody_put_there_or_changed_stays(tmp_path: Path) -> None:
    put(tmp_path, b"ours")
    path = tmp_path.joinpath(*TARGET)
    for content in (b"changed by hand", b""):
        path.write_bytes(content)

        with pytest.raises(Taken, match=r"photos/Trips/a\.jpg\.xmp is there and was not written"):
            put(tmp_path, b"new")
        with open_folder(tmp_path, NO_MEDIA) as folder, pytest.raises(Taken):
            folder.check(TARGET)

        assert path.read_bytes() == content
    assert not list(tmp_path.glob(PART + "*"))


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "mediaindex.csv"])
def test_folder_that_holds_other_things_is_refused_by_their_names(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(ConfigError, match=name), open_folder(tmp_path, NO_MEDIA):
        pass

    assert files(tmp_path) == {name: b"mine"}
    assert not (tmp_path / MARKER).exists()


def test_names_in_errors_cannot_meddle_with_the_terminal(tmp_path: Path) -> None:
    target = ("photos", "a\x1b[31m\n\udcff.xmp")
    put(tmp_path, b"ours", target)
    tmp_path.joinpath(*target).write_bytes(b"changed")

    with pytest.raises(Taken) as caught:
        put(tmp_path, b"new", target)

    assert str(caught.value).startswith("photos/a [31m \ufffd.xmp is there")


def plant_link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def plant_file(place: Path, outside: Path) -> None:
    place.write_bytes(b"a file")


def plant_pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("plant", [plant_link, plant_file, plant_pipe])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_is_planted_on_the_way_leads_nowhere(tmp_path: Path, plant: object, at: int) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    (outside / "Trips").mkdir(parents=True)
    (outside / "a.jpg.xmp").write_bytes(b"the user's own")
    with open_folder(out, NO_MEDIA):
        pass
    place = out.joinpath(*TARGET[:at])
    place.parent.mkdir(parents=True, exist_ok=True)
    plant(place, outside if at < 3 else outside / "a.jpg.xmp")  # type: ignore[operator]

    with open_folder(out, NO_MEDIA) as folder:
        with pytest.raises(Taken):
            folder.check(TARGET)
        with pytest.raises(Taken):
            folder.put(TARGET, b"new")

    assert files(outside) == {"a.jpg.xmp": b"the user's own"}
    assert place.is_symlink() == (plant is plant_link)


def test_library_mounted_inside_the_folder_is_not_written_to(tmp_path: Path) -> None:
    mounted = tmp_path / "photos"
    with open_folder(tmp_path, NO_MEDIA):
        mounted.mkdir()
    there = mounted.stat()

    with (
        open_folder(tmp_path, frozenset({(there.st_dev, there.st_ino)})) as folder,
        pytest.raises(Taken, match="is the folder of a library"),
    ):
        folder.put(TARGET, b"new")

    assert list(mounted.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "hard link", "folder", "other"])
def test_marker_that_is_none_of_ours_is_refused(tmp_path: Path, kind: str) -> None:
    photo, out = tmp_path / "photo.jpg", tmp_path / "out"
    photo.write_bytes(b"a photo")
    out.mkdir()
    marker = out / MARKER
    if kind == "link":
        marker.symlink_to(photo)
    elif kind == "hard link":
        marker.hardlink_to(photo)
    elif kind == "folder":
        marker.mkdir()
    else:
        marker.write_bytes(b"something else")

    with pytest.raises(ConfigError), open_folder(out, NO_MEDIA):
        pass

    assert photo.read_bytes() == b"a photo"


def test_interrupted_file_leaves_the_older_one_and_no_half(tmp_path: Path) -> None:
    def interrupted(folder: ExportFolder) -> None:
        with folder.written(("all.csv",)) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with open_folder(tmp_path, NO_MEDIA) as folder:
        with folder.written(("all.csv",)) as file:
            file.write(b"whole")
        with pytest.raises(KeyboardInterrupt):
            interrupted(folder)

    assert files(tmp_path) == {"all.csv": b"whole"}


def test_what_a_killed_export_left_is_swept(tmp_path: Path) -> None:
    put(tmp_path, b"one")
    (tmp_path / (PART + "0123")).write_bytes(b"half")
    with (tmp_path / MARKER).open("ab") as marker:
        marker.write(b"0123 half a li")

    put(tmp_path, b"two")
    put(tmp_path, b"three")

    assert files(tmp_path) == {"photos/Trips/a.jpg.xmp": b"three"}


def test_one_export_at_a_time(tmp_path: Path) -> None:
    with (
        open_folder(tmp_path, NO_MEDIA),
        pytest.raises(AlreadyRunning, match="another export"),
        open_folder(tmp_path, NO_MEDIA),
    ):
        pass


def test_folder_finds_out_what_names_it_takes(tmp_path: Path) -> None:
    with open_folder(tmp_path, NO_MEDIA) as folder:
        assert folder.manners.most_bytes == 255
        put_there = folder.manners.takes_any_bytes and folder.put(("\udcff\n?.txt",), b"x")

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {MARKER} | ({"\udcff\n?.txt"} if put_there else set())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "nas" / "photos"
    (root / "Trips").mkdir(parents=True)
    return root


@pytest.mark.parametrize("to", ["", "new", "Trips", "Trips/a/b/c", "Trips/../x"])
def test_place_inside_a_library_is_refused(library: Path, tmp_path: Path, to: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(library)

    for place in (library / to, link / to):
        with pytest.raises(ConfigError, match="lies in the library"):
            checked_place(place, [library], [], [])
    with pytest.raises(ConfigError, match="lies in the library"):
        checked_place(library.resolve() / to, [link], [], [])


@pytest.mark.parametrize("to", ["", "nas", "nas/photos/..", "nas/photos/../../nas"])
def test_place_around_a_library_is_refused(library: Path, tmp_path: Path, to: str) -> None:
    with pytest.raises(ConfigError, match="holds the library"):
        checked_place(tmp_path / to, [library], [], [])


def test_place_beside_a_library_is_taken(library: Path, tmp_path: Path) -> None:
    for to in ("out", "nas/photos-2", "nas/photosx/deep"):
        place, media = checked_place(tmp_path / to, [library], [], [])
        assert place == (tmp_path / to).resolve()
        there = library.stat()
        assert media == {(there.st_dev, there.st_ino)}


def test_folder_that_a_library_reaches_by_a_link_is_a_library(
    library: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (library / "away").symlink_to(away)

    with pytest.raises(ConfigError, match="a folder of a library"):
        checked_place(away / "out", [library], [library / "away"], [])


def test_library_that_is_not_mounted_is_still_a_library(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lies in the library"):
        checked_place(tmp_path / "gone" / "out", [tmp_path / "gone"], [], [])


def test_loop_of_links_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    def export_there() -> None:
        place, _ = checked_place(tmp_path / "loop" / "x", [], [], [])
        with open_folder(place, NO_MEDIA):
            pass

    with pytest.raises(ConfigError):
        export_there()
