"""What is mounted where, as Linux tells it in `/proc/self/mountinfo`."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One mounted file system, or a part of one."""

    #: Where it is mounted; absolute.
    point: Path
    #: `ext4`, `nfs4`, `cifs`, `fuse.sshfs`, `overlay`, ...
    fstype: str
    #: What it is mounted from: a device, `nas:/photos`, or whatever its kind calls itself.
    source: str
    #: Which folder of the file system is at `point`; not "/" for bind mounts and subvolumes.
    root: str


@dataclass(frozen=True)
class Identity:
    """What a folder is mounted from. It changes when something else is mounted there.

    It may change as well where nothing else did: a USB disk is another device today.
    """

    fstype: str
    source: str
    #: The mount's own root and the way from where it is mounted to the folder; "" is the same.
    root: str
    inside: str
    #: The file system's own number; of most it is made from the UUID and outlives a restart.
    fsid: int
    #: What is mounted within the folder, as paths from it. No part of what it is itself.
    inner: tuple[str, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def shown(self) -> str:
        """As people are told."""
        return f"{self.fstype} from {self.source}" if self.fstype else "an unknown file system"


def identity_from(text: str) -> Identity | None:
    """Return an identity from its text; None if an older version wrote it differently."""
    try:
        found = json.loads(text)
        return Identity(**found | {"inner": tuple(found["inner"])})
    except (ValueError, TypeError, KeyError):
        return None


def parse(mountinfo: bytes) -> list[Mount]:
    """Return the mounts of a `mountinfo`, in order; what is mounted over another comes later.

    Lines that are not as proc(5) says are left out.
    """
    found = []
    for line in mountinfo.splitlines():
        # 36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
        before, dash, after = line.partition(b" - ")
        fields, kind = before.split(b" "), after.split(b" ")
        if dash and len(fields) >= 6 and len(kind) >= 2:
            point, root = _plain(fields[4]), _plain(fields[3])
            found.append(Mount(Path(point), _plain(kind[0]), _plain(kind[1]), root))
    return found


def mounts() -> list[Mount]:
    """Return what is mounted now; none where the system does not tell."""
    try:
        return parse(MOUNTINFO.read_bytes())
    except OSError:
        return []


def mount_of(path: Path, mounted: Sequence[Mount]) -> Mount | None:
    """Return the mount that an absolute path without links lies on; None if none is known."""
    found = None
    for mount in mounted:
        deeper = found is None or len(mount.point.parts) >= len(found.point.parts)
        if deeper and path.is_relative_to(mount.point):
            found = mount
    return found


def identity_of(root: Path) -> Identity:
    """Return what a folder is mounted from now. Asks its file system, which may take for ever.

    Raises:
        OSError: It is not there, or its file system does not answer.
    """
    real = root.resolve(strict=True)
    fsid = os.statvfs(real).f_fsid
    mounted = mounts()
    within = {each.point.relative_to(real) for each in mounted if each.point.is_relative_to(real)}
    inner = tuple(sorted(str(path) for path in within if path.parts))
    mount = mount_of(real, mounted)
    if mount is None:
        return Identity("", "", "", "", fsid, inner)
    way = real.relative_to(mount.point)
    inside = str(way) if way.parts else ""
    return Identity(mount.fstype, mount.source, mount.root, inside, fsid, inner)


def _plain(escaped: bytes) -> str:
    r"""Return a field with its `\040` for a space and the like undone."""
    return os.fsdecode(_ESCAPED.sub(lambda code: bytes([int(code[1], 8) & 255]), escaped))
