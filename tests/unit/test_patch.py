import errno
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.vectors.patch import put_records


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 1000))))
def test_it_is_what_assigning_would_be(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("patch") / "records"
    np.arange(10, dtype=np.int64).tofile(path)
    expected = np.zeros(50, dtype=np.int64)
    expected[:10] = np.arange(10)
    for place, value in written:
        expected[place] = value

    places = np.array([place for place, _ in written], dtype=np.int64)
    put_records(path, places, np.array([value for _, value in written], dtype=np.int64))

    found = np.fromfile(path, dtype=np.int64)
    assert len(found) == max([10, *(place + 1 for place, _ in written)])
    assert found.tolist() == expected[: len(found)].tolist()


def test_a_file_that_is_lost_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put_records(tmp_path / "gone", np.array([1]), np.array([1]))


def test_without_room_it_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            put_records(path, np.array([1000]), np.array([1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.errno == errno.EFBIG
