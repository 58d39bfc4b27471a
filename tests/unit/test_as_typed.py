"""Words of a command line, from which the shell took the quotes."""

import pytest

from mediaindex.cli.filters import as_typed
from mediaindex.cli.hits import _reason
from mediaindex.search.hits import Reason


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("album:Summer 2019",), 'album:"Summer 2019"'),
        (("dog", "Person:Anna Müller", "beach"), 'dog person:"Anna Müller" beach'),
        (("in:Summer trip", "after:2019"), 'in:"Summer trip" after:2019'),
        (("date:July 2019",), 'date:"July 2019"'),
        (("near:Lisbon, 50km",), 'near:"Lisbon, 50km"'),
        # What says no more than it says stays as it was written.
        (("album:Summer", "2019"), "album:Summer 2019"),
        (('album:"Summer 2019" dog',), 'album:"Summer 2019" dog'),
        (("album:„Summer 2019“ dog",), "album:„Summer 2019“ dog"),
        (("album:Summer person:anna",), "album:Summer person:anna"),
        (("after:2019 dog on a beach",), "after:2019 dog on a beach"),
        (("kind:photo of a dog",), "kind:photo of a dog"),
        (("note: hello you", "12:30 at night"), "note: hello you 12:30 at night"),
        (("album: Summer 2019",), "album: Summer 2019"),
    ],
)
def test_quotes_that_the_shell_took_are_put_back(words: tuple[str, ...], typed: str) -> None:
    assert as_typed(words) == typed


def test_what_was_found_over_two_facts_is_shown_with_both_its_marks() -> None:
    passage = "a person's\n«Lisbon\nPortugal» and more\nnothing of it\n«Lisbon»"
    reason = Reason("words", 1, source="person", passage=passage)

    assert _reason(reason).endswith("«Lisbon Portugal» and more «Lisbon»")
