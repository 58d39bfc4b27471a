"""How a model gets here, from a hub or a folder, and that half of one is never taken for it."""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mediaindex import embedders
from mediaindex.embedders.clip.weights import download, find, installed
from mediaindex.errors import ConfigError, RetryLater
from tests.tiny_clip import CONFIG, in_a_fresh_process, tiny_clip


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return tiny_clip(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize(
    ("model", "command"),
    [
        ("fast", "run: mediaindex model download fast (605 MB)"),
        ("ViT-L-14/openai", "run: mediaindex model download ViT-L-14/openai"),
    ],
)
def test_absent_weights_are_answered_with_the_command_that_brings_them(
    tmp_path: Path, model: str, command: str
) -> None:
    with pytest.raises(RetryLater, match=re.escape(command) + "$"):
        embedders.load("open_clip", {"model": model, "models_dir": tmp_path})


def test_model_is_named_by_what_is_in_it(options: dict[str, object], tmp_path: Path) -> None:
    one = find(str(options["model"]), Path(str(options["models_dir"]))).manifest

    assert re.fullmatch(r"checkpoint@[0-9a-f]{12}", one.model_id)
    assert installed(Path(str(options["models_dir"])))[0].manifest == one
    assert installed(tmp_path / "nowhere") == []


def test_half_a_download_is_never_taken_for_a_model(options: dict[str, object]) -> None:
    whole = find(str(options["model"]), Path(str(options["models_dir"])))
    half = whole.folder.with_name(".partial-abc")
    shutil.copytree(whole.folder, half)

    assert [model.folder for model in installed(whole.folder.parent)] == [whole.folder]


def test_damaged_model_says_so_and_a_download_puts_it_right(tmp_path: Path) -> None:
    options = tiny_clip(tmp_path)
    name = str(options["model"])
    damaged = find(name, tmp_path).folder / "text" / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    left = tmp_path / ".partial-killed"
    left.mkdir()

    with pytest.raises(RetryLater, match="mediaindex model download"):
        embedders.load("open_clip", options).embed_texts(["a dog"])
    download(name, tmp_path)

    assert embedders.load("open_clip", options).embed_texts(["a dog"]).shape == (1, 32)
    assert not left.exists()


def test_checkpoint_that_changed_is_not_used_as_if_it_had_not(tmp_path: Path) -> None:
    options = tiny_clip(tmp_path / "models")
    source = tmp_path / "mine" / "open_clip_model.safetensors"
    shutil.copytree(str(options["model"]).removeprefix("local-dir:"), source.parent)
    moved = _point_to(tmp_path / "models", f"local-dir:{source.parent}", source)
    assert embedders.load("open_clip", options | moved).dim == 32

    os.utime(source, (1, 1))

    with pytest.raises(RetryLater, match="has changed"):
        embedders.load("open_clip", options | moved)


def _point_to(models_dir: Path, name: str, source: Path) -> dict[str, object]:
    """Let the model in `models_dir` be the one taken from `source`, without making it again."""
    import msgspec

    from mediaindex.embedders.clip.manifest import Source, write_manifest
    from mediaindex.embedders.clip.names import parse_name

    model = installed(models_dir)[0]
    folder = model.folder.rename(models_dir / parse_name(name).folder_name)
    stat = source.stat()
    taken = Source(str(source), stat.st_size, stat.st_mtime_ns)
    write_manifest(folder, msgspec.structs.replace(model.manifest, name=name, source=taken))
    return {"model": name}


def test_file_that_is_no_checkpoint_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "not-a-model"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    (folder / "open_clip_model.safetensors").write_bytes(b"something else")

    with pytest.raises(ConfigError, match="cannot be used"):
        download(f"local-dir:{folder}", tmp_path / "models")

    assert installed(tmp_path / "models") == []
    assert not list((tmp_path / "models").glob(".partial-*"))


def test_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"open_clip_config\.json"):
        download(f"local-dir:{tmp_path}", tmp_path / "models")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a download of one file needs."""

    files: Path
    seen: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        self.seen.append(self.path)
        path = self.files / self.path.rpartition("/")[2]
        if self.path.startswith("/forbidden/"):  # a firewall's answer
            self.send_error(403)
            return
        if "/resolve/" not in self.path or not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{path.name}"')
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(options: dict[str, object]) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []
    files = Path(str(options["model"]).removeprefix("local-dir:"))
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Served", (Hub,), {"files": files, "seen": seen})
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


DOWNLOAD = """
from pathlib import Path
from mediaindex.embedders.clip.tokens import Tokens
from mediaindex.embedders.clip.weights import download
from mediaindex.errors import MediaIndexError
told = []
try:
    made = download(options["model"], Path(options["models_dir"]),
                    lambda what, done, total: told.append([what, done, total]))
    print(json.dumps([made.model_id, told]))
except MediaIndexError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def test_model_comes_from_the_hub_once_and_then_needs_none(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, seen = hub
    options: dict[str, object] = {"model": "hf-hub:someone/tiny", "models_dir": tmp_path}

    model_id, told = in_a_fresh_process(DOWNLOAD, options, HF_ENDPOINT=address)

    assert re.fullmatch(r"hf-hub:someone/tiny@[0-9a-f]{12}", model_id)
    weights = [(done, size) for what, done, size in told if what.endswith(".safetensors")]
    assert weights[-1][0] == weights[-1][1] > 10_000_000
    assert {path.rpartition("/")[2] for path in seen} == {
        "open_clip_config.json",
        "open_clip_model.safetensors",
    }
    seen.clear()
    assert embedders.load("open_clip", options).embed_texts(["a dog"]).shape == (1, 32)
    assert seen == []
    assert not (tmp_path / ".downloads").exists()


def test_hub_that_may_not_be_asked_is_answered_with_the_way_round_it(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    kind, says = in_a_fresh_process(
        DOWNLOAD,
        {"model": "hf-hub:forbidden/tiny", "models_dir": tmp_path},
        HF_ENDPOINT=hub[0],
    )

    assert kind == "RetryLater"
    assert "mediaindex model download /path/to/the/folder" in says
    assert installed(tmp_path) == []


FETCH = """
from pathlib import Path
from mediaindex.embedders.clip.hub import Hub
from mediaindex.embedders.clip.names import parse_name
here = Path(options["models_dir"])
folder = here / options["into"]
folder.mkdir()
Hub(here / "cache", folder, lambda *_: None, None).fetch_model(parse_name(options["model"]))
print(json.dumps(sorted(path.name for path in folder.iterdir())))
"""


def test_what_came_before_the_line_broke_needs_no_line(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    options: dict[str, object] = {"model": "hf-hub:someone/tiny", "models_dir": tmp_path}

    first = in_a_fresh_process(FETCH, options | {"into": "first"}, HF_ENDPOINT=hub[0])
    second = in_a_fresh_process(
        FETCH, options | {"into": "again"}, HF_ENDPOINT="http://127.0.0.1:9"
    )

    assert first == second == ["open_clip_config.json", "open_clip_model.safetensors"]


def test_unknown_tag_of_a_known_architecture_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights 'ViT-B-32/nonsense'"):
        download("ViT-B-32/nonsense", tmp_path)
