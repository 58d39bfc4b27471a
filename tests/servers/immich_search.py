"""What a scripted Immich finds: the flat form of every version, and the filter tree of v3.2."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.base import Refusal
from tests.servers.immich_access import check_albums, owners_seen
from tests.servers.immich_archive import Archive, FakeAsset, FakeUser, is_at_or_below
from tests.servers.immich_forms import (
    Check,
    Invalid,
    checked,
    is_flag,
    is_one_of,
    is_text,
    is_time,
    is_uuid,
    is_uuids,
    is_within,
    or_null,
    time_of,
)
from tests.servers.immich_tree import TIMES, read_tree

Numbers = tuple[int, int]
VISIBILITIES = ("timeline", "archive", "hidden", "locked")
ELEVATED = Refusal(401, "Elevated permission is required")

_TIMES = [f"{what}{side}" for what in TIMES for side in ("After", "Before")]
FLAT: Mapping[str, Check] = {
    **dict.fromkeys(_TIMES, is_time),
    **dict.fromkeys(("isFavorite", "isOffline", "isMotion", "isEncoded"), is_flag),
    **dict.fromkeys(("isNotInAlbum", "withDeleted", "withStacked"), is_flag),
    "type": is_one_of("IMAGE", "VIDEO", "AUDIO", "OTHER"),
    "libraryId": or_null(is_uuid),
    "id": is_uuid,
    "personIds": is_uuids,
    "tagIds": or_null(is_uuids),
    "albumIds": is_uuids,
    "visibility": is_one_of(*VISIBILITIES),
    "checksum": is_text,
    "originalPath": is_text,
    "originalFileName": is_text,
    "description": is_text,
    "order": is_one_of("asc", "desc"),
    "page": is_within(1, None),
}
BESIDE: Mapping[str, Check] = {
    "withExif": is_flag,
    "withPeople": is_flag,
    "withStacked": is_flag,
    "size": is_within(1, 1000),
}
"""What may stand beside a filter tree too."""


@dataclass(frozen=True)
class Found:
    """One page."""

    assets: Sequence[FakeAsset]
    next_page: str | None
    next_cursor: str | None
    exif: bool
    people: bool


def search(archive: Archive, user: FakeUser, version: Numbers, body: Mapping[str, Any]) -> Found:
    """Return what a body of `POST /search/metadata` finds.

    Raises:
        Refusal: Immich would refuse it.
    """
    if version >= (3, 2) and {"filter", "orderBy", "cursor"} & set(body):
        return _search_tree(archive, user, body)
    return _search_flat(archive, user, version, body)


def _search_flat(
    archive: Archive, user: FakeUser, version: Numbers, body: Mapping[str, Any]
) -> Found:
    asked = checked(body, {**_flat_of(version), **BESIDE})
    if asked.get("visibility") == "locked":
        raise ELEVATED
    owners: Iterable[str] = owners_seen(archive, user)
    albums = asked.get("albumIds") or []
    check_albums(archive, user, albums)
    if albums and version >= (3, 2):
        owners = archive.users
    found = [
        asset
        for asset in archive.assets.values()
        if asset.owner in owners and _fits(archive, asset, asked, version)
    ]
    page, size = asked.get("page", 1), asked.get("size", 250)
    found = _ordered(found, version, page, newest_first=asked.get("order", "desc") == "desc")
    start = (page - 1) * size
    more = len(found) > start + size
    exif, people = asked.get("withExif", False), asked.get("withPeople", False)
    next_page = str(page + 1) if more else None
    return Found(found[start : start + size], next_page, None, exif, people)


def _flat_of(version: Numbers) -> dict[str, Check]:
    """Return the fields that a version knows; it drops the others."""
    since = {"visibility": (1, 133), "albumIds": (1, 142)}
    known = {name: check for name, check in FLAT.items() if version >= since.get(name, (0, 0))}
    return {**known, "withArchived": is_flag} if version < (1, 133) else known


def _fits(archive: Archive, asset: FakeAsset, asked: Mapping[str, Any], version: Numbers) -> bool:
    """Return whether an asset is one of those that a flat form asks for."""
    with_deleted = asked.get("withDeleted") or asked.get("isOffline")
    with_deleted = with_deleted or asked.get("trashedAfter") or asked.get("trashedBefore")
    visible = {asked["visibility"]} if "visibility" in asked else _usual(version, asked)
    tests: list[Callable[[], bool]] = [
        lambda: asset.visibility in visible,
        lambda: bool(with_deleted) or not asset.is_trashed,
        lambda: not asked.get("withExif") or asset.has_exif,
        lambda: _fits_times(asset, asked),
        lambda: asked.get("isFavorite") in {None, asset.is_favourite},
        lambda: asked.get("type") in {None, "VIDEO" if asset.kind == "video" else "IMAGE"},
        lambda: asked.get("libraryId", asset.library_id) == asset.library_id,
        lambda: asked.get("id", asset.id) == asset.id,
        lambda: _hex(asked.get("checksum", asset.checksum)) == asset.checksum,
        lambda: asked.get("originalPath", "").lower() in asset.path.lower(),
        lambda: all(asset.id in archive.albums[one].asset_ids for one in asked.get("albumIds", [])),
        lambda: _has_tags(archive, asset, asked),
    ]
    return all(fits() for fits in tests)


def _usual(version: Numbers, asked: Mapping[str, Any]) -> set[str]:
    """Return what is found if no visibility is asked for; there was none before v1.133."""
    if version < (1, 133):
        return {"timeline", "hidden", *(["archive"] if asked.get("withArchived") else [])}
    return {"timeline"} if version < (3, 0) else {"timeline", "archive", "hidden"}


def _fits_times(asset: FakeAsset, asked: Mapping[str, Any]) -> bool:
    for name, of in TIMES.items():
        at = of(asset)
        after, before = asked.get(f"{name}After"), asked.get(f"{name}Before")
        if after is not None and (at is None or at < time_of(after)):
            return False
        if before is not None and (at is None or at > time_of(before)):
            return False
    return True


def _has_tags(archive: Archive, asset: FakeAsset, asked: Mapping[str, Any]) -> bool:
    if "tagIds" not in asked:
        return True
    if asked["tagIds"] is None:
        return not asset.tags
    return all(has_tag(archive, asset, tag_id) for tag_id in asked["tagIds"])


def has_tag(archive: Archive, asset: FakeAsset, tag_id: str) -> bool:
    """Return whether an asset has a tag, or one below it."""
    tag = archive.tags.get(tag_id)
    return tag is not None and any(
        is_at_or_below(value, tag.value) and tag.owner == asset.owner for value in asset.tags
    )


def _ordered(
    found: list[FakeAsset], version: Numbers, page: int, *, newest_first: bool
) -> list[FakeAsset]:
    """Return them by date; before v3 what has the same one lies otherwise for each page."""

    def tie(asset: FakeAsset) -> str:
        if version >= (3, 0):
            return asset.id
        return hashlib.md5(f"{page}/{asset.id}".encode(), usedforsecurity=False).hexdigest()

    return sorted(found, key=lambda asset: (asset.taken_at, tie(asset)), reverse=newest_first)


def _search_tree(archive: Archive, user: FakeUser, body: Mapping[str, Any]) -> Found:
    for name in body:
        if name in FLAT and name not in BESIDE:
            what = f"Deprecated field {name} cannot be combined with filter, orderBy or cursor"
            raise Invalid(name, what, "custom")
    asked = checked(body, {**BESIDE, "cursor": is_text})
    tree = read_tree(body.get("filter", {}))
    if tree.could_be_locked:
        raise ELEVATED
    check_albums(archive, user, tree.albums)
    owners = set(archive.users) if tree.albums else owners_seen(archive, user)
    fits = tree.fits(archive)
    found = [one for one in archive.assets.values() if one.owner in owners and fits(one)]
    newest_first = _newest_first(body.get("orderBy"))
    found.sort(key=lambda asset: (asset.taken_at, asset.id), reverse=newest_first)
    start, size = _offset(asked.get("cursor")), asked.get("size", 250)
    more = len(found) > start + size
    cursor = base64.urlsafe_b64encode(json.dumps({"offset": start + size}).encode()).decode()
    exif, people = asked.get("withExif", False), asked.get("withPeople", False)
    return Found(found[start : start + size], None, cursor if more else None, exif, people)


def _newest_first(order: Any) -> bool:
    if order is None:
        return True
    fields = {"fileCreatedAt", "localDateTime", "fileSizeInBytes", "rating"}
    if not isinstance(order, dict) or order.get("field") not in fields:
        raise Invalid("orderBy.field", "Invalid option", "invalid_value")
    return bool(order.get("direction", "desc") == "desc")


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(cursor))["offset"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(400, "Invalid cursor") from error


def _hex(checksum: str) -> str:
    return base64.b64decode(checksum).hex() if len(checksum) == 28 else checksum.lower()
