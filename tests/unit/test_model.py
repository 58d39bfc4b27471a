"""The embedder that stages share: there, missing, and looked for again."""

import pytest

from mediaindex.embedders import Embedder
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.errors import RetryLater
from mediaindex.pipeline.model import LOOK_AGAIN_S, NOT_BUILT, Model


class Weights:
    """A model that may be on this machine, and a clock."""

    are_there = False
    looks = 0
    now_s = 1000.0

    def build(self) -> Embedder:
        self.looks += 1
        if not self.are_there:
            raise RetryLater("run: mediaindex model download")
        return ColourEmbedder()


@pytest.fixture
def weights() -> Weights:
    return Weights()


@pytest.fixture
def model(weights: Weights) -> Model:
    return Model(weights.build, clock=lambda: weights.now_s)


def missed(model: Model) -> bool:
    with pytest.raises(RetryLater, match="model download"):
        _ = model.embedder
    return True


def test_missing_model_is_not_looked_for_all_the_time(weights: Weights, model: Model) -> None:
    assert model.version == NOT_BUILT
    assert missed(model)
    assert missed(model)

    assert weights.looks == 1
    assert model.version is None


def test_model_that_arrived_is_found_after_a_while(weights: Weights, model: Model) -> None:
    assert missed(model)
    weights.are_there = True
    weights.now_s += LOOK_AGAIN_S

    assert model.version == NOT_BUILT, "so that whoever looks for work makes ready for it"
    assert model.embedder.model_id == model.version == ColourEmbedder.model_id


def test_model_that_arrived_is_found_at_once_where_somebody_says_so(
    weights: Weights, model: Model
) -> None:
    assert missed(model)
    weights.are_there = True

    model.look_again()

    assert model.embedder.model_id == ColourEmbedder.model_id


def test_model_that_is_still_missing_counts_as_missing_again(
    weights: Weights, model: Model
) -> None:
    assert missed(model)
    weights.now_s += LOOK_AGAIN_S
    assert missed(model)

    assert (weights.looks, model.version) == (2, None)
