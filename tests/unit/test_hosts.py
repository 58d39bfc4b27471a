import socket
from collections.abc import Callable

import pytest

from mediaindex.clients.hosts import check_address, check_name, is_near, read_host
from mediaindex.errors import ConfigError, ServerOff

Resolve = Callable[..., list[tuple[object, ...]]]


def resolver(*addresses: str) -> Resolve:
    """A fake `getaddrinfo` for which every name stands for these addresses."""

    def resolve(name: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ]

    return resolve


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 127.8.9.1 ::1 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.178.20 "
    "169.254.3.4 100.64.0.1 100.127.255.254 fd7a:115c:a1e0::1 fe80::1 fe80::1%eth0 "
    "::ffff:192.168.1.5".split(),
)
def test_addresses_of_the_house_are_near(address: str) -> None:
    assert is_near(address)


@pytest.mark.parametrize(
    "address",
    "8.8.8.8 172.32.0.1 172.15.255.255 100.63.255.255 100.128.0.1 192.169.0.1 11.0.0.1 "
    "2001:db8::1 2606:4700::1111 ::ffff:8.8.8.8 203.0.113.7 224.0.0.1 not-an-address".split(),
)
def test_all_other_addresses_are_far(address: str) -> None:
    assert not is_near(address)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("nas", "http://nas:11434"),
        (" nas:8080/ ", "http://nas:8080"),
        ("192.168.1.5", "http://192.168.1.5:11434"),
        ("http://nas", "http://nas:80"),
        ("https://ai.home/ollama/", "https://ai.home:443/ollama"),
        ("http://[fd00::5]:11434", "http://[fd00::5]:11434"),
        ("http://[fe80::1%eth0]:1", "http://[fe80::1%eth0]:1"),
        ("my_nas", "http://my_nas:11434"),
        ("http://BÜRO.home:1", "http://büro.home:1"),
        ("xn--bro-hoa.home", "http://xn--bro-hoa.home:11434"),
    ],
)
def test_addresses_are_read_as_people_write_them(written: str, read: str) -> None:
    assert read_host(written, 11434).url == read


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "ftp://nas",
        "http://nas:port",
        "http://nas:99999",
        "http://nas:0",
        "nas:0",
        "http://nas/?q=1",
        "http://nas/?",
        "http://nas/#models",
        # Octal for some, who read 8.8.8.8 in it.
        "http://010.8.8.8",
        "http://１０.8.8.8",  # noqa: RUF001 - full-width digits are what it is about
        "http://a b",
        "http://nas/\r\nHost: x",
        "http://nas/a\x00b",
        "http://na\ns",
        "http://a..b",
        f"http://{'a' * 70}",
        "http://nas\\evil",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"caption\.url: expected something like http://nas:11434"
    ):
        read_host(url, 11434)


@pytest.mark.parametrize("end", ["nas:11434", "nas:port", "a b", "nas#", "[nas"])
def test_password_in_an_address_is_refused_and_not_repeated(end: str) -> None:
    with pytest.raises(ConfigError, match=r"caption\.api_key") as refused:
        read_host(f"http://me:secret@{end}", 11434)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["8.8.8.8", "http://[2606:4700::1111]/", "https://203.0.113.7:443"])
def test_far_address_is_refused_when_it_is_read(url: str) -> None:
    with pytest.raises(ConfigError, match=r"set caption\.allow_remote: true"):
        read_host(url, 11434)

    assert read_host(url, 11434, allow_remote=True).allow_remote


def test_name_of_a_far_address_is_refused_when_it_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = read_host("gaming-pc", 11434)
    # One near address among them does not help: which is taken is not ours to say.
    monkeypatch.setattr(socket, "getaddrinfo", resolver("192.168.1.5", "203.0.113.7"))

    with pytest.raises(ServerOff, match=r"gaming-pc stands for 203\.0\.113\.7.*allow_remote"):
        check_name(host)


def test_name_of_near_addresses_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("192.168.1.5", "fd00::5"))

    check_name(read_host("nas", 11434))


def test_unknown_name_is_left_for_connecting_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    check_name(read_host("nas", 11434))


def test_far_name_passes_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("203.0.113.7"))
    host = read_host("ai.example", 443, allow_remote=True)

    check_name(host)
    check_address(host, "203.0.113.7")
