"""The open_clip embedder with a true, tiny model: made, loaded, compared with open_clip itself."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mediaindex import embedders
from mediaindex.embedders.clip.manifest import Preprocess
from mediaindex.embedders.clip.pixels import to_pixels
from mediaindex.embedders.clip.tokens import Tokens
from mediaindex.embedders.clip.weights import download, find, installed
from mediaindex.errors import ConfigError, RetryLater
from mediaindex.types import RGB
from tests.conftest import plain
from tests.media import MEDIA, needs_media
from tests.tiny_clip import CONFIG, tiny_clip

TEXTS = [
    "",
    "a photo of a DOG's tail",
    "don't I'LL we'VE they'd",
    "日本語の写真、東京タワー。",
    "Straße naïve café ŒUVRE l\u2019été d\u2019Anne",
    "😀👍🏽 emoji 👨\u200d👩\u200d👧",
    "&amp;lt;b&gt; 5 &lt; 6 &eacute;",
    "word " * 200,
    "<start_of_text> hi <end_of_text>",
    "1234567 12a34 ٣٤٥ Ⅷ ㊙ ½ ²",
    "  tabs\t\nand\r\nlines ",
    "حديقة جميلة हिन्दी में तस्वीर ไทย 한국어 кошка",
    "\ufb01ne \uff46\uff55\uff4c\uff4c \u200bzero\u200dwidth",
    "İstanbul ẞ \u017f's ΑΒΓ Σίσυφος ΟΔΥΣΣΕΥΣ",
    "foo_bar-baz...!!! ??? -- (x) [y] {z} #tag @me",
    "Ünï©ödé ™ \U0001d518\U0001d52b\U0001d526 \u201cquotes\u201d it\u2019s",
    "a\x00b\x1cc \ufffd",
]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return tiny_clip(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def photos() -> list[RGB]:
    pictures = []
    for path in sorted((MEDIA / "photos").iterdir()):
        with Image.open(path) as picture:
            picture.thumbnail((900, 900))
            pictures.append(np.asarray(picture.convert("RGB")))
    return pictures


@pytest.fixture(scope="module")
def open_clip() -> Any:
    from mediaindex.embedders.clip.torchvision_ops import load_open_clip

    return load_open_clip()


def in_a_fresh_process(program: str, options: dict[str, object], **environment: str) -> Any:
    """Run `program`, which finds `options` and prints JSON; return what it printed."""
    asked = json.dumps(options | {"models_dir": str(options["models_dir"])})
    start = "import json, sys; options = json.loads(sys.argv[1])\n"
    done = subprocess.run(
        [sys.executable, "-c", start + program, asked],
        env=os.environ | {"HF_HUB_OFFLINE": "0"} | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_tokens_are_those_of_open_clip(options: dict[str, object], open_clip: Any) -> None:
    model = find(str(options["model"]), Path(str(options["models_dir"])))
    ours = Tokens(model.folder / "tokenizer.json", model.manifest.text).encode(TEXTS)

    assert ours.tolist() == open_clip.get_tokenizer("ViT-B-32")(TEXTS).tolist()


@needs_media
@pytest.mark.parametrize("size", [(224, 224), (64, 64), (96, 128)])
@pytest.mark.parametrize(
    ("resize_mode", "interpolation"),
    [("shortest", "bicubic"), ("squash", "bicubic"), ("longest", "bilinear")],
)
def test_pixels_are_those_of_open_clip(
    open_clip: Any, photos: list[RGB], resize_mode: Any, interpolation: Any, size: tuple[int, int]
) -> None:
    if resize_mode == "shortest" and size[0] != size[1]:
        interpolation = "bicubic"  # open_clip has no other here
    rule = Preprocess(size, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28), interpolation, resize_mode)
    settings = open_clip.transform.PreprocessCfg(
        size=size,
        mean=rule.mean,
        std=rule.std,
        interpolation=interpolation,
        resize_mode=resize_mode,
    )
    transform = open_clip.transform.image_transform_v2(settings, is_train=False)
    pictures = [*photos, photos[0][:, :60], photos[0][:7], plain(1, 2, 3, side_px=10)]

    theirs = np.stack([transform(Image.fromarray(picture)).numpy() for picture in pictures])

    assert np.allclose(to_pixels(pictures, rule), theirs, atol=1e-5)


@needs_media
def test_onnx_runtime_ranks_as_torch_does(options: dict[str, object], photos: list[RGB]) -> None:
    onnx, torch = (
        embedders.load("open_clip", options | {"runtime": runtime}) for runtime in ("onnx", "torch")
    )

    ours, theirs = onnx.embed_images(photos), torch.embed_images(photos)

    assert onnx.model_id == torch.model_id
    assert (ours * theirs).sum(axis=1).min() > 0.9999
    assert (onnx.embed_texts(TEXTS) * torch.embed_texts(TEXTS)).sum(axis=1).min() > 0.9999
    rank_ours, rank_theirs = (np.argsort(-(rows @ rows.T))[:, :10] for rows in (ours, theirs))
    assert (rank_ours == rank_theirs).mean() > 0.99


@needs_media
def test_int8_is_near_and_says_that_it_is_another(
    options: dict[str, object], photos: list[RGB]
) -> None:
    exact, coarse = (
        embedders.load("open_clip", options | {"runtime": name}) for name in ("onnx", "onnx-int8")
    )

    alike = (exact.embed_images(photos) * coarse.embed_images(photos)).sum(axis=1)

    assert alike.min() > 0.99
    assert coarse.model_id != exact.model_id


def test_search_imports_neither_torch_nor_open_clip(options: dict[str, object]) -> None:
    imported = in_a_fresh_process(
        "from pathlib import Path\n"
        "from mediaindex import embedders\n"
        "options['models_dir'] = Path(options['models_dir'])\n"
        "embedder = embedders.load('open_clip', options | {'runtime': 'auto', 'device': 'auto'})\n"
        "built = [m for m in ('torch', 'open_clip', 'onnxruntime') if m in sys.modules]\n"
        "embedder.embed_texts(['a dog'])\n"
        "asked = [m for m in ('torch', 'open_clip', 'huggingface_hub') if m in sys.modules]\n"
        "print(json.dumps([built, asked]))",
        options,
    )

    assert imported == [[], []]


def test_number_of_threads_is_honoured(options: dict[str, object]) -> None:
    started = in_a_fresh_process(
        "import threading, os\n"
        "from pathlib import Path\n"
        "from mediaindex import embedders\n"
        "options['models_dir'] = Path(options['models_dir'])\n"
        "import onnxruntime\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "embedder = embedders.load('open_clip', options | {'threads': 4})\n"
        "embedder.embed_texts(['a dog'])\n"
        "print(json.dumps(len(os.listdir('/proc/self/task')) - before))",
        options,
    )

    assert started == 3  # the caller's own thread is the fourth


def test_many_threads_may_ask_at_once(options: dict[str, object]) -> None:
    embedder = embedders.load("open_clip", options)
    pictures = [plain(shade, 90, 0) for shade in range(0, 240, 30)]
    expected = embedder.embed_images(pictures)

    with ThreadPoolExecutor(8) as pool:
        rows = pool.map(lambda picture: embedder.embed_images([picture])[0], pictures)

    assert np.allclose(np.stack(list(rows)), expected, atol=1e-5)


def test_prompt_surrounds_the_text(options: dict[str, object]) -> None:
    bare = embedders.load("open_clip", options)
    wrapped = embedders.load("open_clip", options | {"prompt": "a photo of {}."})

    assert np.allclose(wrapped.embed_texts(["a dog"]), bare.embed_texts(["a photo of a dog."]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"runtime": "abacus"}, "onnx-int8"),
        ({"prompt": "a photo"}, "no place"),
        ({"runtime": "onnx", "device": "cuda"}, "CPU"),
        ({"model": "ViT-B-23/openai"}, "no architecture"),
    ],
)
def test_option_that_cannot_be_is_a_mistake_in_the_settings(
    options: dict[str, object], wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        embedders.load("open_clip", options | wrong)


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
        if self.path.startswith("/forbidden/"):  # a firewall's answer; a dead line takes 24 s
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


def test_unknown_tag_of_a_known_architecture_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights 'ViT-B-32/nonsense'"):
        download("ViT-B-32/nonsense", tmp_path)


def test_it_is_semantic(options: dict[str, object]) -> None:
    assert embedders.load("open_clip", options).semantic is True
