"""The file that holds an account's key, and the client that is opened with it."""

import os
from pathlib import Path

import pytest

from mediaindex.clients.immich_shapes import Version
from mediaindex.config import Config, ImmichSettings, Settings
from mediaindex.errors import ConfigError
from mediaindex.immich.account import Account, is_readable_by_others, open_client, read_key
from tests.servers.immich import Immich


def config(**settings: object) -> Config:
    return Config(
        settings=Settings(immich=ImmichSettings(**settings)),  # type: ignore[arg-type]
        state_dir=Path("/nowhere"),
        cache_dir=Path("/nowhere"),
        file=None,
    )


def account(url: str, key_file: Path) -> Account:
    return Account(
        id=1,
        url=url,
        web_url=url,
        user_id="u",
        user_name="Ana",
        key_file=str(key_file),
        version=Version(3, 1, 0),
        permissions=None,
        paths=(),
    )


@pytest.mark.parametrize(
    "held", [b"k-3y_x", b"k-3y_x\n", b"  k-3y_x \r\n\n", b"\xef\xbb\xbfk-3y_x\n"]
)
def test_key_is_the_files_only_line(tmp_path: Path, held: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(held)

    assert read_key(file) == read_key(str(file)) == "k-3y_x"


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"secret\nsecond\n", "more than one line"),
        (b"secret word\n", "does not hold an API key"),
        ("secrét".encode(), "does not hold an API key"),
        (b"\x00secret\xff\xd8", "does not hold an API key"),
        (b"secret" * 1000, "does not hold an API key"),
        (b"secret\n" * 1_000_000, "does not hold an API key"),
    ],
)
def test_file_that_holds_no_key_is_told_without_a_word_of_it(
    tmp_path: Path, held: bytes, why: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(held)

    with pytest.raises(ConfigError, match=why) as caught:
        read_key(file)

    assert "secret" not in str(caught.value).replace(str(tmp_path), "")


def test_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*/none"):
        read_key(tmp_path / "none")
    with pytest.raises(ConfigError, match="is a folder"):
        read_key(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k")
    file.chmod(0)

    with pytest.raises(ConfigError, match="the user that runs this"):
        read_key(file)


def test_it_is_seen_whether_everybody_may_read_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k")
    for mode, shown in ((0o600, False), (0o640, False), (0o644, True), (0o604, True)):
        file.chmod(mode)
        assert is_readable_by_others(file) is shown
    assert not is_readable_by_others(tmp_path / "none")


def test_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("k\n")

    assert read_key("~/key") == "k"


def test_client_is_opened_with_the_accounts_key_and_contacts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with Immich() as server:
        file.write_text(server.add_user("Ana") + "\n")
        client = open_client(config(), account(server.url, file))
        assert server.requests == []

        assert client.me().name == "Ana"

        client.albums()
        assert client.requests == 2, "the version is known"


def test_far_account_needs_the_word_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k")
    far = account("https://203.0.113.7:443", file)

    with pytest.raises(ConfigError, match=r"immich\.allow_remote"):
        open_client(config(), far)
    open_client(config(allow_remote=True), far).close()
