"""The bar is tried in a made space: words and pictures in two cones, as real models have them."""

import numpy as np
import pytest

from mediaindex.search.chance import (
    NONSENSE,
    ORDINARY,
    PROMPTS,
    better_than_chance,
    calibrate,
    telling,
)
from mediaindex.types import Keys, Vectors

DIM, CONCEPTS = 256, 300
SEED = 7
CHANCE = np.random.default_rng(SEED)


def noise(*shape: int) -> Vectors:
    return unit(CHANCE.standard_normal(shape).astype(np.float32))


def unit(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


PICTURE_CONE, TEXT_CONE = noise(DIM), noise(DIM)
MEANINGS = noise(CONCEPTS, DIM)


@pytest.fixture(autouse=True)
def same_draws_in_any_order() -> None:
    """Start each test's own draws anew: the tests run in another order each time."""
    CHANCE.bit_generator.state = np.random.default_rng(SEED + 1).bit_generator.state


def pictures_of(concepts: Keys) -> Vectors:
    seen = MEANINGS[concepts]
    return unit(0.75 * PICTURE_CONE + 0.55 * seen + 0.5 * noise(len(seen), DIM))


def words_for(concepts: Keys) -> Vectors:
    meant = MEANINGS[concepts]
    cones = 0.75 * TEXT_CONE + 0.15 * PICTURE_CONE
    return unit(cones + 0.45 * meant + 0.35 * noise(len(meant), DIM))


def background() -> Vectors:
    asked = words_for(CHANCE.integers(0, CONCEPTS, len(ORDINARY)))
    empty = unit(0.8 * TEXT_CONE + 0.15 * PICTURE_CONE + 0.5 * noise(len(NONSENSE), DIM))
    return np.concatenate([asked, empty])


# The last library has an answer to most of the background's own questions.
@pytest.mark.parametrize(("size", "known"), [(300, 60), (1_000, 60), (20_000, 60), (20_000, 270)])
def test_bar_tells_questions_with_an_answer_from_those_without(size: int, known: int) -> None:
    here, elsewhere = np.arange(known), np.arange(known, CONCEPTS)
    library = pictures_of(CHANCE.choice(here, size))
    calibration = calibrate(background(), library[:5000], size)

    def answered(concepts: Keys) -> float:
        questions = words_for(CHANCE.choice(concepts, 100))
        best = library[(questions @ library.T).argmax(axis=1)]
        told = [
            better_than_chance(calibration, question, best[row : row + 1])[0]
            for row, question in enumerate(questions)
        ]
        return float(np.mean(told))

    assert answered(here) >= 0.9
    assert answered(elsewhere) <= 0.2


# Of a small library what one caption is usually asked tells; of a large one only what chance does.
@pytest.mark.parametrize(("size", "known"), [(300, 60), (1_000, 60), (20_000, 60), (20_000, 270)])
def test_bar_tells_captions_that_answer_from_those_near_to_any_question(
    size: int, known: int
) -> None:
    here, elsewhere = np.arange(known), np.arange(known, CONCEPTS)
    shown, beside = CHANCE.choice(here, size), CHANCE.integers(0, CONCEPTS, size)
    captions = unit(words_for(shown) + 0.2 * MEANINGS[beside])
    calibration = calibrate(background(), captions[:5000], size)

    def answered(concepts: Keys) -> tuple[float, float]:
        questions = words_for(CHANCE.choice(concepts, 1_000))
        best = captions[(questions @ captions.T).argmax(axis=1)]
        scores = np.einsum("ij,ij->i", questions, best)
        judged = [
            better_than_chance(calibration, question, best[row : row + 1])[0]
            for row, question in enumerate(questions)
        ]
        return float(np.mean(judged)), float(np.mean(telling(calibration, best, scores)))

    assert answered(here)[0] >= 0.9
    judged, telling_alone = answered(elsewhere)
    assert judged <= 0.5
    assert judged < telling_alone / 2


def test_picture_that_is_near_to_every_question_is_no_answer() -> None:
    library = pictures_of(CHANCE.choice(60, 1_000))
    calibration = calibrate(background(), library, 1_000)
    question = words_for(np.array([7]))[0]
    answer = pictures_of(np.array([7]))[0]
    hub = unit(background()[: len(ORDINARY)].mean(axis=0))

    assert hub @ question > answer @ question
    assert better_than_chance(calibration, question, np.stack([hub, answer])) == [False, True]


def test_of_a_small_library_nothing_is_said() -> None:
    library = pictures_of(np.arange(20))
    calibration = calibrate(background(), library, 20)

    assert all(better_than_chance(calibration, words_for(np.array([250]))[0], library))


def test_library_of_one_picture_many_times_is_survived() -> None:
    same = np.repeat(pictures_of(np.arange(1)), 100, axis=0)
    calibration = calibrate(background(), same, 100)

    assert np.isfinite(calibration.bar)
    assert len(better_than_chance(calibration, words_for(np.arange(1))[0], same[:3])) == 3


def test_text_is_about_a_question_if_it_is_nearer_to_it_than_to_others() -> None:
    calibration = calibrate(background(), pictures_of(np.arange(60)), 60)
    texts = words_for(np.arange(3))
    question = unit(texts[1] + 0.1 * noise(DIM))

    assert telling(calibration, texts, texts @ question) == [False, True, False]


def test_prompts_are_many_and_each_stands_once() -> None:
    assert len(set(PROMPTS)) == len(PROMPTS) >= 120
