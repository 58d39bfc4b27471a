"""What the contracts of captioners share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mediaindex import captioners
from mediaindex.captioners import Captioner
from tests.contracts.captioner_cases import CASES, Build, Case
from tests.servers.base import ScriptedServer


@pytest.fixture(params=CASES, ids=lambda case: case.kind)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def server(case: Case) -> Iterator[ScriptedServer]:
    with case.start(0.0) as started:
        yield started


@pytest.fixture
def build(case: Case) -> Iterator[Build]:
    """Build the case's engine for a url; closed at the end of the test."""
    with ExitStack() as opened:

        def make(url: str, **options: object) -> Captioner:
            usual: dict[str, object] = {"url": url, "model": case.model, "time_limit_s": 20}
            captioner = captioners.load(case.use, usual | options)
            opened.callback(captioner.close)
            return captioner

        yield make
