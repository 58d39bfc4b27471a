"""What is expected of each version of Immich."""

import pytest

from mediaindex.clients.immich_shapes import Version
from mediaindex.clients.immich_versions import abilities


@pytest.mark.parametrize(
    ("version", "writing"),
    [
        ((1, 129, 9), False),
        ((1, 130, 0), True),
        ((2, 7, 4), True),
        ((3, 2, 0), True),
        ((3, 2, 99), True),
        ((3, 3, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_only_versions_that_are_known_are_written_to(
    version: tuple[int, int, int], *, writing: bool
) -> None:
    assert abilities(Version(*version)).writing is writing


def test_abilities_come_with_the_versions() -> None:
    first = {
        "visibility": (1, 133, 0),
        "ocr": (2, 2, 0),
        "queues": (2, 4, 0),
        "records": (2, 5, 0),
        "whole_search": (3, 1, 0),
        "filter_tree": (3, 2, 0),
    }
    for name, (major, minor, patch) in first.items():
        assert getattr(abilities(Version(major, minor, patch)), name)
        assert not getattr(abilities(Version(major, minor - 1, 99)), name)


def test_version_is_written_as_people_write_it() -> None:
    assert str(Version(3, 1, 0)) == "3.1.0"
