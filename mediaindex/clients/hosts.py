"""Which hosts may be contacted: this machine and the home network, unless the user says more."""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import httpx

from mediaindex.errors import ConfigError, ServerOff

NEAR = tuple(
    ip_network(network)
    for network in (
        "127.0.0.0/8",
        "::1/128",
        # "Any address", which as a destination is this machine.
        "0.0.0.0/32",
        "::/128",
        # RFC 1918, and its like in IPv6.
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        # Link-local.
        "169.254.0.0/16",
        "fe80::/10",
        # RFC 6598, from which Tailscale gives its addresses.
        "100.64.0.0/10",
    )
)
"""Networks that do not leave the house. Not `is_private`: that takes in test networks too."""


@dataclass(frozen=True)
class Host:
    """A server's address, as read from a setting."""

    #: With scheme and port, no slash at the end, never with a password.
    url: str
    name: str
    port: int
    #: Whether the user said that it may be anywhere.
    allow_remote: bool
    #: The part of config.yaml that it was read from, for people.
    section: str = "caption"


@dataclass(frozen=True)
class _Place:
    """Where a server's address comes from, for people."""

    url: str
    key: str
    #: What would leave the house.
    load: str


_IMMICH = _Place("Immich's address", "a file of its own (--key-file)", "what we tell each other")


def _place(section: str) -> _Place:
    """Return where the address is written; that of Immich stands in no setting."""
    return (
        _IMMICH
        if section == "immich"
        else _Place(f"{section}.url", f"{section}.api_key", "your pictures")
    )


def read_host(url: str, port: int, *, allow_remote: bool = False, section: str = "caption") -> Host:
    """Read an address; nothing is contacted, and names are not looked up.

    Args:
        url: `http://nas:11434`, or less: `nas`, `192.168.1.5:8080`, `https://ai.home/ollama`.
        port: Where the server listens if neither a port nor a scheme is given.
        allow_remote: Whether it may be outside the home network.
        section: The part of config.yaml that it stands in, or that has its `allow_remote`.

    Raises:
        ConfigError: It is no address, or a far one that is not allowed.
    """
    place = _place(section)
    wrong = ConfigError(f"{place.url}: expected something like http://nas:{port}, not {url!r}")
    url = url.strip()
    full = url if "://" in url else f"http://{url}"
    # Before anything that shows the address.
    if "@" in full.partition("://")[2].partition("/")[0]:
        raise ConfigError(f"{place.url}: take the password out; keys belong in {place.key}")
    # urlsplit drops line breaks without a word, and an empty query.
    if not full.isprintable() or set(full) & set(" ?#\\"):
        raise wrong
    try:
        parts = urlsplit(full)
        given = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or given == 0:
        raise wrong
    usual = port if "://" not in url else {"http": 80, "https": 443}[parts.scheme]
    name = parts.hostname
    host = f"[{name}]" if ":" in name else name
    path = parts.path.rstrip("/")
    whole = f"{parts.scheme}://{host}:{given or usual}{path}"
    if not _can_be_asked(whole, parts):
        raise wrong
    found = Host(whole, name, given or usual, allow_remote, section)
    address = _address(name)
    if address and not (allow_remote or _near(address)):
        raise ConfigError(far(found, name))
    return found


def check_name(host: Host) -> None:
    """Look the host's name up, and check every address that it stands for.

    Raises:
        ServerOff: One is not in the home network. A name that is not known is none of this
            function's business: connecting will say so.
    """
    if host.allow_remote:
        return
    try:
        found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for *_, address in found:
        check_address(host, str(address[0]))


def check_address(host: Host, address: str) -> None:
    """Check an address that the host's name stands for, or that answered under it.

    Raises:
        ServerOff: It is not in the home network, and must be.
    """
    if not host.allow_remote and not is_near(address):
        raise ServerOff(far(host, address))


def is_near(address: str) -> bool:
    """Return whether an IP address is of this machine or a home network; anything else: False."""
    found = _address(address)
    return found is not None and _near(found)


def far(host: Host, address: str) -> str:
    """Return what to tell the user whose server is out of the house."""
    who = address if address == host.name else f"{host.name} stands for {address}, which"
    place = _place(host.section)
    at_home = "" if place is _IMMICH else f" in {place.url}"
    return (
        f"{place.url}: {who} is not in your home network, and {place.load} would leave it;"
        f" name an address at home{at_home}, or, if this one is meant, set"
        f" {host.section}.allow_remote: true"
    )


def _can_be_asked(url: str, parts: SplitResult) -> bool:
    """Return whether httpx, and the system after it, read the same host in an address as we do."""
    try:
        read = httpx.URL(url)
        read.raw_host.decode("ascii").encode("idna")  # as a name is looked up
    except (httpx.InvalidURL, UnicodeError):
        return False
    return parts.hostname in {read.host, read.raw_host.decode("ascii")}


def _near(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in NEAR)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
