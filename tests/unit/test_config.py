from pathlib import Path

import msgspec
import pytest

from mediaindex.config import Settings, as_shown, load_config
from mediaindex.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "config.yaml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def keys(value: object, at: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {at}
    return {key for name, inner in value.items() for key in keys(inner, f"{at}.{name}")}


def test_shipped_file_says_what_holds_without_it() -> None:
    assert load_config(SHIPPED, {}).settings == Settings()


def test_shipped_file_names_every_setting() -> None:
    import yaml

    assert keys(yaml.safe_load(SHIPPED.read_text())) == keys(msgspec.to_builtins(Settings()))


def test_environment_outranks_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "embedder:\n  batch: 4\n  model: best\n")

    found = load_config(file, {"MEDIAINDEX__EMBEDDER__BATCH": "8"}).settings.embedder

    assert (found.batch, found.model) == (8, "best")


def test_file_is_found_by_its_variable(tmp_path: Path) -> None:
    file = written(tmp_path, "search:\n  limit: 3\n")

    found = load_config(environ={"MEDIAINDEX_CONFIG": str(file)})

    assert (found.settings.search.limit, found.file) == (3, file)


def test_words_that_old_yaml_takes_for_truths_are_words(tmp_path: Path) -> None:
    file = written(tmp_path, "search:\n  weak: off\ncaption:\n  language: no\n")

    found = load_config(file, {"MEDIAINDEX__CAPTION__USE": "off"}).settings

    assert (found.search.weak, found.caption.language, found.caption.use) == ("off", "no", "off")


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    caption = "caption:\n  api_key: abc\n  servers:\n    - {url: http://a, api_key: def}\n"
    file = written(tmp_path, f"embedder:\n  hub_token: ghi\n{caption}")

    shown = str(as_shown(load_config(file, {})))

    assert not any(secret in shown for secret in ("abc", "def", "ghi"))


def test_variable_that_names_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml, which is no file"):
        load_config(environ={"MEDIAINDEX_CONFIG": str(tmp_path / "gone.yaml")})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("embedder:\n  modle: fast\n", r"line 2: .*'embedder\.modle'; did you mean 'model'\?"),
        ("zzz: 1\n", r"line 1: there is no 'zzz'; known: state_dir"),
        ("sweep:\n  hidden: perhaps\n", r"line 2: sweep\.hidden: expected true or false, not str"),
        ("sweep:\n  hidden: yes\n", r"line 2: sweep\.hidden: expected true or false, not str"),
        ("sweep:\n  max_vanish_fraction: 7\n", r"line 2: .*expected float <= 1"),
        ("search:\n\n  weak: never\n", r"line 3: .*expected one of mark, drop, off"),
        ("search: 5\n", r"line 1: search: expected a section with keys of its own"),
        ("libraries: [/a/b]\n", r"/config\.yaml line 1: libraries\.0: write - path: FOLDER"),
        ("libraries:\n  - path: /a\n  - name: b\n", r"line 3: libraries\.1: .*path"),
        ("libraries:\n  - path: /a\n    excluded: [x]\n", r"line 3: .*did you mean 'exclude'\?"),
        ("metadata:\n  date_sources: [exif, moon]\n", r"line 2: .*expected one of exif, xmp"),
        ("- a\n- b\n", r"keys and values"),
        ("a: [1\n", r"config\.yaml line 2: not YAML: while parsing a flow sequence"),
        ("log:\n\tlevel: info\n", r"config\.yaml line 2: not YAML: "),
        ("log: {}\nwork: {}\nlog: {}\n", r"line 3: log stands in line 1 already"),
        ("work:\n  decoders: 1\n  decoders: 2\n", r"line 3: work\.decoders stands in line 2"),
        ("metadata:\n  home_zone: Mars/Base\n", r"line 2: metadata\.home_zone: .*such as \w+/"),
        ("metadata:\n  home_zone: Europe/Lisbn\n", r"line 2: .*such as Europe/Lisbon"),
        ("libraries:\n  - path: Pictures\n", r"line 2: libraries\.0\.path: .*from / or ~ on"),
        ("cache_dir: cache\n", r"line 1: cache_dir: .*from / or ~ on"),
        ("caption:\n  schedule: 22:00\n", r'line 2: caption\.schedule: .* quotes, .*"22:00-07'),
        ("caption:\n  model: 3\n", r"line 2: caption\.model: .*not a number; write it in quotes"),
        ("immich:\n  write: tags, record\n", r"line 2: .* in brackets, such as \[one, another\]"),
        ("embedder:\n  runtime: quick\n", r"line 2: .*expected one of auto, onnx"),
    ],
)
def test_mistake_names_its_key_its_line_and_what_is_right(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(written(tmp_path, text), {})


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MEDIAINDEX__EMBEDER__BATCH", "3", "there is no 'embeder'; did you mean 'embedder'"),
        ("MEDIAINDEX__EMBEDDER__BATCH", "0", "embedder.batch: expected int >= 1"),
        ("MEDIAINDEX__SEARCH__LIMIT__MORE", "1", "search.limit"),
        ("MEDIAINDEX__IMMICH__WRITE", "tags,words", "expected one of description, tags, record"),
        ("MEDIAINDEX__IMMICH__WRITE", "[tags", "not YAML"),
    ],
)
def test_mistake_in_the_environment_names_the_variable(
    variable: str, value: str, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(environ={variable: value})

    assert variable in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("1234567890123456", "1234567890123456"),
        ("1e400", "1e400"),
        ("0x10", "0x10"),
        ("2026-11-21", "2026-11-21"),
        ("true", "true"),
        ("{a: 1}", "{a: 1}"),
        ("@secret: of #mine", "@secret: of #mine"),
        ("#secret", "#secret"),
        (" '12 # 34'\n", "12 # 34"),
        ("null", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("key", ["serve.token", "immich.webhook_secret", "caption.api_key"])
def test_what_is_to_be_text_is_text_in_the_environment(
    key: str, written: str, taken: str | None
) -> None:
    section, name = key.split(".")

    found = load_config(environ={f"MEDIAINDEX__{section}__{name}".upper(): written})

    assert getattr(getattr(found.settings, section), name) == taken


@pytest.mark.parametrize(
    ("variable", "value", "taken"),
    [
        ("IMMICH__WRITE", "description, tags", ("description", "tags")),
        ("IMMICH__WRITE", "[description, tags]", ("description", "tags")),
        ("IMMICH__WRITE", "record", ("record",)),
        ("METADATA__DATE_SOURCES", "name,mtime,", ("name", "mtime")),
        ("SWEEP__EXCLUDE", "*.tmp, 2019", ("*.tmp", "2019")),
        ("SWEEP__EXCLUDE", "2019", ("2019",)),
        ("SWEEP__EXCLUDE", '["a, b"]', ("a, b",)),
    ],
)
def test_words_in_the_environment_need_commas_alone(
    variable: str, value: str, taken: tuple[str, ...]
) -> None:
    settings = load_config(environ={f"MEDIAINDEX__{variable}": value}).settings

    section, key = variable.lower().split("__")
    assert getattr(getattr(settings, section), key) == taken


def test_folders_follow_the_variables_then_the_file_then_xdg(tmp_path: Path) -> None:
    file = written(tmp_path, "state_dir: /from/file\n")
    xdg = {"XDG_STATE_HOME": "/xdg/state", "XDG_CACHE_HOME": "/xdg/cache"}

    assert load_config(file, xdg).state_dir == Path("/from/file")
    assert load_config(file, xdg).cache_dir == Path("/xdg/cache/mediaindex")
    assert load_config(file, {"MEDIAINDEX_STATE_DIR": "/v"}).state_dir == Path("/v")
    assert load_config(file, {"CACHE_DIRECTORY": "/var/cache/m"}).cache_dir == Path("/var/cache/m")


def test_place_of_each_setting_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, "embedder:\n  batch: 4\n  model: best\n")

    found = load_config(file, {"MEDIAINDEX__EMBEDDER__BATCH": "8", "MEDIAINDEX_CACHE_DIR": "/c"})

    assert found.place_of("embedder", "model") == f"{file} line 3"
    assert found.place_of("embedder", "batch") == "MEDIAINDEX__EMBEDDER__BATCH"
    assert found.place_of("cache_dir") == "MEDIAINDEX_CACHE_DIR"
    assert found.place_of("state_dir") == "the default"


def test_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing\n"), {}).settings == Settings()


def test_secret_is_masked_when_shown() -> None:
    found = load_config(environ={"MEDIAINDEX__EMBEDDER__HUB_TOKEN": "hf_geheim"})

    assert "hf_geheim" not in str(as_shown(found))
    assert found.settings.embedder.hub_token == "hf_geheim"
