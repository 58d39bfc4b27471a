import errno

import pytest

from mediaindex.sources.limits import Limits, enough, read_limits, why_refused

LIMITS = Limits(watches=8192, instances=128, queued=16384)


@pytest.mark.parametrize(
    ("limit", "more", "expected"), [(8192, 12_000, 32_768), (8192, 12_289, 65_536), (0, 1, 2)]
)
def test_advice_has_room_for_twice_the_folders(limit: int, more: int, expected: int) -> None:
    assert enough(limit, more) == expected
    assert enough(limit, more) >= limit + 2 * more


def test_too_many_folders_names_the_sysctl_and_where_it_stays() -> None:
    why = why_refused(OSError(errno.ENOSPC, "No space left on device"), 12_000, LIMITS)

    assert "12000 folders" in why
    assert "8192" in why
    assert "sudo sysctl fs.inotify.max_user_watches=32768" in why
    assert "/etc/sysctl.d/" in why


def test_too_many_watchers_names_another_sysctl() -> None:
    why = why_refused(OSError(errno.EMFILE, "Too many open files"), 5, LIMITS)

    assert "sudo sysctl fs.inotify.max_user_instances=256" in why


def test_anything_else_is_said_in_its_own_words() -> None:
    why = why_refused(OSError(errno.ENFILE, "this process has too many files open"), 5, None)

    assert "too many files open" in why
    assert "sysctl" not in why


def test_limits_of_this_machine_are_read() -> None:
    limits = read_limits()

    assert limits is not None
    assert min(limits.watches, limits.instances, limits.queued) > 0
