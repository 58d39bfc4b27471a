"""Which file systems tell of changes, and so how a library on one is watched.

Decides from the type's name in /proc/self/mountinfo; touches nothing.
"""

from dataclasses import dataclass
from typing import Literal

Wish = Literal["auto", "inotify", "poll", "off"]
Watching = Literal["inotify", "poll", "off"]

TELL = frozenset(
    "ext2 ext3 ext4 xfs btrfs zfs bcachefs f2fs jfs nilfs2 reiserfs tmpfs ramfs vfat msdos exfat "
    "ntfs ntfs3 fuseblk hfs hfsplus apfs udf iso9660 squashfs erofs ubifs jffs2".split(" ")
)
"""Only this machine can change what lies on them, and its kernel sees all that it does.

`fuseblk` is FUSE upon a disk (ntfs-3g, exfat-fuse), which nobody else has mounted meanwhile.
"""

HIDE = frozenset(
    "nfs nfs4 cifs smb2 smb3 smbfs ncpfs 9p virtiofs overlay overlayfs aufs unionfs ecryptfs fuse "
    "ceph glusterfs lustre gpfs beegfs gfs2 ocfs2 afs coda davfs davfs2 vboxsf vmhgfs prl_fs drvfs "
    "osxfs fakeowner autofs".split(" ")
)
"""Changed by other machines, by the host, or in the folders that they are laid over, in silence."""


@dataclass(frozen=True)
class Choice:
    """How changes in a library are noticed."""

    watching: Watching
    #: What is missed so, and what to do about it; None if this is as good as it gets.
    trouble: str | None = None


def tells_of_changes(fstype: str) -> bool:
    """Return True if inotify hears of every change on a file system, whoever made it.

    Args:
        fstype: As /proc/self/mountinfo has it; one that is not known is not trusted.
    """
    return fstype in TELL


def choose(wish: Wish, fstype: str) -> Choice:
    """Return how to watch a library that lies on a file system.

    Args:
        wish: `watch` of the library's settings; obeyed where it is not `auto`.
        fstype: The type of the file system, "" where it is not known.
    """
    if wish == "auto":
        return _by_itself(fstype)
    if wish == "inotify" and not tells_of_changes(fstype):
        return Choice(
            "inotify",
            f"{_named(fstype)} tells of changes that are made through this machine's mount, and of "
            "no others; those are found by the sweeps alone (watch: poll looks more often)",
        )
    return Choice(wish)


def _by_itself(fstype: str) -> Choice:
    if tells_of_changes(fstype):
        return Choice("inotify")
    if fstype in HIDE or fstype.startswith("fuse."):
        return Choice("poll")
    return Choice(
        "poll",
        f"it is not known whether {_named(fstype)} tells of all changes, so the folder is looked "
        "through again and again; if it does, set watch: inotify",
    )


def _named(fstype: str) -> str:
    return f"the file system {fstype}" if fstype else "its file system, whose type is not known,"
