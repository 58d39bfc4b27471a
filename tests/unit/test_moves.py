import pytest

from mediaindex.sources.moves import Trace, match

ROUND, FINE = 1_700_000_000_000_000_000, 1_700_000_000_123_456_789


def trace(id_: int, path: str, mtime_ns: int = ROUND, size_bytes: int = 9) -> Trace:
    folder, _, name = path.rpartition("/")
    return Trace(id_, folder, name, size_bytes, mtime_ns)


def test_file_of_the_same_name_has_moved() -> None:
    assert match([trace(1, "x/a.jpg")], [trace(2, "y/z/a.jpg")]) == {1: 2}


@pytest.mark.parametrize(
    "other",
    [trace(2, "y/a.jpg", mtime_ns=ROUND + 1), trace(2, "y/a.jpg", size_bytes=10)],
    ids=["time", "size"],
)
def test_file_of_another_size_or_time_is_another(other: Trace) -> None:
    assert match([trace(1, "x/a.jpg")], [other]) == {}


@pytest.mark.parametrize(("mtime_ns", "is_same"), [(FINE, True), (ROUND, False)])
def test_renamed_file_is_known_by_a_fine_time_alone(mtime_ns: int, is_same: bool) -> None:
    found = match([trace(1, "a.jpg", mtime_ns)], [trace(2, "b.jpg", mtime_ns)])

    assert found == ({1: 2} if is_same else {})


def test_fine_time_that_several_share_tells_nothing() -> None:
    gone = [trace(1, "a.jpg", FINE), trace(2, "b.jpg", FINE)]

    assert match(gone, [trace(3, "c.jpg", FINE)]) == {}
    assert match(gone[:1], [trace(3, "c.jpg", FINE), trace(4, "d.jpg", FINE)]) == {}


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    gone = [trace(1, "2020/rome/a.jpg"), trace(2, "2020/oslo/a.jpg")]
    fresh = [trace(3, "2021/oslo/a.jpg"), trace(4, "2021/rome/a.jpg")]

    assert match(gone, fresh) == {1: 4, 2: 3}


def test_files_that_nothing_tells_apart_are_not_matched() -> None:
    gone = [trace(1, "one/a.jpg"), trace(2, "two/a.jpg")]

    assert match(gone, [trace(3, "three/a.jpg")]) == {}
    assert match(gone, [trace(3, "three/a.jpg"), trace(4, "four/a.jpg")]) == {}


def test_empty_files_are_all_the_same_and_none_has_moved() -> None:
    assert match([trace(1, "x/a.jpg", FINE, 0)], [trace(2, "y/a.jpg", FINE, 0)]) == {}


def test_thousands_of_files_of_one_name_do_not_take_for_ever() -> None:
    gone = [trace(number, f"{number}/a.jpg") for number in range(20_000)]
    fresh = [trace(100_000 + number, f"new/{number}/a.jpg") for number in range(20_000)]

    assert match(gone, fresh) == {}
