from pathlib import Path

import pytest

from mediaindex.embedders.clip.names import architecture_config, check_config, parse_name
from mediaindex.embedders.clip.presets import PRESETS, describe, size_words
from mediaindex.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_an_architecture_that_open_clip_has(name: str) -> None:
    info = describe(name)
    config = architecture_config(parse_name(name).architecture)

    assert info.dim == config["embed_dim"]
    assert info.image_px == config["vision_cfg"]["image_size"]
    assert info.context == config["text_cfg"]["context_length"]


def test_preset_and_its_model_are_one_and_the_same() -> None:
    assert parse_name("fast") == parse_name("ViT-B-32/laion2b_s34b_b79k")
    assert describe("fast") == describe("ViT-B-32/laion2b_s34b_b79k")


def test_model_that_is_no_preset_has_no_invented_figures() -> None:
    info = describe("ViT-L-14/openai")

    assert info.name == "ViT-L-14/openai"
    assert (info.download_bytes, info.recall_english, info.licence) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "kind", "folder_name"),
    [
        ("ViT-B-32/openai", "tag", "ViT-B-32--openai"),
        ("hf-hub:timm/ViT-B-16-SigLIP2", "hub", "hf-hub--timm--ViT-B-16-SigLIP2"),
    ],
)
def test_folder_of_a_published_model_is_named_after_it(
    name: str, kind: str, folder_name: str
) -> None:
    model = parse_name(name)

    assert (model.kind, model.folder_name) == (kind, folder_name)


def test_paths_with_the_same_last_part_have_folders_of_their_own(tmp_path: Path) -> None:
    one, other = (parse_name(f"local-dir:{tmp_path}/{parent}/model") for parent in "ab")

    assert one.folder_name != other.folder_name
    assert one.kind == other.kind == "folder"


def test_checkpoint_is_named_with_its_architecture(tmp_path: Path) -> None:
    model = parse_name(f"ViT-B-32@{tmp_path}/mine.pt")

    assert (model.kind, model.architecture) == ("file", "ViT-B-32")
    assert model.path == tmp_path / "mine.pt"


def test_one_checkpoint_as_two_architectures_is_two_models(tmp_path: Path) -> None:
    one, other = (parse_name(f"{name}@{tmp_path}/mine.pt") for name in ("ViT-B-32", "ViT-B-16"))

    assert one.folder_name != other.folder_name


def test_checkpoint_without_architecture_is_asked_for_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.touch()

    with pytest.raises(ConfigError, match="ViT-B-32@"):
        parse_name(str(path))


@pytest.mark.parametrize("name", ["", "quick", "a/b/c", "ViT-B-32/", "hf-hub:only-owner"])
def test_name_that_means_nothing_is_answered_with_what_would(name: str) -> None:
    with pytest.raises(ConfigError, match=r"embedder\.model"):
        parse_name(name)


def test_unknown_architecture_is_answered_with_those_alike() -> None:
    with pytest.raises(ConfigError, match="ViT-B-32"):
        parse_name("ViT-B-23/openai")


@pytest.mark.parametrize(
    ("size_bytes", "words"), [(605_000_000, "605 MB"), (1_501_000_000, "1.5 GB"), (9_000, "9 kB")]
)
def test_sizes_are_said_as_people_say_them(size_bytes: int, words: str) -> None:
    assert size_words(size_bytes) == words


@pytest.mark.parametrize(
    ("text_config", "says"),
    [
        ({"tokenizer_mode": "clips"}, "clips"),
        ({"hf_model_name": "xlm-roberta-base"}, "pip install"),
    ],
)
def test_model_that_could_not_be_loaded_is_refused_before_it_is_fetched(
    text_config: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.embedders.clip.names.find_spec", lambda _name: None)

    with pytest.raises(ConfigError, match=says):
        check_config({"model_cfg": {"text_cfg": text_config}})
