import os
from dataclasses import replace
from pathlib import Path

import pytest

from mediaindex.sources.mounts import Identity, Mount, identity_from, identity_of, mount_of, parse

MOUNTINFO = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 0:30 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c
40 27 8:1 /photos/old /srv/old\040photos rw shared:2 master:3 - ext4 /dev/sda1 rw
41 27 0:44 / /srv/nas rw,noatime - autofs systemd-1 rw
42 41 0:45 / /srv/nas rw,noatime - nfs4 nas:/export/my\134photos rw,vers=4.2
43 27 0:46 / /srv/nas-2 rw - fuse.sshfs me@host:/ rw
44 27 0:47 / /srv/caf"""
MOUNTED = parse(MOUNTINFO + b"\xe9 rw - tmpfs none rw\nrubbish\n")


@pytest.mark.parametrize(
    ("path", "point", "fstype", "source"),
    [
        ("/srv/old photos/2020", "/srv/old photos", "ext4", "/dev/sda1"),
        ("/srv/nas/2020", "/srv/nas", "nfs4", "nas:/export/my\\photos"),
        ("/srv/nas-2/x", "/srv/nas-2", "fuse.sshfs", "me@host:/"),
        ("/srv/nas-3", "/", "overlay", "overlay"),
        (os.fsdecode(b"/srv/caf\xe9"), os.fsdecode(b"/srv/caf\xe9"), "tmpfs", "none"),
    ],
)
def test_path_lies_on_the_innermost_mount_and_the_last_of_one_point(
    path: str, point: str, fstype: str, source: str
) -> None:
    found = mount_of(Path(path), MOUNTED)

    assert found is not None
    assert (found.point, found.fstype, found.source) == (Path(point), fstype, source)


def test_bind_mount_tells_which_folder_it_shows() -> None:
    assert mount_of(Path("/srv/old photos"), MOUNTED) == Mount(
        Path("/srv/old photos"), "ext4", "/dev/sda1", "/photos/old"
    )


def test_nothing_is_known_where_the_system_does_not_tell() -> None:
    assert mount_of(Path("/srv"), []) is None


def test_identity_outlives_being_stored(tmp_path: Path) -> None:
    found = replace(identity_of(tmp_path), inner=("a b", os.fsdecode(b"caf\xe9")))

    read = identity_from(found.text)

    assert read == found
    assert read.inner == found.inner


@pytest.mark.parametrize("text", ["", "tmpfs", "[]", "null", '{"fstype": "ext4"}'])
def test_identity_in_other_words_is_none(text: str) -> None:
    assert identity_from(text) is None


def test_what_is_mounted_within_is_no_part_of_what_a_folder_is() -> None:
    disk = Identity("ext4", "/dev/sda1", "/", "", 1)

    assert disk == replace(disk, inner=("usb",))
    assert disk != replace(disk, source="/dev/sdb1")
