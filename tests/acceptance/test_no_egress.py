"""Nothing is contacted but the host that the settings name, whatever the environment suggests."""

import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.describing import rows, say
from tests.acceptance.program import Program
from tests.acceptance.serving import Daemon, until
from tests.egress import Recorder, watching
from tests.media import MEDIA, needs_media
from tests.servers.ollama import OllamaServer
from tests.tiny_clip import tiny_clip

PROXY = "http://192.0.2.1:9"

PROXIES = [
    name
    for kind in ("HTTP", "HTTPS", "ALL", "FTP")
    for name in (f"{kind}_PROXY", f"{kind}_PROXY".lower())
]

HOSTILE = dict.fromkeys(PROXIES, PROXY) | {
    "HF_ENDPOINT": "http://192.0.2.2:80",
    "HF_HUB_DISABLE_TELEMETRY": "0",
    "OLLAMA_HOST": "192.0.2.3:11434",
    "OPENAI_BASE_URL": "http://192.0.2.4/v1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.5:4317",
    "OTEL_TRACES_EXPORTER": "otlp",
    "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://192.0.2.6:4317",
    "CHROMA_OTEL_GRANULARITY": "all",
    "CHROMA_SERVER_HOST": "192.0.2.7",
    "CHROMA_SERVER_HTTP_PORT": "80",
    "ANONYMIZED_TELEMETRY": "True",
}
"""What other programs' settings may leave in the environment, each pointing at nobody."""

OURS = {"cache", "config.yaml", "serve.log", "state", "tmp"}
"""All that may lie in the daemon's home."""

LIMIT_S = 60


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for name in ("photos/astronaut.png", "formats/IMG_2682.heic", "videos/realshort.mp4"):
        shutil.copy(MEDIA / name, folder)
    return folder


@contextmanager
def serving(
    home: Path, library: Path, settings: Mapping[str, str], *hosts: tuple[str, int]
) -> Iterator[tuple[Daemon, Recorder]]:
    """Give a daemon that answers, and what records its connections."""
    home.mkdir(exist_ok=True)
    config = home / "config.yaml"
    config.write_text(f"libraries:\n  - path: {library}\n")
    daemon = Daemon(Program(home, {"MEDIAINDEX_CONFIG": str(config), **settings}), HOSTILE)
    recorder = watching(hosts, [home, daemon.run_dir])
    daemon.popen = recorder.start
    with daemon:
        daemon.start(LIMIT_S)
        yield daemon, recorder


def count(daemon: Daemon, query: str) -> int:
    try:
        return len(rows(daemon.program, query))
    except sqlite3.OperationalError:  # not made yet
        return 0


def ask(daemon: Daemon, recorder: Recorder) -> None:
    """Ask in words, with filters, for what looks alike, and by the command."""
    for question in ("birthday", "cake kind:photo after:2000", '"astronaut"'):
        answer = daemon.get("/api/v1/search", q=question)
        assert answer.status_code == 200, answer.text
    picture = (MEDIA / "photos" / "astronaut.png").read_bytes()
    assert daemon.post("/api/v1/search/like", picture).status_code == 200
    command = [sys.executable, "-m", "mediaindex", "search", "birthday"]
    done = recorder.run(command, env=daemon.program.environment | HOSTILE)
    assert done.returncode == 0, done.stderr


@needs_media
def test_daemon_contacts_only_the_server_of_the_settings(tmp_path: Path, library: Path) -> None:
    # With the true runtime of the model: it tells its maker of each session, unless it is silenced.
    model = tiny_clip(tmp_path / "home" / "cache" / "models")["model"]
    with ExitStack() as stack:
        server = stack.enter_context(OllamaServer())
        server.answer = say
        settings = {
            "MEDIAINDEX__EMBEDDER__USE": "open_clip",
            "MEDIAINDEX__EMBEDDER__MODEL": str(model),
            "MEDIAINDEX__CAPTION__USE": "ollama",
            "MEDIAINDEX__CAPTION__URL": server.url,
            "MEDIAINDEX__CAPTION__MODEL": server.models[0].name,
            "MEDIAINDEX__INDEX__EXACT_BELOW": "0",
        }
        host = ("127.0.0.1", server.port)
        daemon, recorder = stack.enter_context(serving(tmp_path / "home", library, settings, host))
        described = "SELECT DISTINCT asset_id FROM caption"
        until(lambda: count(daemon, described) == 3, LIMIT_S, "all is described")
        until(daemon.is_idle, LIMIT_S, "all is done")
        ask(daemon, recorder)

        assert daemon.post("/api/v1/retry", b'{"failed": true}').status_code == 200
        assert daemon.post("/api/v1/reload").status_code == 202
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        shutil.copy(MEDIA / "photos" / "coffee.png", library)
        until(lambda: count(daemon, described) == 4, LIMIT_S, "the new one is described")
        code, _ = daemon.stop()

    assert code == 0, daemon.last_words()
    assert recorder.wait(10)
    assert recorder.refused == []
    # What is to be sent later is first put aside, as ONNX Runtime does in ~/.cache/Microsoft.
    assert {path.name for path in daemon.program.home.iterdir()} <= OURS
    assert ("127.0.0.1", server.port) in {(one.address, one.port) for one in recorder.allowed}


@needs_media
def test_model_that_is_not_there_is_not_fetched_unasked(tmp_path: Path, library: Path) -> None:
    settings = {"MEDIAINDEX__EMBEDDER__USE": "open_clip"}
    waits = "SELECT 1 FROM blocked WHERE stage = 'embed' AND reason LIKE '%model download%'"

    with serving(tmp_path / "home", library, settings) as (daemon, recorder):
        until(lambda: count(daemon, waits), LIMIT_S, "embedding waits for the model")
        assert daemon.get("/api/v1/search", q='"astronaut"').status_code == 200
        code, _ = daemon.stop()

    assert code == 0, daemon.last_words()
    assert recorder.wait(10)
    assert recorder.refused == []
