import pytest

from mediaindex.clients.immich_shapes import Asset, Named
from mediaindex.immich.facts import Facts, facts_of, read_facts, stored, words_of
from mediaindex.immich.privacy import Standing, reason
from mediaindex.immich.seen import Seen


def at(
    visibility: str = "timeline",
    *,
    trashed: bool = False,
    vanished: bool = False,
    shown: bool = False,
) -> Standing:
    return Standing(visibility, trashed, vanished, shown)


@pytest.mark.parametrize(
    ("standings", "why"),
    [
        ([], None),
        ([at()], None),
        ([at("archive")], "archived"),
        ([at("hidden")], "hidden"),
        ([at(trashed=True)], "trashed"),
        ([at("locked")], "locked"),
        ([at(vanished=True)], "locked"),
        ([at(trashed=True, vanished=True)], "trashed"),
        ([at(vanished=True, shown=True)], None),
        ([at("locked", shown=True)], None),
        ([at("archive", shown=True)], "archived"),
        ([at(), at("locked")], "locked"),
        ([at(), at(vanished=True)], "locked"),
        ([at(), at("archive"), at(trashed=True)], None),
        ([at("archive"), at("hidden")], "archived"),
        ([at("hidden"), at(trashed=True)], "hidden"),
        ([at("archive", trashed=True), at("hidden")], "hidden"),
    ],
)
def test_locked_in_any_wins_and_else_the_most_open(
    standings: list[Standing], why: str | None
) -> None:
    assert reason(standings) == why
    assert reason(reversed(standings)) == why


def told(**facts: object) -> Asset:
    made: dict[str, object] = {
        "id": "1",
        "owner_id": "anna",
        "library_id": None,
        "kind": "photo",
        "path": "/a.jpg",
        "checksum": "0" * 40,
        "size_bytes": 1,
        "visibility": "timeline",
        "is_trashed": False,
        "is_favourite": False,
        "updated_at": "2026-01-01T00:00:00.000Z",
    }
    return Asset(**{**made, **facts})  # type: ignore[arg-type] # of each test


def test_albums_tags_and_texts_stay_when_a_page_tells_of_the_rest() -> None:
    known = Facts(albums=("Summer",), tags=("sea",), seen="EXIT", description="old")

    facts = facts_of(told(description="new"), known)

    assert (facts.description, facts.albums, facts.tags) == ("new", ("Summer",), ("sea",))
    assert facts.seen == "EXIT"


def test_halves_of_characters_and_controls_are_kept_nowhere() -> None:
    people = (Named("1", "An\ud800na\n"), Named("2", "\x00"))

    facts = facts_of(told(description="a\ud800\x00b", people=people), Facts())

    assert facts.people == ("An na",)
    assert read_facts(stored(facts)) == facts
    assert [one.text for one in words_of([facts])] == ["a? b", "An na"]


def test_what_two_accounts_say_alike_counts_once() -> None:
    one, other = Facts(people=("Anna",), description="Boat"), Facts(people=("anna", "Bob"))

    words = words_of([one, other])

    assert sorted(word.text.casefold() for word in words) == ["anna", "boat", "bob"]


def test_rows_that_were_seen_are_known() -> None:
    seen = Seen()
    for number in (0, 7, 8, 1_000_000):
        seen.add(number)

    assert [
        number for number in (0, 1, 7, 8, 9, 999_999, 1_000_000, 2_000_000) if number in seen
    ] == [
        0,
        7,
        8,
        1_000_000,
    ]
    assert len(seen) == 4
