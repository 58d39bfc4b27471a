"""Libraries and our own folders lie beside each other, and none is swallowed by another."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from mediaindex import apart, libraries, parts
from mediaindex.care.backup import back_up
from mediaindex.cli.config import prompts
from mediaindex.config import Config, load_config
from mediaindex.daemon.daemon import Daemon
from mediaindex.errors import ConfigError
from mediaindex.indexing import check_folders
from mediaindex.sources.folder import walk
from mediaindex.store import files
from mediaindex.store.database import Database
from tests.conftest import NOW


def settings(home: Path, **more: str) -> Config:
    """Return settings whose folders lie in `home`; `more` is more environment."""
    environ = {
        "HOME": str(home),
        "MEDIAINDEX_STATE_DIR": str(home / "state"),
        "MEDIAINDEX_CACHE_DIR": str(home / "cache"),
        "MEDIAINDEX__EMBEDDER__USE": "colour",
        "MEDIAINDEX__INDEX__USE": "exact",
    }
    return load_config(environ=environ | more)


def listing(config: Config, text: str) -> Config:
    """Return `config` with these `libraries:`."""
    file = config.cache_dir.parent / "config.yaml"
    file.write_text(f"libraries: {text}\n")
    named = {
        "MEDIAINDEX_STATE_DIR": str(config.state_dir),
        "MEDIAINDEX_CACHE_DIR": str(config.cache_dir),
    }
    return load_config(file, named)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


@pytest.fixture
def store(config: Config) -> Iterator[Database]:
    with closing(parts.store(config)) as opened:
        yield opened


@pytest.fixture
def share(tmp_path: Path) -> Path:
    made = tmp_path / "nas" / "share"
    made.mkdir(parents=True)
    return made


def test_library_of_the_settings_is_not_swallowed_by_a_folder_around_it(
    config: Config, store: Database, share: Path
) -> None:
    config = listing(config, f"[{{path: {share}, sentinel: here.txt}}]")

    with pytest.raises(ConfigError, match="in its place, or index the other folders"):
        libraries.wanted_libraries(config, store, [share.parent])

    (library,) = libraries.every_library(config, store)
    assert (library.root, library.sentinel) == (share, "here.txt")


def test_library_that_is_not_listed_becomes_a_part_of_a_folder_around_it_by_index_only(
    config: Config, store: Database, share: Path
) -> None:
    libraries.wanted_libraries(config, store, [share])

    with pytest.raises(ConfigError, match="holds the library"):
        libraries.wanted_libraries(config, store, [share.parent], may_widen=False)
    ((library, _),) = libraries.wanted_libraries(config, store, [share.parent])

    assert library.root == share.parent


def test_one_listed_library_within_another_is_an_error(
    config: Config, store: Database, share: Path
) -> None:
    for text in (
        f"[{{path: {share}}}, {{path: {share.parent}}}]",
        f"[{{path: {share.parent}}}, {{path: {share}}}]",
    ):
        with pytest.raises(ConfigError, match="list one of them"):
            libraries.every_library(listing(config, text), store)


@pytest.mark.parametrize("folder", ["/", "/proc", "/sys/class", "/dev", "/run", "/boot", "/etc"])
def test_folder_of_the_system_is_no_library(config: Config, folder: str) -> None:
    with pytest.raises(ConfigError, match=r"no library|cannot be a library"):
        apart.check(config, [Path(folder)])


def test_mounted_disk_is_a_library(config: Config) -> None:
    apart.check(config, [Path("/run/media/ann/disk"), Path("/run/user/1000/gvfs/nas")])


@pytest.mark.parametrize("folder", ["", "state", "cache", "cache/previews", "state/backups"])
def test_folder_of_ours_or_around_it_is_no_library(
    config: Config, store: Database, tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)

    with pytest.raises(ConfigError, match=r"keeps for itself|lies in the library"):
        libraries.wanted_libraries(config, store, [tmp_path / folder])

    assert libraries.every_library(config, store) == []


@pytest.mark.parametrize("setting", ["STATE_DIR", "CACHE_DIR", "_BACKUP__FOLDER", "_SERVE__SOCKET"])
def test_nothing_of_ours_is_made_in_a_library(
    config: Config, store: Database, share: Path, setting: str
) -> None:
    libraries.wanted_libraries(config, store, [share])
    store.close()
    wrong = settings(share.parents[1], **{f"MEDIAINDEX_{setting}": str(share / "ours")})
    if setting == "STATE_DIR":
        wrong = listing(wrong, f"[{{path: {share}}}]")

    with pytest.raises(ConfigError, match="lies in the library"):
        check_folders(wrong)

    assert list(share.iterdir()) == []


def test_daemon_does_not_begin_where_its_folders_lie_in_a_library(
    config: Config, store: Database, share: Path
) -> None:
    libraries.wanted_libraries(config, store, [share])
    wrong = settings(share.parents[1], MEDIAINDEX__BACKUP__FOLDER=str(share / "ours"))

    with pytest.raises(ConfigError, match=r"backup\.folder"):
        Daemon(wrong)


def test_commands_write_nothing_into_a_library(
    config: Config, store: Database, share: Path
) -> None:
    libraries.wanted_libraries(config, store, [share])

    for target in (share, share / "mine.db"):
        with pytest.raises(ConfigError, match="lies in the library"):
            back_up(config, NOW, target=target)
    environ = {
        "MEDIAINDEX_STATE_DIR": str(config.state_dir),
        "MEDIAINDEX_CACHE_DIR": str(config.cache_dir),
        "HOME": str(share.parents[1]),
    }
    for folder in (share / "prompts", share.parent):
        done = CliRunner().invoke(prompts, [str(folder)], env=environ)
        assert isinstance(done.exception, ConfigError)
    assert list(share.parent.rglob("*")) == [share]
    back_up(config, NOW, target=share.parent)


def test_sweep_leaves_out_folders_of_ours_that_lie_in_a_library_all_the_same(
    config: Config, store: Database, share: Path
) -> None:
    libraries.wanted_libraries(config, store, [share])
    cache = share / "[cache] of ours"
    (cache / "previews").mkdir(parents=True)
    (share / "c").mkdir()
    wrong = settings(share.parents[1], MEDIAINDEX_CACHE_DIR=str(cache))

    with store.read() as session:
        (row,) = files.libraries(session)
        rules = libraries.library_of(wrong, row, None).rules

    assert [folder.path for folder in walk(share, rules)] == ["", "c"]


def test_doctor_tells(config: Config, store: Database, share: Path) -> None:
    from mediaindex.cli.doctor import _apart

    libraries.wanted_libraries(config, store, [share])
    assert list(_apart(config)) == []
    wrong = settings(share.parents[1], MEDIAINDEX__BACKUP__FOLDER=str(share / "ours"))

    assert [finding.state for finding in _apart(wrong)] == ["bad"]


def test_a_home_folder_may_be_a_library_although_our_folders_are_hidden_in_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "pictures").mkdir()
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / ".local" / "state")}
    environ["XDG_CACHE_HOME"] = str(tmp_path / ".cache")
    file = tmp_path / "config.yaml"
    file.write_text(f"libraries: [{{path: {tmp_path}}}]\n")

    apart.check(load_config(file, environ))
    file.write_text(f"libraries: [{{path: {tmp_path}}}]\nsweep: {{hidden: true}}\n")
    with pytest.raises(ConfigError, match="media folders are never written to"):
        apart.check(load_config(file, environ))


def test_listed_part_of_a_known_library_is_told_of(config: Config, share: Path) -> None:
    part = share / "phone"
    listed = listing(config, f"[{{path: {part}, sentinel: .here}}]")

    (told,) = apart.unheeded(listed, [share.parent / "other", share])

    assert f"{part} is listed, and is part of the library {share}" in told
    assert not list(apart.unheeded(listed, [part, share.parent / "other"]))
