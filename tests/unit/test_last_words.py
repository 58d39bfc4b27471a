"""What of a program's complaints becomes the reason."""

import pytest

from mediaindex.media.ffmpeg import last_words


@pytest.mark.parametrize(
    ("complaints", "reason"),
    [
        ([], ""),
        (["Invalid data found when processing input"], "Invalid data found when processing input"),
        (["no decoder for av2", "Conversion failed!"], "no decoder for av2"),
        (["one", "two", "Error while decoding stream #0:0: Invalid data found"], "two"),
        (["moov atom not found", "Invalid data found when processing input"], "still being copied"),
        (["Cannot allocate memory", "stream 3 is odd"], "more memory"),
    ],
)
def test_last_telling_complaint_is_the_reason(complaints: list[str], reason: str) -> None:
    assert reason in last_words(complaints)
