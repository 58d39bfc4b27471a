import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mediaindex.errors import QueryError
from mediaindex.search.operators import EXAMPLES, OPERATORS, combine, operator
from mediaindex.search.parse import MOST_SIGNS, parse
from mediaindex.search.query import Query, Term
from mediaindex.store.filters import Circle, Dates, Filter
from mediaindex.store.fulltext import LITTLE_WORDS
from mediaindex.types import Place
from tests.unit.test_where import LISBON, NEW_YORK, PARIS, PARIS_TEXAS, PLACES

TODAY = date(2026, 11, 21)


def find_place(name: str) -> Sequence[Place]:
    """Return the towns of a name, most people first, as the gazetteer does."""
    found = [place for place in PLACES if name.lower() in (place.name.lower(), "lisboa")]
    return sorted(found, key=lambda place: -place.population)


def asked(text: str, understand: bool = True) -> Query:
    return parse(text, TODAY, PLACES, understand=understand, find_place=find_place)


def years(first: int | None, end: int | None) -> Dates:
    return Dates(
        datetime(first, 1, 1) if first is not None else None,
        datetime(end, 1, 1) if end is not None else None,
    )


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("  ", Query()),
        ('"', Query()),
        ('""', Query()),
        ("dog on a beach", Query(terms=(Term("dog on a beach"),))),
        ('"happy birthday"', Query(phrases=("happy birthday",))),
        ("“happy birthday” cake", Query(terms=(Term("cake"),), phrases=("happy birthday",))),
        ("«joyeux noël»", Query(phrases=("joyeux noël",))),
        ('"unbalanced quote', Query(terms=(Term("unbalanced quote"),))),
        ("beach -people", Query(terms=(Term("beach"),), excluded=("people",))),
        ("beach \u2013people", Query(terms=(Term("beach"),), excluded=("people",))),
        ('-"two words" cat', Query(terms=(Term("cat"),), excluded=("two words",))),
        ("-“two words”", Query(excluded=("two words",))),
        ("t-shirt self-portrait", Query(terms=(Term("t-shirt self-portrait"),))),
        ("black - white", Query(terms=(Term("black - white"),))),
        ("2:beach", Query(terms=(Term("beach", 2.0),))),
        (".5:beach", Query(terms=(Term("beach", 0.5),))),
        ('sea 0.5:"red flower"', Query(terms=(Term("sea"), Term("red flower", 0.5)))),
        ("sea -0.5:boat", Query(terms=(Term("sea"), Term("boat", -0.5)))),
        ("dog -cat on a 2:red box", Query((Term("dog on a box"), Term("red", 2)), (), ("cat",))),
        ("note: hello", Query(terms=(Term("note: hello"),))),
        ("at 12:30", Query(terms=(Term("at 12:30"),))),
        ("16:9", Query(terms=(Term("16:9"),))),
        ("https://example.org/in:x", Query(terms=(Term("https://example.org/in:x"),))),
        ("C:\\Users", Query(terms=(Term("C:\\Users"),))),
        ('foo:"bar baz"', Query(terms=(Term("foo:bar baz"),))),
        ("cafe\u0301", Query(terms=(Term("café"),))),
        ('1:"July 2019"', Query(terms=(Term("July 2019"),))),
        ('"in Lisbon" "2019"', Query(phrases=("in Lisbon", "2019"))),
        ("-2019", Query(excluded=("2019",))),
    ],
)  # fmt: skip
def test_words_phrases_exclusions_and_weights_are_told_apart(text: str, query: Query) -> None:
    assert asked(text) == query


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("after:2019", Filter(dates=(years(2019, None),))),
        ("before:2019", Filter(dates=(years(None, 2019),))),
        ("after:2015 before:2018", Filter(dates=(years(2015, None), years(None, 2018)))),
        ("date:2019", Filter(dates=(years(2019, 2020),))),
        ("on:2019-07-04", Filter(dates=(Dates(datetime(2019, 7, 4), datetime(2019, 7, 5)),))),
        ("after:yesterday", Filter(dates=(Dates(start=datetime(2026, 11, 20)),))),
        ('after:"last week"', Filter(dates=(Dates(start=datetime(2026, 11, 9)),))),
        ("AFTER\uff1a2019", Filter(dates=(years(2019, None),))),
        ("kind:photo", Filter(kinds=("photo",))),
        ("Kind:Videos", Filter(kinds=("video",))),
        ("in:Trips", Filter(folders=("Trips",))),
        ("in:/Trips/Lisbon", Filter(folders=("/Trips/Lisbon",))),
        ('in:"Summer trip"', Filter(folders=("Summer trip",))),
        ("in:a in:b", Filter(folders=("a", "b"))),
        ('camera:"Canon EOS"', Filter(cameras=("Canon EOS",))),
        ("library:home", Filter(libraries=("home",))),
        ("rating:3", Filter(rating=3)),
        ("rating:>=3", Filter(rating=3)),
        ("rating:>3", Filter(rating=4)),
        ("rating:2 rating:4", Filter(rating=4)),
        ("person:Anna person:Ben", Filter(people=("Anna", "Ben"))),
        ('album:"Summer 2019"', Filter(albums=("Summer 2019",))),
        ("tag:travel/lisbon", Filter(tags=("travel/lisbon",))),
        ("is:favourite", Filter(is_favourite=True)),
        ("is:Favorite is:archived", Filter(is_favourite=True, withheld=("archived",))),
        ("is:trashed", Filter(withheld=("trashed",))),
        ("near:Lisbon", Filter(near=(Circle(38.72, -9.13, 25),))),
        ("near:Lisbon,50km", Filter(near=(Circle(38.72, -9.13, 50),))),
        ('near:"new york city, 500 m"', Filter(near=(Circle(40.71, -74.0, 0.5),))),
        ("near:Paris,Texas", Filter(near=(Circle(33.66, -95.55, 25),))),
        ("near:Paris", Filter(near=(Circle(48.85, 2.35, 25),))),
        ("near:38.7,-9.1,10km", Filter(near=(Circle(38.7, -9.1, 10),))),
        ("near:38.7,-9.1", Filter(near=(Circle(38.7, -9.1, 25),))),
    ],
)
def test_operators_become_filters(text: str, wanted: Filter) -> None:
    query = asked(f"red {text} flower")

    assert query.filter == wanted
    assert query.terms == (Term("red flower"),)


def test_near_a_name_says_which_place_was_taken() -> None:
    (note,) = asked("near:Paris").notes

    assert note.text == "near:Paris: within 25 km of Paris, France"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("after:", "after: needs its value right after the colon, as in after:2019"),
        ("after: 2019", "after: needs its value"),
        ('in:""', "in: needs its value"),
        ("after:someday", "after:someday: is no date; write 2019"),
        ("date:2019-13", "date:2019-13: is no date"),
        ("kind:cat", "kind:cat: it is photo or video"),
        ("rating:9", "rating:9: it is 0 to 5"),
        ("rating:>5", "it is 0 to 5"),
        ("rating:<3", "it is 0 to 5"),
        ("near:Nowhere", "near:Nowhere: no such place"),
        ("near:Paris,Spain", "no such place"),
        ("near:,5km", "no such place"),
        ("near:91,0", "latitude is within 90"),
        ("near:Lisbon,0km", "a distance is above 0"),
        ("near:Lisbon,99999km", "at most 20038 km"),
        ("-kind:video", "-kind: cannot be turned round"),
        ("0:beach", "0: is no weight"),
        ("101:beach", "101: is no weight"),
        ("-person:anna", "-person: cannot be turned round"),
        ("person:", "person: needs its value right after the colon, as in person:Anna"),
        ("is:locked", "is:locked: it is favourite, archived or trashed; what is locked"),
        ("is:hidden", "is:hidden: it is favourite"),
    ],
)
def test_what_cannot_be_understood_is_said(text: str, said: str) -> None:
    with pytest.raises(QueryError, match=re.escape(said)):
        asked(text)


@pytest.mark.parametrize(
    ("stray", "said"),
    [
        ("caf\udce9", "is not valid UTF-8"),
        ("\ud800", "is not valid UTF-8"),
        ("sea\0side", "the character NUL"),
    ],
)
def test_what_is_no_text_is_refused(stray: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        asked(stray)
    with pytest.raises(QueryError, match=said):
        parse("red", TODAY, PLACES, operators=[("camera", stray)])


def test_slip_of_the_pen_in_an_operator_is_pointed_out_and_searched_as_words() -> None:
    query = asked("kin:photo")

    assert query.text == "kin:photo"
    assert query.notes[0].text == "kin:photo: taken as words; did you mean kind:"


@pytest.mark.parametrize(
    ("text", "left", "taken"),
    [
        ("beach July 2023", "beach", ["July 2023"]),
        ("beach in July 2023 with a dog", "beach with a dog", ["in July 2023"]),
        ("photos taken in the summer of 2019", "", ["taken in the summer of 2019"]),
        ("christmas 2019", "christmas", ["2019"]),
        ("im Juli 2019 am Strand", "am Strand", ["im Juli 2019"]),
        ("beach in Lisbon, July 2023", "beach", ["July 2023", "in Lisbon"]),
        ("snow in Paris in January", "snow", ["in January", "in Paris"]),
        ("last year at Lisbon", "", ["last year", "at Lisbon"]),
        ("dog near the beach", "dog near the beach", []),
        ("nice bath at dawn", "nice bath at dawn", []),
    ],
)
def test_dates_and_known_places_leave_the_words_and_are_told(
    text: str, left: str, taken: list[str]
) -> None:
    query = asked(text)

    assert query.text == left
    assert [note.source for note in query.notes] == taken


def test_understanding_adds_to_what_operators_ask() -> None:
    query = asked("party in Paris 2019 kind:photo after:2019-06")

    assert query.filter == Filter(
        kinds=("photo",),
        dates=(Dates(start=datetime(2019, 6, 1)), years(2019, 2020)),
        places=(PARIS.id, PARIS_TEXAS.id),
    )
    assert [note.text for note in query.notes] == [
        "2019: only pictures taken from 2019-01-01 to 2019-12-31 (--literal: as words)",
        "in Paris: only pictures taken in Paris, France; Paris, Texas, United States"
        " (--literal: as words)",
    ]


def test_month_of_any_year_is_a_filter() -> None:
    assert asked("snow in January").filter == Filter(months=(1,))


def test_understanding_can_be_switched_off() -> None:
    query = asked("beach in Lisbon 2019 kind:photo", understand=False)

    assert query == Query(terms=(Term("beach in Lisbon 2019"),), filter=Filter(kinds=("photo",)))


def test_place_the_library_does_not_have_stays_words() -> None:
    assert parse("beach in Lisbon", TODAY, (NEW_YORK,)).text == "beach in Lisbon"
    assert parse("beach in Lisbon", TODAY, (LISBON,)).text == "beach"


def test_text_is_what_is_sought_and_nothing_else() -> None:
    query = asked('2:sea "red boat" -people -0.5:sand')

    assert query.text == "sea red boat"
    assert not query.is_empty


@pytest.mark.parametrize("text", ["cat", '"cat"', "-cat", "kind:photo", "2019"])
def test_query_that_asks_anything_is_not_empty(text: str) -> None:
    assert not asked(text).is_empty


@pytest.mark.parametrize("name", OPERATORS)
def test_example_of_each_operator_holds(name: str) -> None:
    assert not asked(EXAMPLES[name]).filter.is_empty


@pytest.mark.parametrize(("name", "value"), [("colour", "red"), ("kind", " ")])
def test_operator_from_a_flag_is_checked_as_one_in_the_words(name: str, value: str) -> None:
    with pytest.raises(QueryError, match=f"{name}:"):
        operator(name, value, TODAY)


def test_combined_filters_ask_for_both() -> None:
    first = Filter(kinds=("photo",), rating=3, said=("a",), places=(1,))
    second = Filter(folders=("a",), rating=2, months=(5,), said=("b",))

    both = combine(first, second)

    assert both == Filter(
        kinds=("photo",), folders=("a",), rating=3, said=("a", "b"), places=(1,), months=(5,)
    )
    assert combine(Filter(), first) == first


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            *EXAMPLES.values(), "after:", "kin:", "-", "--", '"', "2:", "-2:", ":", "in Lisbon",
            "in the USA, Texas", "July 2019", "2019-2015", "near:,", "rating:", "-in:x",
            "é", "İ 2019",
        ]
    ),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=6).map(" ".join))
@example('-"')
@example('2:"')
@example("near:0,0,1km")
def test_any_text_is_understood_or_refused_for_people(text: str) -> None:
    with suppress(QueryError):
        assert all(term.text.strip() and term.weight for term in asked(text).terms)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text("abcxyzé", min_size=3, max_size=9),
            st.sampled_from(["2019", "in", "Lisbon", "July", "at", "Paris", "from", "the", "or"]),
            st.text("abc", min_size=3, max_size=5).map("-{}".format),
            st.text("abc", min_size=3, max_size=5).map("2:{}".format),
            st.text("abc", min_size=3, max_size=5).map('"{} d"'.format),
        ),
        max_size=8,
    )
)
def test_every_word_is_sought_excluded_or_told(words: list[str]) -> None:
    query = asked(" ".join(words))

    told = [note.source for note in query.notes]
    kept = re.findall(r"\w+", " ".join([query.text, *query.excluded, *told]))
    written = re.findall(r"\w+", " ".join(words).replace("2:", ""))
    # "the" alone between filters says nothing, and is let go.
    assert sorted(word for word in kept if word not in LITTLE_WORDS) == sorted(
        word for word in written if word not in LITTLE_WORDS
    )


@pytest.mark.parametrize("sign", ["-a{}", '"a {}"', "2:a{}", "-0.5:a{}", "in:a{}"])
def test_question_of_too_many_signs_is_refused(sign: str) -> None:
    signs = [sign.format(n) for n in range(MOST_SIGNS + 1)]
    asked(" ".join(signs[1:]) + " and as many plain words as you like" * 100)

    with pytest.raises(QueryError, match="too many words"):
        asked(" ".join(signs))
