import pytest

from mediaindex.sources.filesystems import HIDE, TELL, Choice, Wish, choose, tells_of_changes


@pytest.mark.parametrize(
    "fstype", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "f2fs", "exfat", "fuseblk"]
)
def test_disk_of_this_machine_is_watched(fstype: str) -> None:
    assert choose("auto", fstype) == Choice("inotify", None)


@pytest.mark.parametrize(
    "fstype",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.mergerfs",
        "fuse.something_new",
        "9p",
        "virtiofs",
        "overlay",
        "ceph",
        "glusterfs",
        "vboxsf",
    ],
)
def test_what_others_change_in_silence_is_polled_and_that_is_well(fstype: str) -> None:
    assert choose("auto", fstype) == Choice("poll", None)


@pytest.mark.parametrize("fstype", ["", "newfs"])
def test_what_is_not_known_is_polled_and_says_how_to_have_it_watched(fstype: str) -> None:
    choice = choose("auto", fstype)

    assert choice.watching == "poll"
    assert "watch: inotify" in str(choice.trouble)


def test_watching_what_lies_is_obeyed_and_says_what_it_misses() -> None:
    choice = choose("inotify", "nfs4")

    assert choice.watching == "inotify"
    assert "nfs4" in str(choice.trouble)
    assert "sweeps" in str(choice.trouble)


@pytest.mark.parametrize("wish", ["poll", "off"])
@pytest.mark.parametrize("fstype", ["ext4", "nfs4"])
def test_poll_and_off_are_obeyed_everywhere(wish: Wish, fstype: str) -> None:
    assert choose(wish, fstype) == Choice("off" if wish == "off" else "poll")


def test_no_file_system_both_tells_and_hides() -> None:
    assert not TELL & HIDE
    assert not any(map(tells_of_changes, HIDE))
