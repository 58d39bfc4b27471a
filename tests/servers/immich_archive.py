"""What a scripted Immich holds: people, their photos, albums and tags."""

import base64
import hashlib
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Visibility = Literal["timeline", "archive", "hidden", "locked"]

QUEUES = (
    "thumbnailGeneration metadataExtraction videoConversion faceDetection facialRecognition"
    " smartSearch duplicateDetection backgroundTask storageTemplateMigration migration search"
    " sidecar library notifications backupDatabase ocr workflow"
).split()
_BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeUser:
    """A person; `keys` are the permissions by API key."""

    name: str
    is_admin: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class FakeAsset:
    """A row of Immich's database, and what the file says."""

    id: str
    #: The user's name.
    owner: str
    path: str
    #: SHA-1, hex.
    checksum: str
    #: None: it was uploaded.
    library_id: str | None
    updated_at: datetime
    taken_at: datetime
    kind: Literal["photo", "video"] = "photo"
    size_bytes: int | None = 1000
    visibility: Visibility = "timeline"
    is_trashed: bool = False
    is_favourite: bool = False
    is_offline: bool = False
    description: str = ""
    #: Values: `travel/lisbon`.
    tags: set[str] = field(default_factory=set)
    #: What file and sidecar say: what a re-extraction from a read-only library falls back to.
    file_description: str = ""
    file_tags: set[str] = field(default_factory=set)
    #: Names; "" is one without.
    people: tuple[str, ...] = ()
    #: Names of people that their owner hid.
    hidden_people: tuple[str, ...] = ()
    city: str | None = None
    state: str | None = None
    country: str | None = None
    live_video_id: str | None = None
    #: Its key-value metadata.
    record: dict[str, Any] = field(default_factory=dict)
    #: An asset whose metadata was not extracted yet has no exif row.
    has_exif: bool = True


@dataclass
class FakeAlbum:
    """An album."""

    id: str
    name: str
    owner: str
    asset_ids: list[str]
    updated_at: datetime
    description: str = ""
    #: Names of users who were let in.
    shared_with: set[str] = field(default_factory=set)


@dataclass
class FakeTag:
    """A tag of one user."""

    id: str
    owner: str
    #: The whole path.
    value: str
    created_at: datetime


class Archive:
    """All of it; whatever the tests change here is what the server then answers."""

    def __init__(self) -> None:
        self.users: dict[str, FakeUser] = {}
        self.assets: dict[str, FakeAsset] = {}
        self.albums: dict[str, FakeAlbum] = {}
        self.tags: dict[str, FakeTag] = {}
        #: (whose photos, who sees them): whether they are in the latter's timeline.
        self.partners: dict[tuple[str, str], bool] = {}
        self.queues: dict[str, dict[str, Any]] = {
            name: {"active": 0, "waiting": 0, "isPaused": False} for name in QUEUES
        }
        #: Lines from the top by asset; a tab parts what stands on one line.
        self.text_in: dict[str, list[str]] = {}
        #: The files' folder takes no sidecars, so edits by API are lost at the next extraction.
        self.read_only = False
        self.library_id = str(uuid.uuid4())
        #: Held while a request is answered.
        self.guard = threading.RLock()
        self._ticks = 0

    def now(self) -> datetime:
        """Return a time later than any before: a second for each asking, not the real clock."""
        with self.guard:
            self._ticks += 1
            return _BEGAN + timedelta(seconds=self._ticks)

    def add_user(
        self, name: str, permissions: Sequence[str] = ("all",), *, is_admin: bool = False
    ) -> str:
        """Add a user, or one more key for a user, and return the API key."""
        user = self.users.setdefault(name, FakeUser(name, is_admin))
        user.is_admin = user.is_admin or is_admin
        key = base64.urlsafe_b64encode(hashlib.sha256(uuid.uuid4().bytes).digest()).decode()[:43]
        user.keys[key] = tuple(permissions)
        return key

    def add_partner(self, shares: str, to: str, *, in_timeline: bool = True) -> None:
        """Let `to` see the photos of `shares`."""
        self.partners[shares, to] = in_timeline

    def add(
        self,
        path: str,
        *,
        owner: str,
        content: bytes | None = None,
        library: bool = True,
        **facts: Any,
    ) -> str:
        """Add an asset and return its uuid.

        Args:
            path: In Immich's container.
            owner: The user's name.
            content: For the checksum of what was uploaded; None: the path's bytes.
            library: Whether it is of an external library, whose checksum is of "path:" and `path`.
            facts: Any field of `FakeAsset`. What the file says is what is given, if not told.
        """
        assert owner in self.users, f"no user {owner}"
        hashed = f"path:{path}".encode() if library else content or path.encode()
        facts["tags"] = set(facts.get("tags", ()))
        facts["people"] = tuple(facts.get("people", ()))
        facts.setdefault("file_description", facts.get("description", "").strip())
        facts["file_tags"] = set(facts.get("file_tags", facts["tags"]))
        asset = FakeAsset(
            id=str(uuid.uuid4()),
            owner=owner,
            path=path,
            checksum=hashlib.sha1(hashed, usedforsecurity=False).hexdigest(),
            library_id=self.library_id if library else None,
            updated_at=facts.pop("updated_at", None) or self.now(),
            taken_at=facts.pop("taken_at", None) or self.now() - timedelta(days=900),
        )
        for name, value in facts.items():
            assert hasattr(asset, name), f"no fact {name}"
            setattr(asset, name, value)
        self.assets[asset.id] = asset
        return asset.id

    def add_album(
        self,
        name: str,
        uuids: Iterable[str],
        *,
        owner: str,
        shared_with: Iterable[str] = (),
        description: str = "",
    ) -> str:
        """Add an album and return its uuid."""
        found = FakeAlbum(str(uuid.uuid4()), name, owner, list(uuids), self.now(), description)
        found.shared_with = set(shared_with)
        self.albums[found.id] = found
        return found.id

    def put_into(self, album_id: str, *uuids: str) -> None:
        """Put assets into an album: that moves the album's date and not theirs."""
        album = self.albums[album_id]
        album.asset_ids += uuids
        album.updated_at = self.now()

    def touch(self, asset_id: str) -> None:
        """Have an asset changed now."""
        self.assets[asset_id].updated_at = self.now()

    def set_visibility(self, asset_id: str, visibility: Visibility) -> None:
        """Do what a person does with the buttons of the web page; locking empties the albums."""
        self.assets[asset_id].visibility = visibility
        self.touch(asset_id)
        if visibility == "locked":
            self._leave_albums(asset_id)

    def lock(self, asset_id: str) -> None:
        """Put an asset into its owner's locked folder: no key sees it from now on."""
        self.set_visibility(asset_id, "locked")

    def trash(self, asset_id: str) -> None:
        """Put an asset into the trash."""
        self.assets[asset_id].is_trashed = True
        self.touch(asset_id)

    def purge(self, asset_id: str) -> None:
        """Delete an asset for good."""
        del self.assets[asset_id]
        self._leave_albums(asset_id)

    def reextract(self, asset_id: str | None = None) -> None:
        """Do what Immich's background job does after an edit: write the sidecar, read it again.

        Args:
            asset_id: None: every asset whose description or tags are not the file's.
        """
        with self.guard:
            every = self.assets.values() if asset_id is None else [self.assets[asset_id]]
            for asset in every:
                if asset_id is not None or _differs(asset):
                    self._reextract(asset)

    def tag_of(self, owner: str, value: str) -> FakeTag:
        """Return a user's tag of a value, made with those above it where they are not there."""
        with self.guard:
            for tag in self.tags.values():
                if (tag.owner, tag.value) == (owner, value):
                    return tag
            above = value.rpartition("/")[0]
            if above:
                self.tag_of(owner, above)
            made = FakeTag(str(uuid.uuid4()), owner, value, self.now())
            self.tags[made.id] = made
            return made

    def tags_of(self, owner: str) -> Sequence[FakeTag]:
        """Return a user's tags, those that a test put on an asset among them."""
        for asset in list(self.assets.values()):
            if asset.owner == owner:
                for value in asset.tags:
                    self.tag_of(owner, value)
        return [tag for tag in self.tags.values() if tag.owner == owner]

    def drop_tag(self, tag_id: str) -> None:
        """Delete a tag and those below it; nobody's date moves and no file is told."""
        gone = self.tags[tag_id]
        for tag in list(self.tags.values()):
            if tag.owner == gone.owner and is_at_or_below(tag.value, gone.value):
                del self.tags[tag.id]
        for asset in self.assets.values():
            if asset.owner == gone.owner:
                asset.tags = {tag for tag in asset.tags if not is_at_or_below(tag, gone.value)}

    def clean_tags(self) -> None:
        """Do what Immich does every night: delete the tags that nothing has."""
        for tag in list(self.tags.values()):
            used = (
                is_at_or_below(value, tag.value)
                for asset in self.assets.values()
                if asset.owner == tag.owner
                for value in asset.tags
            )
            if not any(used):
                del self.tags[tag.id]

    def _reextract(self, asset: FakeAsset) -> None:
        if not self.read_only:
            asset.file_description = asset.description.strip()
            asset.file_tags = set(asset.tags)
        asset.description = asset.file_description.strip()
        asset.tags = set(asset.file_tags)
        asset.updated_at = self.now()

    def _leave_albums(self, asset_id: str) -> None:
        for album in self.albums.values():
            if asset_id in album.asset_ids:
                album.asset_ids.remove(asset_id)


def is_at_or_below(value: str, tag: str) -> bool:
    """Return whether a tag's value is another's, or stands below it."""
    return value == tag or value.startswith(f"{tag}/")


def person_id(owner: str, name: str) -> str:
    """Return the id of a person of a user's library."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{owner}/{name}"))


def counted(queue: Mapping[str, Any]) -> dict[str, int]:
    """Return a queue's numbers as Immich gives them."""
    names = ("active", "completed", "failed", "delayed", "waiting", "paused")
    return {name: int(queue.get(name, 0)) for name in names}


def _differs(asset: FakeAsset) -> bool:
    return (asset.description, asset.tags) != (asset.file_description, asset.file_tags)
