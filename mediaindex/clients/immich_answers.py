"""Read what Immich answers, from any of its versions.

What is not needed may be missing or new; what is needed is looked at before it is believed.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

from mediaindex.clients.immich_shapes import (
    Album,
    Asset,
    Named,
    Queue,
    User,
    Version,
    Visibility,
)

HOME = "/usr/src/app"
"""Where Immich's container starts: until v1.13x uploads lay in `upload/...`, seen from there."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_HEX = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")


class Odd(ValueError):  # noqa: N818 - said of an answer
    """An answer is not as Immich gives it; the text ends "it answered with"."""


def read_version(body: object) -> Version:
    """Return the server's version."""
    one = _object(body, "a version")
    numbers = [_number(one.get(name)) for name in ("major", "minor", "patch")]
    if None in numbers:
        raise Odd("a version without numbers")
    major, minor, patch = cast("list[int]", numbers)
    return Version(major, minor, patch)


def read_user(body: object) -> User:
    """Return a user."""
    one = _object(body, "a user")
    return User(_id(one, "a user"), _text(one.get("name")), one.get("isAdmin") is True)


def read_permissions(body: object) -> frozenset[str] | None:
    """Return what a key may do; None: it is not told."""
    found = _object(body, "a key").get("permissions")
    if not isinstance(found, list):
        return None
    return frozenset(_text(one) for one in found if isinstance(one, str))


def read_total(body: object) -> int:
    """Return how many photos and videos were counted."""
    total = _number(_object(body, "numbers").get("total"))
    if total is None:
        raise Odd("numbers without a total")
    return total


def read_assets(body: object) -> list[Asset]:
    """Return the photos and videos of a list; Immich knows other kinds, and has none of them."""
    found = [read_asset(one) for one in items(body, "assets")]
    return [asset for asset in found if asset]


def read_asset(body: object) -> Asset | None:
    """Return a photo or video; None: it is neither."""
    one = _object(body, "an asset")
    kinds: Mapping[object, Any] = {"IMAGE": "photo", "VIDEO": "video"}
    if one.get("type") in {"AUDIO", "OTHER"}:
        return None
    if not isinstance(one.get("type"), str) or one["type"] not in kinds:
        raise Odd("an asset that is no picture, no video, and nothing else")
    path, exif = _text(one.get("originalPath")), one.get("exifInfo")
    if not path:
        raise Odd("an asset that has no path")
    told = exif if isinstance(exif, Mapping) else {}
    return Asset(
        id=_id(one, "an asset"),
        owner_id=_id(one, "an asset", "ownerId"),
        library_id=_text(one.get("libraryId")) or None,
        kind=kinds[one["type"]],
        path=path if path.startswith("/") else f"{HOME}/{path}",
        checksum=_checksum(one.get("checksum")),
        size_bytes=_number(told.get("fileSizeInByte")),
        visibility=_visibility(one),
        is_trashed=one.get("isTrashed") is True,
        is_favourite=one.get("isFavorite") is True,
        updated_at=_text(one.get("updatedAt")),
        description=_text(told.get("description")),
        city=_text(told.get("city")),
        state=_text(told.get("state")),
        country=_text(told.get("country")),
        people=_people(one.get("people")),
        tags=tuple(read_tags(one["tags"])) if isinstance(one.get("tags"), list) else None,
        is_offline=one.get("isOffline") is True,
        live_video_id=_text(one.get("livePhotoVideoId")) or None,
    )


def read_tags(body: object) -> list[Named]:
    """Return tags, by their whole paths."""
    found = [_object(one, "a tag") for one in items(body, "tags")]
    return [Named(_id(one, "a tag"), _text(one.get("value") or one.get("name"))) for one in found]


def read_albums(body: object) -> list[Album]:
    """Return the albums of a list."""
    return [
        Album(
            id=_id(one, "an album"),
            name=_text(one.get("albumName")),
            description=_text(one.get("description")),
            asset_count=_number(one.get("assetCount")) or 0,
            updated_at=_text(one.get("updatedAt")),
        )
        for one in (_object(one, "an album") for one in items(body, "albums"))
    ]


def read_held(body: object) -> dict[str, str]:
    """Return the ids of the assets that are there, and not in the trash, by what was asked."""
    found = items(_object(body, "a check").get("results"), "checks")
    results = [_object(one, "a check") for one in found]
    return {
        _text(one.get("id")): _id(one, "a check", "assetId")
        for one in results
        if one.get("action") == "reject" and one.get("assetId") and one.get("isTrashed") is not True
    }


def read_refused(body: object, fine: Iterable[str]) -> dict[str, str]:
    """Return why something was not done, by id, but where that is fine."""
    found = [_object(one, "a result") for one in items(body, "results")]
    refused = [one for one in found if one.get("success") is not True]
    told = {_id(one, "a result"): _text(one.get("error")) or "unknown" for one in refused}
    return {asset_id: error for asset_id, error in told.items() if error not in set(fine)}


def read_queues(body: object) -> list[Queue]:
    """Return the queues, from the list of v2.4 on or from the object before it."""
    if isinstance(body, Mapping):
        pairs = [(str(name), _object(one, "a queue")) for name, one in body.items()]
        return [
            _queue(name, one.get("jobCounts"), _part(one, "queueStatus").get("isPaused"))
            for name, one in pairs
        ]
    listed = [_object(one, "a queue") for one in items(body, "queues")]
    return [
        _queue(_text(one.get("name")), one.get("statistics"), one.get("isPaused")) for one in listed
    ]


def read_text(body: object) -> str | None:
    """Return the text of the boxes that OCR found, from the top and then from the left."""
    boxes = []
    for one in (_object(one, "a text") for one in items(body, "texts")):
        across, down = (
            [_share(one.get(f"{axis}{corner}")) for corner in (1, 2, 3, 4)] for axis in "xy"
        )
        text = " ".join(_text(one.get("text")).split())
        if text:
            boxes.append((sum(down) / 4, max(down) - min(down), min(across), text))
    lines: list[list[tuple[float, float, float, str]]] = []
    for box in sorted(boxes):
        middle, height = box[:2]
        # What stands on one line is a little askew.
        if lines and middle - lines[-1][0][0] < min(height, lines[-1][0][1]) / 2:
            lines[-1].append(box)
        else:
            lines.append([box])
    ordered = [box for line in lines for box in sorted(line, key=lambda box: box[2])]
    return "\n".join(text for *_, text in ordered) or None


def items(body: object, what: str) -> Sequence[Any]:
    """Return a list.

    Raises:
        Odd: It is none.
    """
    if not isinstance(body, list):
        raise Odd(f"{what} that are no list")
    return body


def _queue(name: str, counts: object, is_paused: object) -> Queue:
    told = counts if isinstance(counts, Mapping) else {}
    active, waiting = (_number(told.get(key)) or 0 for key in ("active", "waiting"))
    return Queue(name, active, waiting, is_paused is True)


def _object(body: object, what: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Odd(f"{what} that is no object")
    return body


def _part(one: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = one.get(name)
    return found if isinstance(found, Mapping) else {}


def _id(one: Mapping[str, Any], what: str, name: str = "id") -> str:
    found = one.get(name)
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise Odd(f"{what} that has no {name}")
    return found


def _text(value: object) -> str:
    """Return a text, or "" for none. Half a character is a question mark: nobody could store it."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    return None


def _share(value: object) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e6 else 0.0


def _visibility(one: Mapping[str, Any]) -> Visibility:
    """Return it; one that is not known yet is taken for the strictest."""
    told = one.get("visibility")
    if told is None:
        return "archive" if one.get("isArchived") is True else "timeline"
    return told if told in get_args(Visibility) else "locked"


def _people(value: object) -> tuple[Named, ...]:
    """Return those with a name, who are not hidden."""
    found = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    return tuple(
        Named(_text(one.get("id")), name)
        for one in found
        if (name := _text(one.get("name")).strip()) and one.get("isHidden") is not True
    )


def _checksum(value: object) -> str:
    """Return a checksum as hex digits, in whichever form it came; "" where none did."""
    if isinstance(value, Mapping):  # as a buffer is written in JSON
        value = value.get("data")
    if isinstance(value, list):
        return bytes(one for one in value if isinstance(one, int) and 0 <= one < 256).hex()
    text = _text(value).strip()
    if _HEX.fullmatch(text):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text.lower()
