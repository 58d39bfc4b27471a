"""Which names a name that is asked for means."""

import pytest

from mediaindex.store.named import says


@pytest.mark.parametrize(
    ("text", "name", "means"),
    [
        ("Anna Müller", "anna", True),
        ("Anna Müller", "MULLER", True),
        ("Hanna", "anna", False),
        ("Hanna", "*anna", True),
        ("Annabel", "anna", False),
        ("Annabel", "anna*", True),
        ("Hannabel", "anna*", False),
        ("Hannabel and Anna", "anna*", True),
        ("travel/lisbon", "travel", True),
        ("travel/lisbon", "t*n", True),
        ("travel/lisbon", "t*/l*bo", False),
        ("summer_2019", "2019", True),
        ("aba", "ab*ba", False),  # no letter counts twice
        ("ab ba", "ab*ba", True),
        ("whatever", "*", True),
    ],
)
def test_name_means_whole_words_and_star_anything(text: str, name: str, means: bool) -> None:
    assert says(text, name) is means


@pytest.mark.parametrize("name", ["*" * 1000 + "q", "a*" * 500 + "q", "t" + "*i" * 30 + "*q"])
def test_name_of_many_stars_is_no_work(name: str) -> None:
    """With one regular expression for it a single name would take hours."""
    texts = ["Trip " + "in a taxi " * 100, "Lisbon", "a" * 1000]

    assert not any(says(text, name) for text in texts * 100)
