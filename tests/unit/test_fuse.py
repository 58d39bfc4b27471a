import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaindex.search.fuse import Fused, K, Ranking, combine_terms, fuse
from mediaindex.types import Vectors

rankings = st.lists(
    st.builds(
        Ranking,
        st.sampled_from(["picture", "text", "words"]),
        st.floats(0.1, 10),
        st.lists(st.integers(0, 50), max_size=20).map(tuple),
    ),
    max_size=4,
)


def unit(*numbers: float) -> Vectors:
    vector = np.array(numbers, dtype=np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_first_in_every_ranking_scores_one() -> None:
    fused = fuse([Ranking("picture", 1.0, (7, 8)), Ranking("words", 2.0, (7, 9))])

    assert fused[0] == Fused(7, 1.0)


def test_scores_are_those_of_the_paper() -> None:
    fused = fuse([Ranking("picture", 1.0, (1, 2)), Ranking("words", 1.0, (2,))])

    assert [item.id for item in fused] == [2, 1]
    assert fused[0].score == pytest.approx((1 / (K + 2) + 1 / (K + 1)) / (2 / (K + 1)))
    assert fused[1].score == pytest.approx(0.5)


def test_two_middling_places_outweigh_one_first() -> None:
    fused = fuse([Ranking("picture", 1.0, (1, 2, 3)), Ranking("text", 1.0, (4, 5, 3))])

    assert fused[0].id == 3


def test_heavier_ranking_wins() -> None:
    fused = fuse([Ranking("picture", 1.0, (1, 2)), Ranking("words", 1.5, (2, 1))])

    assert [item.id for item in fused] == [2, 1]


def test_equals_come_by_id() -> None:
    fused = fuse([Ranking("picture", 1.0, (9,)), Ranking("text", 1.0, (3,))])

    assert [item.id for item in fused] == [3, 9]


@pytest.mark.parametrize(
    "given_rankings", [[], [Ranking("picture", 1.0, ())], [Ranking("picture", 0.0, (1, 2))]]
)
def test_nothing_in_nothing_out(given_rankings: list[Ranking]) -> None:
    assert fuse(given_rankings) == []


def test_id_that_stands_twice_in_a_ranking_counts_once() -> None:
    assert fuse([Ranking("text", 1.0, (1, 1, 2))]) == fuse([Ranking("text", 1.0, (1, 2))])


@settings(deadline=None)
@given(rankings)
def test_every_id_comes_once_best_first_between_none_and_one(some: list[Ranking]) -> None:
    fused = fuse(some)

    assert sorted(item.id for item in fused) == sorted({id_ for one in some for id_ in one.ids})
    assert fused == sorted(fused, key=lambda item: (-item.score, item.id))
    assert all(0 < item.score <= 1 + 1e-9 for item in fused)


def test_one_term_is_its_own_direction_whatever_its_weight() -> None:
    vector = unit(1, 2, 3)

    assert np.allclose(combine_terms(vector[None, :], [0.3]), vector, atol=1e-6)


def test_weights_pull_the_direction() -> None:
    vectors = np.stack([unit(1, 0), unit(0, 1)])

    combined = combine_terms(vectors, [3.0, 1.0])

    assert combined.dtype == np.float32
    assert np.allclose(combined, unit(3, 1), atol=1e-6)


def test_negative_weight_pushes_away() -> None:
    vectors = np.stack([unit(1, 0), unit(0.6, 0.8)])

    assert combine_terms(vectors, [1.0, -0.5]) @ vectors[1] < vectors[0] @ vectors[1]


def test_terms_that_cancel_out_look_nowhere() -> None:
    vectors = np.stack([unit(1, 0), unit(1, 0)])

    assert combine_terms(vectors, [1.0, -1.0]).tolist() == [0, 0]


def test_exclusion_ranks_what_looks_like_it_below_what_does_not_and_above_the_rest() -> None:
    # Axes: beach, people, neither. Words of one model all have much in common.
    beach, people = unit(1, 0, 1), unit(0, 1, 1)
    empty_beach, crowded_beach, office = unit(1, 0, 0.2), unit(1, 0.7, 0.2), unit(0, 1, 0.2)

    plain = combine_terms(beach[None, :], [1.0])
    without = combine_terms(beach[None, :], [1.0], people[None, :])

    assert without @ empty_beach > without @ crowded_beach > without @ office
    loss = (plain - without) @ crowded_beach - (plain - without) @ empty_beach
    assert loss > 0.1


def test_excluding_what_is_asked_for_changes_nothing() -> None:
    beach = unit(1, 2, 3)

    assert np.allclose(combine_terms(beach[None, :], [1.0], beach[None, :]), beach, atol=1e-5)


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-1, 1, width=32)] * 4), min_size=1, max_size=4),
    st.lists(st.tuples(*[st.floats(-1, 1, width=32)] * 4), max_size=3),
)
def test_combined_direction_is_of_unit_length_or_none(
    wanted: list[tuple[float, ...]], unwanted: list[tuple[float, ...]]
) -> None:
    rows = [np.array(row, dtype=np.float32) for row in (*wanted, *unwanted)]
    units = [unit(*row) if np.linalg.norm(row) > 1e-3 else unit(1, 0, 0, 0) for row in rows]
    vectors = np.stack(units).astype(np.float32)

    combined = combine_terms(
        vectors[: len(wanted)], [1.0] * len(wanted), vectors[len(wanted) :] if unwanted else None
    )

    length = float(np.linalg.norm(combined))
    assert length == pytest.approx(1, abs=1e-4) or length == 0
