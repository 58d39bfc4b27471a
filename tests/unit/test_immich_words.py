"""Which of a model's words go into Immich: bounded, in one form, and the same for the same."""

from collections.abc import Sequence
from datetime import timedelta

from mediaindex.immich.words import (
    MOST_LETTERS,
    MOST_LINES,
    MOST_OF_TAG,
    MOST_TAGS,
    Wish,
    clock,
    wish,
)
from mediaindex.marked import block, with_block
from mediaindex.store.immich_written import Spoken
from mediaindex.types import Caption, Said
from tests.conftest import NOW, ORIGIN

ALL = ("description", "tags", "record")


def said(text: str, *tags: str, seen: str = "") -> Said:
    return Said(Caption(text, tags, seen), ORIGIN, NOW)


def photo(caption: Said) -> Spoken:
    return Spoken("photo", None, ((0, caption),))


def video(summary: Said | None, moments: Sequence[tuple[int, Said]]) -> Spoken:
    return Spoken("video", summary, tuple(moments))


def wished(spoken: Spoken, wanted: Sequence[str] = ALL) -> Wish:
    found = wish(spoken, wanted)
    assert found is not None
    return found


def test_of_a_photo_the_description() -> None:
    assert wished(photo(said("A dog\n runs."))).words == "A dog runs."


def test_of_a_video_the_summary_and_its_moments() -> None:
    spoken = video(
        said("A party."), [(0, said("A cake.")), (42_900, said("A child blows out candles."))]
    )

    assert wished(spoken).words == "A party.\n0:00 A cake.\n0:42 A child blows out candles."


def test_of_a_video_without_a_summary_its_moments() -> None:
    spoken = video(None, [(0, said("A cake.")), (3_723_000, said("Bed time."))])

    assert wished(spoken).words == "0:00 A cake.\n1:02:03 Bed time."


def test_a_long_film_is_told_in_few_lines_from_its_begin_to_its_end() -> None:
    spoken = video(said("A film."), [(n * 1000, said(f"Scene {n}.")) for n in range(900)])

    lines = (wished(spoken).words or "").splitlines()

    assert len(lines) == 1 + MOST_LINES
    assert (lines[1], lines[-1]) == ("0:00 Scene 0.", "14:59 Scene 899.")


def test_whatever_is_said_it_is_bounded() -> None:
    endless = said("word " * 5_000, *(f"tag {n} " + "x" * 300 for n in range(90)))
    for spoken in (photo(endless), video(endless, [(n, endless) for n in range(90)])):
        found = wished(spoken)

        assert len(found.words or "") <= MOST_LETTERS
        assert len(found.tags) == MOST_TAGS
        assert all(len(tag) <= len("mediaindex/") + MOST_OF_TAG for tag in found.tags)


def test_tags_are_one_part_of_a_path_and_each_stands_once() -> None:
    spoken = photo(said("x", "dog/puppy", " Dog ", "dog", "a|b", "", "/", "#sea", "two\nlines"))

    assert wished(spoken).tags == tuple(
        f"mediaindex/{tag}" for tag in ("dog-puppy", "Dog", "a-b", "sea", "two lines")
    )


def test_of_a_video_the_tags_of_most_moments_come_first() -> None:
    spoken = video(None, [(0, said("a", "cake", "dog")), (1, said("b", "dog")), (2, said("c"))])

    assert wished(spoken).tags == ("mediaindex/dog", "mediaindex/cake")


def test_only_what_is_wanted() -> None:
    spoken = photo(said("A dog.", "dog"))

    found = [wished(spoken, [one]) for one in ALL]

    assert [bool(one.words) for one in found] == [True, False, False]
    assert [bool(one.tags) for one in found] == [False, True, False]
    assert [one.record is not None for one in found] == [False, False, True]
    assert len({one.digest for one in found}) == len(ALL)


def test_the_record_says_how_the_words_came_about() -> None:
    spoken = video(said("A party.", "cake"), [(7, said("A cake.", "candle", seen="HAPPY"))])

    record = wished(spoken).record

    assert record is not None
    assert record.pop("mediaindex")
    assert record == {
        "caption": "A party.",
        "tags": ["cake", "candle"],
        "model": ORIGIN.model,
        "digest": ORIGIN.digest,
        "prompt_version": ORIGIN.prompt_version,
        "made_at": NOW.isoformat(),
        "moments": [{"at_ms": 7, "caption": "A cake."}],
    }


def test_the_digest_is_of_what_is_said_and_of_nothing_else() -> None:
    first, same = wished(photo(said("A dog."))), wished(photo(said("A dog.")))
    later = Said(Caption("A dog."), ORIGIN, NOW + timedelta(days=1))

    assert first.digest == same.digest
    assert first.digest != wished(photo(said("A cat."))).digest
    assert first.digest != wished(photo(later)).digest  # its record says when
    assert (
        wished(photo(later), ["description"]).digest
        == wished(photo(said("A dog.")), ["description"]).digest
    )


def test_where_nothing_is_said_nothing_is_wished() -> None:
    assert wish(photo(said("x")), ()) is not None
    assert wish(Spoken("photo", None, ()), ALL) is None


def test_words_with_our_marks_in_them_stay_in_one_block() -> None:
    words = wished(photo(said("A sign: [/mediaindex] [mediaindex]."))).words or ""

    assert block(with_block("Anna", words)) == "A sign: (/mediaindex) (mediaindex)."


def test_the_clock() -> None:
    assert [clock(ms) for ms in (0, 59_999, 60_000, 3_600_000)] == [
        "0:00",
        "0:59",
        "1:00",
        "1:00:00",
    ]
