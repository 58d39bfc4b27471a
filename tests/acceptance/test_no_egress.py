"""Nothing is contacted but the host that the settings name, whatever the environment suggests."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.acceptance.describing import descriptions, say
from tests.acceptance.program import Program
from tests.egress import Recorder, watching
from tests.media import MEDIA, needs_media
from tests.servers.ollama import OllamaServer

PROXY = "http://192.0.2.1:9"

HOSTILE = {
    **{
        name: PROXY
        for kind in ("HTTP", "HTTPS", "ALL", "FTP")
        for name in (f"{kind}_PROXY", f"{kind}_proxy".lower())
    },
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


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    kinds = ["photos/astronaut.png", "formats/IMG_2682.heic", "videos/realshort.mp4"]
    for name in kinds:
        shutil.copy(MEDIA / name, folder)
    return folder


def run(recorder: Recorder, program: Program, *words: str) -> str:
    command = [sys.executable, "-m", "mediaindex", *words]
    done = recorder.run(command, env=program.environment | HOSTILE)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_media
def test_only_the_server_of_the_settings_is_contacted(tmp_path: Path, library: Path) -> None:
    with OllamaServer() as server:
        server.answer = say
        settings = {
            "MEDIAINDEX__CAPTION__USE": "ollama",
            "MEDIAINDEX__CAPTION__URL": server.url,
            "MEDIAINDEX__CAPTION__MODEL": server.models[0].name,
            "MEDIAINDEX__INDEX__EXACT_BELOW": "0",
        }
        program = Program(tmp_path / "home", settings)
        recorder = watching([("127.0.0.1", server.port)], [program.home])

        run(recorder, program, "index", str(library))
        said = run(recorder, program, "search", "birthday")

    assert recorder.refused == []
    assert recorder.allowed
    assert len(descriptions(program)) >= 3
    assert "astronaut" in said


@needs_media
def test_model_that_is_not_there_is_not_fetched_unasked(tmp_path: Path, library: Path) -> None:
    program = Program(tmp_path / "home", {"MEDIAINDEX__EMBEDDER__USE": "open_clip"})
    recorder = watching(folders=[program.home])

    run(recorder, program, "index", str(library))

    assert recorder.refused == []
