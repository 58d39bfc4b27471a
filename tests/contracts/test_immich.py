"""What the client of Immich must do with every version, asked of a server of each."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mediaindex.clients.immich import ImmichClient, read_immich_host
from mediaindex.clients.immich_shapes import Asset, Version, Wanted
from mediaindex.errors import Faulty, Gone
from tests.servers.immich import Immich

VERSIONS = ("1.131.0", "1.137.3", "2.3.1", "2.6.1", "3.0.0", "3.1.0", "3.2.0", "3.3.0")
ALL = Wanted()
RECORDS = ("2.6.1", "3.0.0", "3.1.0", "3.2.0")


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Immich]:
    with Immich(request.param) as server:
        yield server


@pytest.fixture
def client(server: Immich) -> Iterator[ImmichClient]:
    client = ImmichClient(read_immich_host(server.url), server.add_user("Ana", is_admin=True))
    yield client
    client.close()


def found(client: ImmichClient, wanted: Wanted = ALL, page_size: int = 1000) -> list[Asset]:
    return [asset for page in client.pages(wanted, page_size) for asset in page]


def paths(client: ImmichClient, wanted: Wanted = ALL, page_size: int = 1000) -> list[str]:
    return sorted(asset.path for asset in found(client, wanted, page_size))


def test_server_says_its_version_and_whose_key_it_is(server: Immich, client: ImmichClient) -> None:
    assert client.version() == Version(*map(int, server.version.split(".")))
    assert (client.me().name, client.me().is_admin) == ("Ana", True)
    assert client.me().id == server.users["Ana"].id


def test_permissions_are_told_where_the_server_can(server: Immich, client: ImmichClient) -> None:
    assert client.permissions() == (frozenset({"all"}) if server.numbers >= (2, 0) else None)

    few = ImmichClient(client.wire.host, server.add_user("Ana", ("asset.read", "tag.read")))

    expected = frozenset({"asset.read", "tag.read"}) if server.numbers >= (2, 0) else None
    assert few.permissions() == expected


def test_everything_but_what_is_locked_or_in_the_trash_is_listed(
    server: Immich, client: ImmichClient
) -> None:
    for name in ("timeline", "archive", "hidden", "locked"):
        server.add(f"/mnt/{name}.jpg", owner="Ana", visibility=name)
    server.add("/mnt/trash.jpg", owner="Ana", is_trashed=True)

    listed = ["/mnt/archive.jpg", "/mnt/hidden.jpg", "/mnt/timeline.jpg"]
    assert paths(client) == listed
    assert paths(client, Wanted(trashed=True, bare=True)) == [*listed, "/mnt/trash.jpg"]


def test_visibility_and_trash_are_read(server: Immich, client: ImmichClient) -> None:
    server.add("/mnt/archive.jpg", owner="Ana", visibility="archive")
    server.add("/mnt/trash.jpg", owner="Ana", is_trashed=True)

    assert {
        one.path: (one.visibility, one.is_trashed) for one in found(client, Wanted(trashed=True))
    } == {
        "/mnt/archive.jpg": ("archive", False),
        "/mnt/trash.jpg": ("timeline", True),
    }


def test_what_immich_knows_of_an_asset_is_read(server: Immich, client: ImmichClient) -> None:
    video = server.add("/mnt/a.mov", owner="Ana", visibility="hidden", kind="video")
    asset_id = server.add(
        "/mnt/Café/a.heic",
        owner="Ana",
        description="Öland, \n  in June ",
        people=("Anna", "", "Bo"),
        hidden_people=("A stranger",),
        city="Lisbon",
        country="Portugal",
        tags={"travel/lisbon"},
        is_favourite=True,
        size_bytes=5_000_000_000,
        live_video_id=video,
    )

    asset = next(one for one in found(client) if one.id == asset_id)

    kept = server.assets[asset_id]
    assert (asset.path, asset.kind, asset.checksum) == ("/mnt/Café/a.heic", "photo", kept.checksum)
    assert asset.owner_id == server.users["Ana"].id
    assert asset.library_id == server.library_id
    assert asset.description == "Öland, \n  in June "
    assert (asset.city, asset.state, asset.country) == ("Lisbon", "", "Portugal")
    assert [person.name for person in asset.people] == ["Anna", "Bo"]
    assert (asset.size_bytes, asset.is_favourite) == (5_000_000_000, True)
    assert asset.live_video_id == video
    assert asset.tags is None, "a search does not tell them"


def test_one_asset_comes_with_its_tags(server: Immich, client: ImmichClient) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana", tags={"travel/lisbon"}, people=("Anna",))

    asset = client.asset(asset_id)

    assert asset is not None
    assert asset.tags is not None
    assert [tag.name for tag in asset.tags] == ["travel/lisbon"]
    assert [person.name for person in asset.people] == ["Anna"]


def test_an_uploaded_asset_is_told_by_its_contents_checksum(
    server: Immich, client: ImmichClient
) -> None:
    server.add("upload/library/ana/a.jpg", owner="Ana", content=b"\xff\xd8", library=False)

    (asset,) = found(client)

    assert asset.checksum == hashlib.sha1(b"\xff\xd8", usedforsecurity=False).hexdigest()
    assert asset.path == "/usr/src/app/upload/library/ana/a.jpg"
    assert asset.library_id is None


@pytest.mark.parametrize("state", ["locked", "purged", "another's", "never was"])
def test_what_the_key_does_not_see_is_none_and_cannot_be_written(
    server: Immich, client: ImmichClient, state: str
) -> None:
    server.add_user("Rui")
    asset_id = server.add("/mnt/a.jpg", owner="Rui" if state == "another's" else "Ana")
    if state == "locked":
        server.lock(asset_id)
    if state == "purged":
        server.purge(asset_id)
    if state == "never was":
        asset_id = "5d3b6c1e-5d5b-4c43-9d0f-5a2f0f9f7f10"

    assert client.asset(asset_id) is None
    assert client.text_in(asset_id) is None
    assert client.record(asset_id, "mediaindex") is None
    with pytest.raises(Gone, match="asset"):
        client.describe(asset_id, "a red square")


def test_trashed_asset_is_still_told_by_its_id(server: Immich, client: ImmichClient) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana", is_trashed=True)

    asset = client.asset(asset_id)

    assert asset is not None
    assert asset.is_trashed


def test_only_what_changed_since_is_listed(server: Immich, client: ImmichClient) -> None:
    old, new = (server.add(f"/mnt/{n}.jpg", owner="Ana") for n in ("old", "new"))
    first = next(one for one in found(client) if one.id == new).updated_at
    assert paths(client, Wanted(updated_after=first)) == ["/mnt/new.jpg"], "or at that time"

    server.trash(old)

    assert paths(client, Wanted(updated_after=first)) == ["/mnt/new.jpg"]
    wanted = Wanted(updated_after=first, trashed=True)
    assert paths(client, wanted) == ["/mnt/new.jpg", "/mnt/old.jpg"]


def test_pages_bring_each_asset_once(server: Immich, client: ImmichClient) -> None:
    for n in range(2500):
        server.add(f"/mnt/{n:04}.jpg", owner="Ana", visibility="archive" if n % 5 else "timeline")

    pages = list(client.pages(Wanted(bare=True)))

    assert max(map(len, pages)) <= 1000
    ids = [asset.id for page in pages for asset in page]
    assert sorted(ids) == sorted(server.assets)
    assert client.requests <= 7


def test_what_was_taken_in_one_moment_is_on_some_page(server: Immich, client: ImmichClient) -> None:
    """Before v3 such ones lie otherwise for every page, so that one may be on none."""
    at = datetime(2020, 5, 1, tzinfo=UTC)
    for n in range(40):
        server.add(f"/mnt/{n:04}.jpg", owner="Ana", taken_at=at)

    assert len(paths(client, page_size=7)) == 40


def test_album_brings_its_assets(server: Immich, client: ImmichClient) -> None:
    inside = server.add("/mnt/in.jpg", owner="Ana", visibility="archive")
    server.add("/mnt/out.jpg", owner="Ana")
    album_id = server.add_album("Lisbon", [inside], owner="Ana", description="spring")

    (album,) = client.albums()

    assert (album.id, album.name, album.description) == (album_id, "Lisbon", "spring")
    assert album.asset_count == 1
    assert paths(client, Wanted(album_id=album_id, bare=True)) == ["/mnt/in.jpg"]
    put = server.add("/mnt/in2.jpg", owner="Ana")
    server.put_into(album_id, put)
    assert client.albums()[0].updated_at > album.updated_at
    assert paths(client, Wanted(album_id=album_id)) == ["/mnt/in.jpg", "/mnt/in2.jpg"]


def test_albums_that_a_person_was_let_into_come_too_and_others_do_not(
    server: Immich, client: ImmichClient
) -> None:
    server.add_user("Rui")
    server.add_album("mine", [], owner="Ana", shared_with=["Rui"])
    server.add_album("shown", [], owner="Rui", shared_with=["Ana"])
    closed = server.add_album("closed", [], owner="Rui")

    assert sorted(album.name for album in client.albums()) == ["mine", "shown"]
    with pytest.raises(Gone) as caught:
        paths(client, Wanted(album_id=closed))
    assert caught.value.what == "album"


def test_partners_assets_come_with_whose_they_are(server: Immich, client: ImmichClient) -> None:
    server.add_user("Rui")
    server.add("/mnt/rui.jpg", owner="Rui", is_favourite=True)
    assert found(client) == []

    server.add_partner("Rui", "Ana")

    (asset,) = found(client)
    assert (asset.owner_id, asset.is_favourite) == (server.users["Rui"].id, False)


def test_tag_brings_what_has_it_or_one_below(server: Immich, client: ImmichClient) -> None:
    server.add("/mnt/a.jpg", owner="Ana", tags={"travel/lisbon"})
    server.add("/mnt/b.jpg", owner="Ana", tags={"home"})

    tags = {tag.name: tag.id for tag in client.tags()}

    assert set(tags) == {"travel", "travel/lisbon", "home"}
    assert paths(client, Wanted(tag_id=tags["travel"], bare=True)) == ["/mnt/a.jpg"]


def test_description_is_put_as_it_is(server: Immich, client: ImmichClient) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana", description="before")
    before = server.assets[asset_id].updated_at
    text = 'Ana\'s words — "é"\n\n[mediaindex]\nA red square.\n[/mediaindex]'

    client.describe(asset_id, text)

    assert server.assets[asset_id].description == text
    assert server.assets[asset_id].updated_at == before
    client.describe(asset_id, "")
    assert server.assets[asset_id].description == ""


def test_tags_are_made_put_on_and_taken_off_twice_over(
    server: Immich, client: ImmichClient
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana", tags={"home"})
    values = ["mediaindex/dog", "home", "mediaindex/sea", "mediaindex/dog"]

    made = client.make_tags(values)

    assert [tag.name for tag in made] == values
    for _ in range(2):
        client.tag(made[0].id, [asset_id])
        assert server.assets[asset_id].tags == {"home", "mediaindex/dog"}
    for _ in range(2):
        client.untag(made[0].id, [asset_id])
        assert server.assets[asset_id].tags == {"home"}
    client.delete_tag(made[0].id)
    client.delete_tag(made[0].id)
    assert {tag.name for tag in client.tags()} == {"home", "mediaindex", "mediaindex/sea"}
    with pytest.raises(Gone) as caught:
        client.tag(made[0].id, [asset_id])
    assert caught.value.what == "tag"


def test_assets_that_cannot_be_tagged_are_named_and_the_others_are_tagged(
    server: Immich, client: ImmichClient
) -> None:
    kept, locked = (server.add(f"/mnt/{n}.jpg", owner="Ana") for n in "ab")
    (tag,) = client.make_tags(["mediaindex/dog"])
    server.lock(locked)

    with pytest.raises(Gone) as caught:
        client.tag(tag.id, [locked, kept])

    assert (caught.value.what, caught.value.ids) == ("asset", (locked,))
    assert server.assets[kept].tags == {"mediaindex/dog"}
    assert server.assets[locked].tags == set()


def test_locked_assets_are_told_by_their_checksums_and_the_trash_is_not(
    server: Immich, client: ImmichClient
) -> None:
    locked, trashed = (server.add(f"/mnt/{n}.jpg", owner="Ana") for n in "ab")
    server.add_user("Rui")
    others = server.add("/mnt/c.jpg", owner="Rui")
    server.lock(locked)
    server.trash(trashed)
    checksums = [server.assets[one].checksum for one in (trashed, others, locked)]

    held = client.holds([*checksums, "0" * 40])

    assert held == {server.assets[locked].checksum: locked}


def test_many_checksums_are_asked_for_in_parts(server: Immich, client: ImmichClient) -> None:
    last = server.add("/mnt/a.jpg", owner="Ana")
    many = [f"{n:040x}" for n in range(5000)]

    held = client.holds([*many, server.assets[last].checksum, *many])

    assert list(held.values()) == [last]
    assert [len(one.body["assets"]) for one in server.requests] == [5000, 1]
    assert client.holds([]) == {}


def test_text_in_a_picture_is_read_from_the_top_and_from_the_left(
    server: Immich, client: ImmichClient
) -> None:
    asset_id, bare = (server.add(f"/mnt/{n}.jpg", owner="Ana") for n in "ab")
    server.text_in[asset_id] = ["PASTELARIA", "Rua das\tFlores\t12", "aberto"]

    text = client.text_in(asset_id)

    knows = server.numbers >= (2, 2)
    assert text == ("PASTELARIA\nRua das\nFlores\n12\naberto" if knows else None)
    assert client.text_in(bare) is None


def test_queues_are_told(server: Immich, client: ImmichClient) -> None:
    server.queues["smartSearch"] |= {"waiting": 12, "active": 2}
    server.queues["faceDetection"]["isPaused"] = True

    queues = {queue.name: queue for queue in client.queues()}

    smart = queues["smartSearch"]
    assert (smart.active, smart.waiting, smart.is_paused) == (2, 12, False)
    assert queues["faceDetection"].is_paused


@pytest.mark.parametrize("server", RECORDS, indirect=True)
def test_records_are_kept_for_each_asset(server: Immich, client: ImmichClient) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana")
    server.assets[asset_id].record["mobile-app"] = {"iCloudId": "x"}
    value = {"caption": "A red square", "model": "m/1", "at": 1.5}
    assert client.record(asset_id, "mediaindex") is None

    client.put_record(asset_id, "mediaindex", value)

    assert client.record(asset_id, "mediaindex") == value
    client.delete_record(asset_id, "mediaindex")
    client.delete_record(asset_id, "mediaindex")
    assert server.assets[asset_id].record == {"mobile-app": {"iCloudId": "x"}}
    server.lock(asset_id)
    with pytest.raises(Gone):
        client.put_record(asset_id, "mediaindex", value)


def test_address_of_the_api_does_too(server: Immich, client: ImmichClient) -> None:
    (key,) = server.users["Ana"].keys

    other = ImmichClient(read_immich_host(f"{server.url}/api/"), key)

    assert other.wire.host.url == server.url
    assert other.version() == client.version()


def test_text_that_no_request_can_carry_is_told_as_such(
    server: Immich, client: ImmichClient
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana")

    with pytest.raises(Faulty, match=r"'\\ud83d', half of a character"):
        client.describe(asset_id, "a boat \ud83d")

    assert server.requests == []


def test_no_request_is_one_that_immich_refuses(server: Immich, client: ImmichClient) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana", tags={"x"})
    album_id = server.add_album("Lisbon", [asset_id], owner="Ana")
    tag_id = server.tag_of("Ana", "x").id
    for page_size in (0, 5000):
        for wanted in (
            Wanted(),
            Wanted(trashed=True),
            Wanted(album_id=album_id),
            Wanted(tag_id=tag_id, updated_after="2020-01-01T00:00:00.000Z"),
        ):
            assert paths(client, wanted, page_size) == ["/mnt/a.jpg"]

    assert {request.status for request in server.requests} == {200}
    assert {"x-api-key"} <= server.requests[-1].headers.keys()
    assert all("authorization" not in request.headers for request in server.requests)
