"""The bar is tried in a made space: words and pictures in two cones, as real models have them."""

import numpy as np
import pytest

from mediaindex.search.chance import NONSENSE, ORDINARY, PROMPTS, calibrate, cutoff, telling
from mediaindex.types import Keys, Vectors

DIM, CONCEPTS = 256, 300
CHANCE = np.random.default_rng(7)


def noise(*shape: int) -> Vectors:
    return unit(CHANCE.standard_normal(shape).astype(np.float32))


def unit(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


PICTURE_CONE, TEXT_CONE = noise(DIM), noise(DIM)
MEANINGS = noise(CONCEPTS, DIM)


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


@pytest.mark.parametrize("size", [1_000, 20_000])
def test_bar_tells_questions_with_an_answer_from_those_without(size: int) -> None:
    here, elsewhere = np.arange(60), np.arange(60, CONCEPTS)
    library = pictures_of(CHANCE.choice(here, size))
    calibration = calibrate(background(), library[:5000], size)

    def best_is_told(concepts: Keys) -> float:
        questions = words_for(CHANCE.choice(concepts, 100))
        best = (questions @ library.T).max(axis=1)
        bars = [cutoff(calibration, question) or 0.0 for question in questions]
        return float(np.mean(best >= np.array(bars)))

    assert best_is_told(here) >= 0.9
    assert best_is_told(elsewhere) <= 0.2


def test_of_a_small_library_nothing_is_said() -> None:
    calibration = calibrate(background(), pictures_of(np.arange(20)), 20)

    assert cutoff(calibration, words_for(np.arange(1))[0]) is None


def test_library_of_one_picture_many_times_is_survived() -> None:
    same = np.repeat(pictures_of(np.arange(1)), 100, axis=0)
    bar = cutoff(calibrate(background(), same, 100), words_for(np.arange(1))[0])

    assert bar is not None
    assert np.isfinite(bar)


def test_text_is_about_a_question_if_it_is_nearer_to_it_than_to_others() -> None:
    calibration = calibrate(background(), pictures_of(np.arange(60)), 60)
    texts = words_for(np.arange(3))
    question = unit(texts[1] + 0.1 * noise(DIM))

    assert telling(calibration, texts, texts @ question) == [False, True, False]


def test_prompts_are_many_and_each_stands_once() -> None:
    assert len(set(PROMPTS)) == len(PROMPTS) >= 120
