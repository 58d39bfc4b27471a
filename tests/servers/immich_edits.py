"""What a scripted Immich does for who writes."""

import base64
from typing import Any

from tests.servers.base import Refusal
from tests.servers.immich_access import writable
from tests.servers.immich_answers import tag_json, when, whole_asset_json
from tests.servers.immich_archive import FakeTag
from tests.servers.immich_call import Call, Reply, route
from tests.servers.immich_forms import (
    Check,
    Invalid,
    check_uuid,
    checked,
    is_flag,
    is_one_of,
    is_text,
    is_texts,
    is_uuid,
    is_uuids,
    is_within,
    or_null,
)
from tests.servers.immich_readings import check_key

_EDITS: dict[str, Check] = {
    "description": is_text,
    "isFavorite": is_flag,
    "visibility": is_one_of("timeline", "archive", "hidden", "locked"),
    "dateTimeOriginal": is_text,
    "rating": or_null(is_within(-1, 5)),
    "livePhotoVideoId": or_null(is_uuid),
}


@route("PUT /assets/{}", "asset.update")
def edit(call: Call, asset_id: str) -> Reply:
    """Edit: a description moves no date, for it stands in another table."""
    asked = checked(call.body, _EDITS)
    asset = writable(call.archive, call.user, check_uuid(asset_id))
    asset.description = asked.get("description", asset.description)
    asset.is_favourite = asked.get("isFavorite", asset.is_favourite)
    if "isFavorite" in asked:
        call.archive.touch(asset.id)
    if "visibility" in asked:
        call.archive.set_visibility(asset.id, asked["visibility"])
    return 200, whole_asset_json(call.archive, asset, call.user, call.version)


@route("POST /assets/bulk-upload-check", "asset.upload")
def bulk_upload_check(call: Call) -> Reply:
    """Tell what is here already, whatever is locked or in the trash among it."""
    asked = call.body.get("assets")
    if not isinstance(asked, list):
        raise Invalid("assets", "must be an array")
    mine = {
        asset.checksum: asset
        for asset in call.archive.assets.values()
        if asset.owner == call.user.name
    }
    results: list[dict[str, Any]] = []
    for one in asked:
        item = checked(one, {"id": is_text, "checksum": is_text}, "id", "checksum")
        found = mine.get(_hex(item["checksum"]))
        if found is None:
            results.append({"id": item["id"], "action": "accept"})
            continue
        held = {"assetId": found.id, "isTrashed": found.is_trashed}
        results.append({"id": item["id"], "action": "reject", "reason": "duplicate", **held})
    return 200, {"results": results}


@route("PUT /assets/{}/metadata", "asset.update", (1, 138))
def put_records(call: Call, asset_id: str) -> Reply:
    items = call.body.get("items")
    if not isinstance(items, list):
        raise Invalid("items", "must be an array")
    for item in items:
        checked(item, {"key": is_text}, "key", "value")
        check_key(call, item["key"])
        if not isinstance(item.get("value"), dict):
            raise Invalid("items.0.value", "must be an object")
    keys = [item["key"] for item in items]
    if len(keys) != len(set(keys)):
        raise Refusal(400, "Duplicate items are not allowed")
    asset = writable(call.archive, call.user, check_uuid(asset_id))
    asset.record |= {item["key"]: item["value"] for item in items}
    at = when(call.archive.now())  # its own date: that of the asset does not move
    return 200, [{"key": one["key"], "value": one["value"], "updatedAt": at} for one in items]


@route("DELETE /assets/{}/metadata/{}", "asset.update", (1, 138))
def delete_record(call: Call, asset_id: str, key: str) -> Reply:
    check_key(call, key)
    asset = writable(call.archive, call.user, check_uuid(asset_id))
    asset.record.pop(key, None)
    return 204, None


@route("PUT /tags", "tag.create")
def make_tags(call: Call) -> Reply:
    values = checked(call.body, {"tags": is_texts}, "tags")["tags"]
    trimmed = ["/".join(part for part in value.split("/") if part) for value in values]
    made = [call.archive.tag_of(call.user.name, value) for value in trimmed if value]
    return 200, [tag_json(tag) for tag in made]


@route("PUT /tags/{}/assets", "tag.asset")
def put_tag(call: Call, tag_id: str) -> Reply:
    return _each(call, tag_id, put=True)


@route("DELETE /tags/{}/assets", "tag.asset")
def take_tag(call: Call, tag_id: str) -> Reply:
    return _each(call, tag_id, put=False)


@route("DELETE /tags/{}", "tag.delete")
def delete_tag(call: Call, tag_id: str) -> Reply:
    _tag(call, check_uuid(tag_id), "tag.delete")
    call.archive.drop_tag(tag_id)
    return 204, None


def _each(call: Call, tag_id: str, *, put: bool) -> Reply:
    """Put a tag on assets, or take it off; it says of each how it went."""
    asset_ids = checked(call.body, {"ids": is_uuids}, "ids")["ids"]
    tag = _tag(call, check_uuid(tag_id), "tag.asset")
    results: list[dict[str, Any]] = []
    for asset_id in asset_ids:
        error = _change(call, tag, asset_id, put=put)
        results.append({"id": asset_id, "success": error is None})
        if error:
            results[-1]["error"] = error
    return 200, results


def _change(call: Call, tag: FakeTag, asset_id: str, *, put: bool) -> str | None:
    asset = call.archive.assets.get(asset_id)
    if asset and (tag.value in asset.tags) == put:
        return "duplicate" if put else "not_found"
    try:
        asset = writable(call.archive, call.user, asset_id)
    except Refusal:
        return "no_permission" if put else "not_found"
    if put:
        asset.tags.add(tag.value)
    else:
        asset.tags.remove(tag.value)
    return None


def _tag(call: Call, tag_id: str, permission: str) -> FakeTag:
    tag = call.archive.tags.get(tag_id)
    if tag is None or tag.owner != call.user.name:
        raise Refusal(400, f"Not found or no {permission} access")
    return tag


def _hex(checksum: str) -> str:
    return base64.b64decode(checksum).hex() if len(checksum) == 28 else checksum.lower()
