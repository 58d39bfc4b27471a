from hypothesis import given
from hypothesis import strategies as st

from mediaindex.daemon.agenda import MOST, WHOLE, Agenda, Look


def test_nothing_is_due_before_its_time() -> None:
    agenda = Agenda()
    agenda.want("a", 10)

    assert agenda.take(9.9) is None
    assert agenda.next_at() == 10
    assert agenda.take(10) == Look("a", deep=False)
    assert agenda.take(10) is None
    assert agenda.next_at() is None


def test_what_is_wanted_twice_is_looked_at_once_at_the_earlier_time() -> None:
    agenda = Agenda()
    agenda.want("a", 10)
    agenda.want("a", 5)
    agenda.want("a", 20)

    assert agenda.take(5) == Look("a", deep=False)
    assert agenda.next_at() is None


def test_small_looks_come_before_long_ones() -> None:
    agenda = Agenda()
    agenda.want(WHOLE, 1, deep=True)
    agenda.want("new", 2)

    assert agenda.take(3) == Look("new", deep=False)
    assert agenda.take(3) == Look(WHOLE, deep=True)


def test_a_persons_word_goes_with_the_next_full_look_only() -> None:
    agenda = Agenda()
    agenda.want(WHOLE, 1, deep=True, confirmed=True)
    agenda.want("part", 0, deep=True)
    agenda.want("one", 0)

    assert agenda.take(1) == Look("one", deep=False)
    assert agenda.take(1) == Look("part", deep=True)
    assert agenda.take(1) == Look(WHOLE, deep=True, confirmed=True)
    agenda.want(WHOLE, 1, deep=True)
    assert agenda.take(1) == Look(WHOLE, deep=True)


def test_a_persons_word_is_forgotten_with_all_else() -> None:
    agenda = Agenda()
    agenda.want(WHOLE, 0, deep=True, confirmed=True)
    agenda.clear()
    agenda.want(WHOLE, 0, deep=True)

    assert agenda.take(0) == Look(WHOLE, deep=True)


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(0, 100), st.booleans())))
def test_all_that_was_wanted_is_looked_at(wanted: list[tuple[str, float, bool]]) -> None:
    agenda = Agenda()
    for folder, at, deep in wanted:
        agenda.want(folder, at, deep=deep)

    looks = []
    while look := agenda.take(100):
        looks.append((look.folder, look.deep))

    assert sorted(looks) == sorted({(folder, deep) for folder, _, deep in wanted})


def test_very_many_become_one_look_at_all() -> None:
    agenda = Agenda()
    for number in range(MOST + 1):
        agenda.want(str(number), number)

    assert agenda.take(0) == Look(WHOLE, deep=True)
    assert agenda.next_at() is None
