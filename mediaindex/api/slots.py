"""So many of something at a time, and of them so many for one who asks."""

import ipaddress
import resource
from collections import Counter

ENOUGH_FILES = 8192


class Slots:
    """Counts who is in; of one event loop."""

    def __init__(self, most: int, most_each: int | None = None) -> None:
        """Begin with none in.

        Args:
            most: So many, all together.
            most_each: So many of one name; None: as many as all together.
        """
        self.most = most
        self._most_each = most if most_each is None else most_each
        self._taken: Counter[str] = Counter()

    def take(self, name: str = "") -> bool:
        """Take a slot; False: there is none."""
        if self._taken.total() >= self.most or self._taken[name] >= self._most_each:
            return False
        self._taken[name] += 1
        return True

    def give_back(self, name: str = "") -> None:
        """Let another have the slot."""
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]


def neighbourhood(address: str) -> str:
    """Return what one household has of addresses: one of IPv4, or a /64 of IPv6."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def allow_open_files(enough: int = ENOUGH_FILES) -> int:
    """Let this process have as many open files as it may, up to `enough`; return how many.

    What a login or systemd begins with, 1024, is for programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = enough if hard == unlimited else min(enough, hard)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return enough if soft == unlimited else soft
