"""What the configured servers have, asked as `doctor` and `model list` ask."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from mediaindex import installed
from mediaindex.config import load_config
from tests.servers.faults import Fault
from tests.servers.models import VISION
from tests.servers.ollama import OllamaServer

LIMIT_S = 0.5


@pytest.mark.parametrize("silent_at", ["/tags", "/show"])
def test_silent_servers_are_waited_for_briefly_and_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_at: str
) -> None:
    monkeypatch.setattr(installed, "LIMIT_S", LIMIT_S)
    with ExitStack() as opened:
        servers = [opened.enter_context(OllamaServer()) for _ in range(4)]
        for server in servers[:3]:
            server.fail_next(9, Fault.silence().of(silent_at))
        lines = "\n".join(f"    - url: {server.url}" for server in servers)
        file = tmp_path / "config.yaml"
        file.write_text(f"caption:\n  model: {VISION.name}\n  servers:\n{lines}\n")
        config = load_config(file, {})
        began = time.monotonic()

        found = installed.survey(config)

        assert time.monotonic() - began < 2.5 * LIMIT_S
    assert [one.server for one in found] == [server.url for server in servers]
    assert all("did not answer within 0.5 s" in (one.trouble or "") for one in found[:3])
    assert found[3].find(VISION.name) is not None
