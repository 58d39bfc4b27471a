"""Who may do what in a scripted Immich: keys, their permissions, and what a user sees."""

from collections.abc import Iterable, Mapping

from tests.servers.base import Refusal
from tests.servers.immich_archive import Archive, FakeAlbum, FakeAsset, FakeUser


def who(archive: Archive, headers: Mapping[str, str]) -> tuple[FakeUser, str]:
    """Return whose key was sent, and the key.

    Raises:
        Refusal: 401. A key that is sent as a bearer's token is taken for a session's.
    """
    if "authorization" in headers:
        raise Refusal(401, "Invalid user token")
    key = headers.get("x-api-key")
    if not key:
        raise Refusal(401, "Authentication required")
    for user in archive.users.values():
        if key in user.keys:
            return user, key
    raise Refusal(401, "Invalid API key")


def check_permission(user: FakeUser, key: str, permission: str) -> None:
    """Return if a key may do something.

    Raises:
        Refusal: 403.
    """
    if not {permission, "all"} & set(user.keys[key]):
        raise Refusal(403, f"Missing required permission: {permission}")


def owners_seen(archive: Archive, user: FakeUser) -> set[str]:
    """Return whose assets a search looks through."""
    partners = archive.partners.items()
    return {user.name} | {of for (of, to), shown in partners if to == user.name and shown}


def sees_album(album: FakeAlbum, user: FakeUser) -> bool:
    """Return whether a user owns an album or was let in."""
    return user.name == album.owner or user.name in album.shared_with


def check_albums(archive: Archive, user: FakeUser, album_ids: Iterable[str]) -> None:
    """Return if a user sees these albums.

    Raises:
        Refusal: 400.
    """
    for one in album_ids:
        album = archive.albums.get(one)
        if album is None or not sees_album(album, user):
            raise Refusal(400, "Not found or no album.read access")


def readable(archive: Archive, user: FakeUser, asset_id: str) -> FakeAsset:
    """Return an asset that a user's key may read by its id.

    Raises:
        Refusal: 400, for what is locked, gone, or another's.
    """
    asset = archive.assets.get(asset_id)
    if asset is None or not _may_read(archive, user, asset):
        raise Refusal(400, "Not found or no asset.read access")
    return asset


def writable(archive: Archive, user: FakeUser, asset_id: str) -> FakeAsset:
    """Return an asset that a user's key may write to.

    Raises:
        Refusal: 400, as above.
    """
    asset = archive.assets.get(asset_id)
    if asset is None or asset.owner != user.name or asset.visibility == "locked":
        raise Refusal(400, "Not found or no asset.update access")
    return asset


def _may_read(archive: Archive, user: FakeUser, asset: FakeAsset) -> bool:
    if asset.visibility == "locked":
        return False
    if asset.owner == user.name:
        return True
    shared = any(
        asset.id in album.asset_ids and sees_album(album, user) for album in archive.albums.values()
    )
    is_partner = (asset.owner, user.name) in archive.partners
    return (shared and not asset.is_trashed) or (
        is_partner and asset.visibility in {"timeline", "hidden"} and not asset.is_trashed
    )
