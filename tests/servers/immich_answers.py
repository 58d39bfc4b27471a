"""The JSON of a scripted Immich, in the shapes of its versions."""

import base64
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from tests.servers.immich_archive import Archive, FakeAlbum, FakeAsset, FakeTag, FakeUser, person_id

Numbers = tuple[int, int]


def when(at: datetime) -> str:
    """Return a time as Immich writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asset_json(
    archive: Archive,
    asset: FakeAsset,
    to: FakeUser,
    version: Numbers,
    *,
    exif: bool,
    people: bool,
) -> dict[str, Any]:
    """Return an asset as a search has it: without tags and stack."""
    is_mine = asset.owner == to.name
    told: dict[str, Any] = {
        "id": asset.id,
        "createdAt": when(asset.taken_at),
        "ownerId": archive.users[asset.owner].id,
        "libraryId": asset.library_id,
        "type": "VIDEO" if asset.kind == "video" else "IMAGE",
        "originalPath": asset.path,
        "originalFileName": PurePosixPath(asset.path).name,
        "originalMimeType": "video/mp4" if asset.kind == "video" else "image/jpeg",
        "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "fileCreatedAt": when(asset.taken_at),
        "fileModifiedAt": when(asset.taken_at),
        "localDateTime": when(asset.taken_at),
        "updatedAt": when(asset.updated_at),
        "isFavorite": asset.is_favourite and is_mine,
        "isArchived": asset.visibility == "archive",
        "isTrashed": asset.is_trashed,
        "isOffline": asset.is_offline,
        "hasMetadata": True,
        "resized": True,
        "duplicateId": None,
        "duration": _duration(asset, version),
        "livePhotoVideoId": asset.live_video_id,
        "people": _people(asset, version) if people else [],
        "checksum": base64.b64encode(bytes.fromhex(asset.checksum)).decode(),
    }
    if version >= (1, 133):
        told["visibility"] = asset.visibility
    if version < (3, 0):
        told |= {"deviceAssetId": PurePosixPath(asset.path).name, "deviceId": "Library Import"}
    if version >= (2, 5):
        told |= {"width": 4032, "height": 3024, "isEdited": False}
    if exif and asset.has_exif:
        told["exifInfo"] = _exif(asset)
    return told


def whole_asset_json(
    archive: Archive, asset: FakeAsset, to: FakeUser, version: Numbers
) -> dict[str, Any]:
    """Return an asset as it is answered by its id."""
    told = asset_json(archive, asset, to, version, exif=True, people=True)
    tags = [archive.tag_of(asset.owner, value) for value in sorted(asset.tags)]
    owner = archive.users[asset.owner]
    told |= {"tags": [tag_json(tag) for tag in tags], "stack": None, "owner": _user(owner)}
    if version < (3, 0):
        told["unassignedFaces"] = []
    return told


def tag_json(tag: FakeTag) -> dict[str, Any]:
    """Return a tag."""
    made = when(tag.created_at)
    name = tag.value.rpartition("/")[2]
    return {"id": tag.id, "name": name, "value": tag.value, "createdAt": made, "updatedAt": made}


def album_json(archive: Archive, album: FakeAlbum, version: Numbers) -> dict[str, Any]:
    """Return an album of a list."""
    shown = [archive.assets[one] for one in album.asset_ids if one in archive.assets]
    users = [
        {"user": _user(archive.users[name]), "role": "editor"} for name in sorted(album.shared_with)
    ]
    owner = archive.users[album.owner]
    told: dict[str, Any] = {
        "id": album.id,
        "albumName": album.name,
        "description": album.description,
        "createdAt": when(album.updated_at),
        "updatedAt": when(album.updated_at),
        "albumThumbnailAssetId": None,
        "shared": bool(users),
        "hasSharedLink": False,
        "assetCount": sum(not asset.is_trashed for asset in shown),
        "isActivityEnabled": True,
        "order": "desc",
    }
    if version >= (3, 0):
        return {**told, "albumUsers": [{"user": _user(owner), "role": "owner"}, *users]}
    mine = {"ownerId": owner.id, "owner": _user(owner), "albumUsers": users, "assets": []}
    return {**told, **mine}


def me_json(user: FakeUser) -> dict[str, Any]:
    """Return the user whose key was sent."""
    more = {"isAdmin": user.is_admin, "storageLabel": None, "status": "active"}
    return {**_user(user), **more}


def key_json(key: str, permissions: tuple[str, ...]) -> dict[str, Any]:
    """Return a key, without itself."""
    made = "2026-01-01T00:00:00.000Z"
    told = {"id": person_id("key", key), "name": "mediaindex", "createdAt": made}
    return {**told, "updatedAt": made, "permissions": list(permissions)}


def ocr_json(asset_id: str, lines: list[str]) -> list[dict[str, Any]]:
    """Return the boxes of text, in no order; those of one line are a little askew."""
    rows = []
    for row, line in enumerate(lines):
        for place, text in enumerate(line.split("\t")):
            top, left = 0.1 + row * 0.06 - place * 0.004, 0.1 + place * 0.4
            bottom, right = top + 0.04, left + 0.3
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            box = {f"x{n}": x for n, (x, _) in enumerate(corners, 1)}
            box |= {f"y{n}": y for n, (_, y) in enumerate(corners, 1)}
            told: dict[str, Any] = {
                "id": person_id(asset_id, f"{row}.{place}"),
                "assetId": asset_id,
                "text": text,
            }
            rows.append({**told, **box, "boxScore": 0.98, "textScore": 0.91})
    return sorted(rows, key=lambda row: str(row["id"]))


def person_json(owner: str, name: str, *, is_hidden: bool) -> dict[str, Any]:
    """Return a person."""
    told = {"id": person_id(owner, name), "name": name, "birthDate": None, "isHidden": is_hidden}
    return {**told, "thumbnailPath": "/data/thumbs/x.jpeg", "isFavorite": False}


def _duration(asset: FakeAsset, version: Numbers) -> object:
    if version >= (3, 0):
        return 12_345 if asset.kind == "video" else None
    return "0:00:12.34500" if asset.kind == "video" else "0:00:00.00000"


def _people(asset: FakeAsset, version: Numbers) -> list[dict[str, Any]]:
    named = [(name, False) for name in asset.people] + [(n, True) for n in asset.hidden_people]
    told = []
    for name, is_hidden in named:
        one = person_json(asset.owner, name, is_hidden=is_hidden)
        if version < (3, 0):
            box = {"boundingBoxX1": 10, "boundingBoxY1": 10, "boundingBoxX2": 90}
            one["faces"] = [{"id": person_id("face", name), "imageWidth": 1440, **box}]
        told.append(one)
    return told


def _exif(asset: FakeAsset) -> dict[str, Any]:
    return {
        "make": "Apple",
        "model": "iPhone 12",
        "exifImageWidth": 4032,
        "exifImageHeight": 3024,
        "fileSizeInByte": asset.size_bytes,
        "orientation": "6",
        "dateTimeOriginal": when(asset.taken_at),
        "modifyDate": when(asset.taken_at),
        "timeZone": "Europe/Lisbon",
        "lensModel": None,
        "fNumber": 1.6,
        "latitude": None,
        "longitude": None,
        "city": asset.city,
        "state": asset.state,
        "country": asset.country,
        "description": asset.description,
        "projectionType": None,
        "rating": None,
    }


def _user(user: FakeUser) -> dict[str, Any]:
    told = {"id": user.id, "name": user.name, "email": f"{user.name.lower()}@home.lan"}
    return {**told, "profileImagePath": "", "avatarColor": "primary"}
