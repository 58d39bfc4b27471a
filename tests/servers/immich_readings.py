"""What a scripted Immich answers to who reads."""

from tests.servers.base import Refusal
from tests.servers.immich_access import check_albums, readable, sees_album
from tests.servers.immich_answers import (
    album_json,
    asset_json,
    key_json,
    me_json,
    ocr_json,
    person_json,
    tag_json,
    when,
    whole_asset_json,
)
from tests.servers.immich_archive import counted
from tests.servers.immich_call import Call, Reply, route
from tests.servers.immich_forms import check_uuid, checked, is_one_of
from tests.servers.immich_search import search


@route("GET /api-keys/me", None, (2, 0))
def my_key(call: Call) -> Reply:
    return 200, key_json(call.key, call.user.keys[call.key])


@route("GET /api-keys/{}", "apiKey.read")
def one_key(_call: Call, key_id: str) -> Reply:
    check_uuid(key_id)  # "me" is none, in the versions before it had a meaning
    raise Refusal(400, "API Key not found")


@route("GET /users/me", "user.read")
def me(call: Call) -> Reply:
    return 200, me_json(call.user)


@route("GET /server/about", "server.about")
def about(call: Call) -> Reply:
    return 200, {"version": f"v{'.'.join(map(str, call.version))}.0", "licensed": False}


@route("POST /search/metadata", "asset.read")
def find(call: Call) -> Reply:
    found = search(call.archive, call.user, call.version, call.body)
    items = [
        asset_json(call.archive, one, call.user, call.version, exif=found.exif, people=found.people)
        for one in found.assets
    ]
    page: dict[str, object] = {"total": len(items), "count": len(items), "items": items}
    page |= {"facets": [], "nextPage": found.next_page}
    if call.version >= (3, 2):
        page["nextCursor"] = found.next_cursor
    albums = {"total": 0, "count": 0, "items": [], "facets": []}
    return 200, {"albums": albums, "assets": page}


@route("GET /assets/statistics", "asset.statistics")
def statistics(call: Call) -> Reply:
    shown = call.query.get("visibility")
    if shown == "locked":
        raise Refusal(401, "Elevated permission is required")
    found = [
        asset
        for asset in call.archive.assets.values()
        if asset.owner == call.user.name
        and asset.visibility == (shown or asset.visibility) != "locked"
        and asset.is_trashed == (call.query.get("isTrashed") == "true")
    ]
    videos = sum(asset.kind == "video" for asset in found)
    return 200, {"images": len(found) - videos, "videos": videos, "total": len(found)}


@route("GET /assets/{}", "asset.read")
def one_asset(call: Call, asset_id: str) -> Reply:
    asset = readable(call.archive, call.user, check_uuid(asset_id))
    return 200, whole_asset_json(call.archive, asset, call.user, call.version)


@route("GET /assets/{}/ocr", "asset.read", (2, 2))
def text_in(call: Call, asset_id: str) -> Reply:
    asset = readable(call.archive, call.user, check_uuid(asset_id))
    return 200, ocr_json(asset.id, call.archive.text_in.get(asset.id, []))


@route("GET /assets/{}/metadata", "asset.read", (1, 138))
def records(call: Call, asset_id: str) -> Reply:
    asset = readable(call.archive, call.user, check_uuid(asset_id))
    at = when(asset.updated_at)
    items = asset.record.items()
    return 200, [{"key": key, "value": value, "updatedAt": at} for key, value in items]


@route("GET /assets/{}/metadata/{}", "asset.read", (1, 138))
def one_record(call: Call, asset_id: str, key: str) -> Reply:
    check_key(call, key)
    asset = readable(call.archive, call.user, check_uuid(asset_id))
    if key not in asset.record:
        why = f'Metadata with key "{key}" not found for asset with id "{asset_id}"'
        raise Refusal(400, why)
    return 200, {"key": key, "value": asset.record[key], "updatedAt": when(asset.updated_at)}


def check_key(call: Call, key: str) -> None:
    """Return if a key of the metadata store is one that this version takes."""
    if call.version < (2, 5):
        checked({"key": key}, {"key": is_one_of("mobile-app")})


@route("GET /albums", "album.read")
def albums(call: Call) -> Reply:
    """Before v3 only the owned ones come if it is not asked for those that are shared."""
    shared = call.query.get("shared") == "true" if call.version < (3, 0) else None
    found = []
    for album in call.archive.albums.values():
        is_mine = album.owner == call.user.name
        if not sees_album(album, call.user) or (shared is False and not is_mine):
            continue
        if not shared or album.shared_with:
            found.append(album_json(call.archive, album, call.version))
    return 200, found


@route("GET /albums/{}", "album.read")
def one_album(call: Call, album_id: str) -> Reply:
    """Its assets come with it until v3."""
    check_albums(call.archive, call.user, [check_uuid(album_id)])
    album = call.archive.albums[album_id]
    told = album_json(call.archive, album, call.version)
    if call.version < (3, 0) and call.query.get("withoutAssets") != "true":
        shown = [call.archive.assets[one] for one in album.asset_ids]
        told["assets"] = [
            asset_json(call.archive, one, call.user, call.version, exif=True, people=False)
            for one in shown
            if not one.is_trashed and one.visibility in {"timeline", "archive"}
        ]
    return 200, told


@route("GET /tags", "tag.read")
def tags(call: Call) -> Reply:
    return 200, [tag_json(tag) for tag in call.archive.tags_of(call.user.name)]


@route("GET /people", "person.read")
def people(call: Call) -> Reply:
    mine = [one for one in call.archive.assets.values() if one.owner == call.user.name]
    shown = sorted({name for asset in mine for name in asset.people})
    hidden = sorted({name for asset in mine for name in asset.hidden_people})
    if call.query.get("withHidden") != "true":
        hidden = []
    told = [person_json(call.user.name, name, is_hidden=False) for name in shown]
    told += [person_json(call.user.name, name, is_hidden=True) for name in hidden]
    total = {"total": len(told), "hidden": len(hidden), "hasNextPage": False}
    return 200, {"people": told, **total}


@route("GET /queues", "queue.read", (2, 4), admin=True)
def queues(call: Call) -> Reply:
    return 200, [
        {"name": name, "isPaused": bool(one.get("isPaused")), "statistics": counted(one)}
        for name, one in call.archive.queues.items()
    ]


@route("GET /jobs", "job.read", admin=True)
def jobs(call: Call) -> Reply:
    return 200, {
        name: {
            "jobCounts": counted(one),
            "queueStatus": {
                "isActive": bool(one.get("active")),
                "isPaused": bool(one.get("isPaused")),
            },
        }
        for name, one in call.archive.queues.items()
    }
