"""The open_clip embedder with a true, tiny model: loaded, asked, compared with open_clip itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mediaindex import embedders
from mediaindex.embedders.clip.manifest import Preprocess
from mediaindex.embedders.clip.pixels import to_pixels
from mediaindex.embedders.clip.tokens import Tokens
from mediaindex.embedders.clip.weights import find
from mediaindex.errors import ConfigError
from mediaindex.types import RGB
from tests.conftest import plain
from tests.media import MEDIA, needs_media
from tests.tiny_clip import in_a_fresh_process, tiny_clip

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


def test_it_is_semantic(options: dict[str, object]) -> None:
    assert embedders.load("open_clip", options).semantic is True
