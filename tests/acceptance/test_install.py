"""`deploy/install.sh`, with all its files in a folder: twice, out again, and half-way."""

import subprocess
from pathlib import Path

import pytest

from mediaindex.config import load_config

INSTALL = Path(__file__).resolve().parents[2] / "deploy" / "install.sh"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where / would be."""
    return tmp_path / "root"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder whose name is hard on shells and on YAML."""
    folder = tmp_path / "it's #1: ours $HOME"
    folder.mkdir()
    return folder


def install(root: Path, *words: str | Path, answer: str = "") -> subprocess.CompletedProcess[str]:
    command = [INSTALL, "--root", root, *words]
    return subprocess.run(
        command, input=answer, capture_output=True, text=True, check=False, timeout=60
    )


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_second_run_changes_nothing(root: Path, photos: Path) -> None:
    first = install(root, photos)
    after_first = files(root)
    second = install(root)

    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stderr) == (0, "")
    assert files(root) == after_first
    unit = root / "etc/systemd/system/mediaindex.service"
    assert unit.read_bytes() == (INSTALL.parent / "mediaindex.service").read_bytes()
    assert (root / "usr/local/bin/mediaindex").readlink() == Path(
        "/opt/mediaindex/.venv/bin/mediaindex"
    )


def test_the_settings_that_it_writes_are_taken(root: Path, photos: Path) -> None:
    install(root, photos)

    config = load_config(root / "etc/mediaindex/config.yaml", environ={})
    assert [library.path for library in config.settings.libraries] == [str(photos)]
    assert str(config.state_dir) == "/var/lib/mediaindex"
    assert str(config.cache_dir) == "/var/cache/mediaindex"
    assert str(config.socket_path) == "/run/mediaindex/mediaindex.sock"
    assert config.settings.log.level == "info"


def test_without_a_folder_the_settings_are_taken_too(root: Path) -> None:
    install(root)

    assert load_config(root / "etc/mediaindex/config.yaml", environ={}).settings.libraries == ()


def test_settings_are_not_for_everybody_to_read(root: Path, photos: Path) -> None:
    install(root, photos)

    assert (root / "etc/mediaindex/config.yaml").stat().st_mode & 0o777 == 0o640
    assert (root / "var/lib/mediaindex").stat().st_mode & 0o777 == 0o750


def test_an_upgrade_leaves_the_settings_and_nothing_of_the_old_program(root: Path) -> None:
    install(root)
    settings = root / "etc/mediaindex/config.yaml"
    settings.write_text("log: {level: debug}\n")
    stale = root / "opt/mediaindex/mediaindex/of_an_older_version.py"
    stale.touch()

    result = install(root, "--upgrade")

    assert result.returncode == 0
    assert settings.read_text() == "log: {level: debug}\n"
    assert not stale.exists()


def test_a_run_that_was_cut_off_is_mended_by_the_next(root: Path, photos: Path) -> None:
    half = root / "opt/mediaindex/mediaindex.new/cli"
    half.mkdir(parents=True)
    (root / "etc/mediaindex").mkdir(parents=True)
    (root / "etc/mediaindex/config.yaml.new").write_text("half a li")

    assert install(root, photos).returncode == 0

    assert (root / "opt/mediaindex/mediaindex/cli/main.py").is_file()
    assert not [name for name in files(root) if ".new" in name]


def test_a_run_that_fails_says_so_and_is_mended_by_the_next(root: Path, photos: Path) -> None:
    in_the_way = root / "etc/mediaindex"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()

    failed = install(root, photos)
    in_the_way.unlink()

    assert failed.returncode != 0
    assert "run this again" in failed.stderr
    assert install(root, photos).returncode == 0
    assert load_config(root / "etc/mediaindex/config.yaml", environ={}).settings.libraries


def test_uninstalling_keeps_what_it_knows(root: Path, photos: Path) -> None:
    install(root, photos)
    database = root / "var/lib/mediaindex/mediaindex.db"
    database.write_text("years of work")
    drop_in = root / "etc/systemd/system/mediaindex.service.d/override.conf"
    drop_in.write_text("[Service]\n")

    result = install(root, "--uninstall")

    assert result.returncode == 0
    assert "/var/lib/mediaindex" in result.stdout
    assert set(files(root)) == {
        "var/lib/mediaindex/mediaindex.db",
        "etc/mediaindex/config.yaml",
        "etc/systemd/system/mediaindex.service.d/override.conf",
    }
    assert not (root / "usr/local/bin/mediaindex").is_symlink()
    assert install(root, "--uninstall").returncode == 0  # nothing is there any more


@pytest.mark.parametrize("answer", ["", "\n", "yes\n", "no\n"])
def test_purging_without_the_word_does_nothing(root: Path, photos: Path, answer: str) -> None:
    install(root, photos)
    before = files(root)

    assert install(root, "--purge", answer=answer).returncode == 1
    assert files(root) == before


def test_purging_leaves_nothing_but_photos(root: Path, photos: Path) -> None:
    photo = photos / "photo.jpg"
    photo.touch()
    install(root, photos)
    (root / "var/cache/mediaindex/preview.jpg").touch()

    assert install(root, "--purge", answer="delete\n").returncode == 0

    assert files(root) == {}
    assert photo.exists()


def test_photos_in_its_own_folders_are_not_purged(root: Path) -> None:
    install(root)
    inside = "/var/lib/mediaindex/photos"
    (root / "etc/mediaindex/config.yaml").write_text(f"libraries:\n  - path: {inside}\n")
    before = files(root)

    result = install(root, "--purge", answer="delete\n")

    assert result.returncode == 1
    assert "names a library in" in result.stderr
    assert files(root) == before


def test_a_dry_run_says_everything_and_does_nothing(root: Path, photos: Path) -> None:
    result = install(root, "--dry-run", photos)

    assert result.returncode == 0
    assert "write " in result.stdout
    assert not root.exists()


def test_a_folder_that_is_not_there_ends_it_before_anything_is_done(root: Path) -> None:
    result = install(root, "/nowhere/photos")

    assert result.returncode == 1
    assert result.stderr == "install: /nowhere/photos is no folder\n"
    assert not root.exists()


def test_an_option_that_is_mistyped_is_named(root: Path) -> None:
    result = install(root, "--uninstal")

    assert result.returncode == 1
    assert "--uninstal" in result.stderr
    assert not root.exists()
