"""What chance looks like in a library: from which likeness on a hit says anything.

A cosine means nothing by itself: models differ, questions differ, libraries differ, and some
pictures are near to any question whatever. The last is taken off first: likeness here is to the
question less the mean of ordinary questions, so a picture counts by how much nearer it is to this
question than to others (hubness; compare Bogolin et al., Cross Modal Retrieval with Querybank
Normalisation, CVPR 2022).

Then the library is asked questions that nobody asks: everyday things, and strings that mean
nothing. For each, how far the best picture stands out of all is measured, in standard deviations of
that question's own scores. What a question without an answer reaches that way is chance; a hit that
stands out no further is weak. A large library has an answer to most everyday questions, which would
raise the bar beyond any real answer: so the strings, which have none anywhere, put a lid on it.

Tried in made spaces with a gap between words and pictures as real models have
(tests/unit/test_chance.py); the numbers below are from there.
"""

import base64
from functools import lru_cache

import msgspec
import numpy as np

from mediaindex.types import Vectors

FEWEST_PICTURES = 30
"""In a smaller library nothing can be said, and nothing is marked."""

WITNESSES = 512
"""A standard deviation measured on so many is right to 3 % (1 / sqrt(2 n))."""

BELOW_ONE_DEVIATION = 15.866
"""Per cent of a normal distribution that lie more than one standard deviation below its middle."""

RARE_SHARE = 0.02
"""A text is about a question if it is nearer to it than to 98 of 100 ordinary ones."""

SPREADS = 2.5
"""How far above the median of all prompts a hit has to stand out, in spreads below that median."""

LID = 1.8
"""A question of words that has no answer hardly stands out further than so many times what a string
without meaning does. It stands out more than the string, as it has relatives in the library; how
much more differs between spaces, and 1.8 was the best of those tried over six made ones."""

ORDINARY = (
    "a dog, a cat, a horse, a cow in a field, an elephant, a bird on a branch, a fish, "
    "an insect, a snake, a bear, a beach, the open sea, a mountain covered in snow, "
    "a forest path, a desert, a waterfall, a river, a lake at dawn, a sunset, "
    "a city at night, a street with shops, a skyscraper, a bridge, a church, a castle, "
    "a ruin, a garden, a red flower, a tree in autumn, a vegetable market, a kitchen, "
    "a bedroom, a bathroom, an office desk, a classroom, a hospital room, a library, "
    "a theatre stage, a concert, a football match, a swimming pool, a ski slope, a bicycle, "
    "a motorcycle, a car, a truck, a train, an aeroplane, a helicopter, a sailing boat, "
    "a ship in harbour, a tractor, a baby, a child on a swing, an old man, a wedding, "
    "a birthday cake with candles, a christmas tree, fireworks, a picnic, a campfire, "
    "people dancing, a crowd, a portrait of a woman, a soldier, a nurse, a cook, a pizza, "
    "a cup of coffee, a glass of wine, a bowl of soup, fruit in a basket, bread, a cheese, "
    "a hamburger, an ice cream, a guitar, a piano, a drum, a camera, a telephone, "
    "a computer screen, a screenshot of a chat, a receipt, a handwritten letter, "
    "a newspaper, a map, a painting, a statue, a coin, a clock, a pair of shoes, a hat, "
    "jewellery, a toy, a puzzle, a chess board, a robot, a rocket, the moon, a galaxy, "
    "a microscope image, an x-ray, a diagram, a brick wall, a wooden floor, clouds, "
    "lightning, a rainbow, snow falling, a flood, a fire, a bus stop, a petrol station, "
    "an airport, a farm, a factory, a windmill"
).split(", ")

NONSENSE = (
    "qwxz flurb, zzyqk vrrpt, plomb guttle snee, xxqq jjvv, brillig slithy, frum dint aggle, "
    "kzzt 00 kzzt, wibblorn, tharg eeple, mnop rstv, ghoti splunge, vorpal gimble outgrabe, "
    "oqxi lumm, trelk, dwarn pitzel, yyx 7 yyx, snorfle bexing, jub quandle, hreet voss, "
    "ulpo remmick, cadwil fenster oom, brax brax, igglo pem, tisk varn ole, mubble 12 zor"
).split(", ")

PROMPTS = (*ORDINARY, *NONSENSE)


class Calibration(msgspec.Struct, frozen=True):
    """What was measured in one library with one model."""

    #: Pictures in the library when it was measured.
    pictures: int
    #: Pictures looked at.
    sample: int
    #: How far a picture has to stand out, in standard deviations of a question's scores.
    bar: float
    #: `PROMPTS` by the text tower, float16 (b, dim) in base64.
    background: str
    #: Some pictures' vectors, float16 (k, dim) in base64: on them any question's own mean and
    #: deviation here are measured.
    witnesses: str
    dim: int


def calibrate(background: Vectors, pictures: Vectors, total: int) -> Calibration:
    """Measure what chance looks like.

    Args:
        background: float32 (b, dim), unit rows: `PROMPTS` by the text tower, in that order.
        pictures: float32 (n, dim), unit rows: a fair sample of the library, n >= 1.
        total: Pictures in the whole library.
    """
    directions = (background - _centre(background)).astype(np.float32)
    scores = directions @ pictures.T
    middle, deviation = _middle_and_deviation(scores)
    outstanding = (scores.max(axis=1) - middle) / deviation
    # A whole library reaches further by chance than a sample of it: the expected maximum of n
    # normal values grows as the square root of 2 ln n.
    outstanding *= np.sqrt(np.log(max(total, 3)) / np.log(max(len(pictures), 3)))
    median = float(np.median(outstanding))
    lower = outstanding[outstanding <= median]
    # 1.4826: from a median absolute deviation to a standard deviation, for a normal distribution.
    spread = 1.4826 * float(np.median(median - lower))
    lid = LID * float(np.median(outstanding[len(ORDINARY) :]))
    chosen = np.linspace(0, len(pictures) - 1, min(WITNESSES, len(pictures))).astype(int)
    return Calibration(
        pictures=total,
        sample=len(pictures),
        bar=min(median + SPREADS * spread, lid),
        background=_packed(background),
        witnesses=_packed(pictures[chosen]),
        dim=pictures.shape[1],
    )


def better_than_chance(
    calibration: Calibration, question: Vectors, pictures: Vectors
) -> list[bool]:
    """Return which pictures are nearer to a question than chance brings one here.

    Args:
        calibration: Of this library and model.
        question: float32 (dim,), unit length.
        pictures: float32 (n, dim), unit rows: the hits.

    Returns:
        One for each picture; all True where the library is too small to tell.
    """
    if calibration.sample < FEWEST_PICTURES:
        return [True] * len(pictures)
    background = _unpacked(calibration.background, calibration.dim)
    direction = question - _centre(background)
    scores = _unpacked(calibration.witnesses, calibration.dim) @ direction
    middle, deviation = _middle_and_deviation(scores[None, :])
    good: list[bool] = (pictures @ direction >= middle + calibration.bar * deviation).tolist()
    return good


def _centre(background: Vectors) -> Vectors:
    """Return the mean ordinary question, float32 (dim,), not of unit length."""
    centre: Vectors = background[: len(ORDINARY)].mean(axis=0, dtype=np.float32)
    return centre


def _middle_and_deviation(scores: Vectors) -> tuple[Vectors, Vectors]:
    """Return each row's median and its standard deviation below that, (n,) each.

    Only the lower side is looked at: in a library where every third picture shows a dog, "a dog"
    must not be measured against its own answers.
    """
    low, middle = np.percentile(scores, (BELOW_ONE_DEVIATION, 50), axis=1)
    return middle.astype(np.float32), np.maximum(middle - low, 1e-6).astype(np.float32)


def telling(calibration: Calibration, texts: Vectors, scores: Vectors) -> list[bool]:
    """Return which texts are nearer to the question than to nearly all that anyone might ask.

    For rankings of written words, which may be few: each text is its own measure, so this also
    works where there are three of them.

    Args:
        calibration: Of the model that made the vectors.
        texts: float32 (n, dim), unit rows.
        scores: float32 (n,), their cosines to the question.
    """
    usual = texts @ _unpacked(calibration.background, calibration.dim).T
    bar = np.quantile(usual, 1 - RARE_SHARE, axis=1)
    return [bool(score > least) for score, least in zip(scores, bar, strict=True)]


def _packed(vectors: Vectors) -> str:
    return base64.b64encode(vectors.astype("<f2").tobytes()).decode("ascii")


@lru_cache(maxsize=8)
def _unpacked(packed: str, dim: int) -> Vectors:
    """Return what was packed, not to be written to: every question uses the same."""
    halves = np.frombuffer(base64.b64decode(packed), dtype="<f2")
    vectors: Vectors = halves.reshape(-1, dim).astype(np.float32)
    vectors.flags.writeable = False
    return vectors
