"""A question before something is done: yes, no, and nobody there who could answer."""

import io

import click
import pytest

from mediaindex.cli import consent


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(request.param))


@pytest.mark.parametrize("typed", ["y\n", "yes\n"], indirect=True)
@pytest.mark.usefixtures("typed")
def test_yes_goes_on() -> None:
    consent.ask("Forget it?")


@pytest.mark.parametrize("typed", ["n\n", "\n"], indirect=True)
@pytest.mark.usefixtures("typed")
def test_no_ends_it() -> None:
    with pytest.raises(click.Abort):
        consent.ask("Forget it?")


@pytest.mark.parametrize("typed", [""], indirect=True)
@pytest.mark.usefixtures("typed")
def test_where_nobody_can_answer_the_way_on_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.UsageError, match="say --yes to go on without being asked"):
        consent.ask("Forget it?")

    assert capsys.readouterr().err.endswith("\n")
