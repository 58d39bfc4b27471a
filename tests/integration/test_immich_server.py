"""The scripted Immich is as strict and as forgetful as the real one: other tests lean on that."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.servers.immich import Immich

Ask = Callable[..., httpx.Response]


@pytest.fixture(params=["2.5.0", "3.1.0", "3.2.0"])
def server(request: pytest.FixtureRequest) -> Iterator[Immich]:
    with Immich(request.param) as server:
        yield server


@pytest.fixture
def ask(server: Immich) -> Iterator[Ask]:
    headers = {"x-api-key": server.add_user("Ana")}
    with httpx.Client(base_url=f"{server.url}/api", headers=headers, trust_env=False) as client:
        yield client.request


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(one["originalFileName"] for one in answer.json()["assets"]["items"])


def test_key_as_a_bearers_is_refused(server: Immich, ask: Ask) -> None:
    (key,) = server.users["Ana"].keys
    assert ask("GET", "/users/me", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert ask("GET", "/users/me", headers={"x-api-key": ""}).status_code == 401
    assert ask("GET", "/users/me").status_code == 200


@pytest.mark.parametrize("body", [{"size": 1001}, {"size": 10.5}, {"page": 0}, {"tagIds": ["x"]}])
def test_wrong_fields_are_refused_and_unknown_ones_are_not(
    server: Immich, ask: Ask, body: dict[str, Any]
) -> None:
    answer = ask("POST", "/search/metadata", json=body)

    assert answer.status_code == 400
    assert ("errors" in answer.json()) == (server.numbers >= (3, 0))
    assert ask("POST", "/search/metadata", json={"isTrashed": True, "size": 5}).status_code == 200


def test_locked_must_not_be_asked_for(server: Immich, ask: Ask) -> None:
    bodies: list[dict[str, Any]] = [{"visibility": "locked"}]
    if server.numbers >= (3, 2):
        shown = [{"ne": "archive"}, {"eq": "locked"}, {"notIn": ["hidden"]}]
        bodies += [{"filter": {"visibility": one}} for one in shown]
    for body in bodies:
        answer = ask("POST", "/search/metadata", json=body)
        assert (answer.status_code, answer.json()["message"]) == (
            401,
            "Elevated permission is required",
        )


@pytest.mark.parametrize("server", ["2.5.0", "3.0.0", "3.2.0"], indirect=True)
def test_what_is_found_without_visibility_and_with_the_trash(server: Immich, ask: Ask) -> None:
    for name in ("timeline", "archive", "hidden", "locked"):
        server.add(f"/mnt/{name}", owner="Ana", visibility=name)
    server.add("/mnt/trash", owner="Ana", is_trashed=True)
    usual = ["timeline"] if server.numbers < (3, 0) else ["archive", "hidden", "timeline"]

    assert names(ask("POST", "/search/metadata", json={})) == usual
    found = names(ask("POST", "/search/metadata", json={"withDeleted": True}))
    assert found == sorted([*usual, "trash"])
    if server.numbers >= (3, 2):
        found = names(ask("POST", "/search/metadata", json={"filter": {}}))
        assert found == sorted([*usual, "trash"]), "a filter brings the trash unless told"


@pytest.mark.parametrize("server", ["3.2.0"], indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"isTrashed": {"eq": False}}},
        {"filter": {"visibility": "timeline"}},
        {"filter": {"visibility": {}}},
        {"filter": {"updatedAt": {"after": "2020-01-01T00:00:00Z"}}},
        {"filter": {"updatedAt": {"gte": "yesterday"}}},
        {"filter": {"tagIds": {"in": []}}},
        {"filter": {"or": [{}]}},
        {"filter": {}, "page": 1},
        {"filter": {}, "withDeleted": True},
        {"cursor": "x"},
        {"orderBy": {"field": "updatedAt"}},
    ],
    ids=repr,
)
def test_filter_tree_is_strict(server: Immich, ask: Ask, body: dict[str, Any]) -> None:
    assert ask("POST", "/search/metadata", json=body).status_code == 400


@pytest.mark.parametrize("server", ["3.2.0"], indirect=True)
def test_filter_tree_pages_by_cursor(server: Immich, ask: Ask) -> None:
    for n in range(3):
        server.add(f"/mnt/{n}", owner="Ana")
    body = {"filter": {"trashedAt": {"eq": None}}, "size": 2}

    first = ask("POST", "/search/metadata", json=body).json()["assets"]
    cursor = first["nextCursor"]
    second = ask("POST", "/search/metadata", json={**body, "cursor": cursor}).json()["assets"]

    assert (len(first["items"]), len(second["items"]), second["nextCursor"]) == (2, 1, None)
    assert first["nextPage"] is None


def test_search_holds_no_more_than_was_asked_for(server: Immich, ask: Ask) -> None:
    asset_id = server.add("/mnt/a", owner="Ana", people=("Anna",), tags={"x"}, description="d")

    (bare,) = ask("POST", "/search/metadata", json={}).json()["assets"]["items"]
    body = {"withExif": True, "withPeople": True}
    (full,) = ask("POST", "/search/metadata", json=body).json()["assets"]["items"]
    whole = ask("GET", f"/assets/{asset_id}").json()

    assert ("exifInfo" in bare, bare["people"], "tags" in full) == (False, [], False)
    assert full["exifInfo"]["description"] == "d"
    assert [tag["value"] for tag in whole["tags"]] == ["x"]
    assert ("deviceAssetId" in bare) == (server.numbers < (3, 0))
    assert isinstance(bare["duration"], str) == (server.numbers < (3, 0))


@pytest.mark.parametrize("server", ["2.5.0", "3.2.0"], indirect=True)
def test_asset_without_exif_drops_out_of_the_flat_form(server: Immich, ask: Ask) -> None:
    server.add("/mnt/a", owner="Ana", has_exif=False)

    assert names(ask("POST", "/search/metadata", json={"withExif": True})) == []
    if server.numbers >= (3, 2):
        body = {"filter": {"trashedAt": {"eq": None}}, "withExif": True}
        assert names(ask("POST", "/search/metadata", json=body)) == ["a"]


@pytest.mark.parametrize("read_only", [False, True])
def test_edits_last_only_where_the_file_took_them(
    server: Immich, ask: Ask, *, read_only: bool
) -> None:
    server.read_only = read_only
    asset_id = server.add("/mnt/a", owner="Ana", description="of the file", tags={"home"})
    asset = server.assets[asset_id]
    before = asset.updated_at
    tag = ask("PUT", "/tags", json={"tags": ["x/y"]}).json()[0]
    ask("PUT", f"/assets/{asset_id}", json={"description": " mine \n"})
    ask("PUT", f"/tags/{tag['id']}/assets", json={"ids": [asset_id]})
    assert (asset.description, asset.tags) == (" mine \n", {"home", "x/y"})
    assert asset.updated_at == before, "an edit alone moves no date"

    server.reextract()

    lasted = ("of the file", {"home"}) if read_only else ("mine", {"home", "x/y"})
    assert (asset.description, asset.tags) == lasted
    assert asset.updated_at > before
    moved = asset.updated_at
    server.reextract()
    assert asset.updated_at == moved, "nothing is left to do"


def test_only_the_owner_may_edit(server: Immich, ask: Ask) -> None:
    server.add_user("Rui")
    asset_id = server.add("/mnt/a", owner="Rui")
    server.add_partner("Rui", "Ana")
    assert ask("GET", f"/assets/{asset_id}").status_code == 200

    answer = ask("PUT", f"/assets/{asset_id}", json={"description": "x"})

    assert answer.status_code == 400
    assert "Not found or no asset.update access" in answer.text
    server.set_visibility(asset_id, "archive")
    assert ask("GET", f"/assets/{asset_id}").status_code == 400


def test_locking_takes_out_of_albums_and_out_of_sight(server: Immich, ask: Ask) -> None:
    asset_id = server.add("/mnt/a", owner="Ana")
    album_id = server.add_album("Lisbon", [asset_id], owner="Ana")

    server.lock(asset_id)

    assert server.albums[album_id].asset_ids == []
    assert names(ask("POST", "/search/metadata", json={})) == []
    assert "Not found or no asset.read access" in ask("GET", f"/assets/{asset_id}").text


def test_deleting_a_tag_takes_those_below_and_moves_no_date(server: Immich, ask: Ask) -> None:
    asset_id = server.add("/mnt/a", owner="Ana", tags={"mediaindex/dog", "home"})
    before = server.assets[asset_id].updated_at
    tags = {tag["value"]: tag["id"] for tag in ask("GET", "/tags").json()}

    assert ask("DELETE", f"/tags/{tags['mediaindex']}").status_code == 204

    assert server.assets[asset_id].tags == {"home"}
    assert server.assets[asset_id].updated_at == before
    server.assets[asset_id].tags.clear()
    server.clean_tags()
    assert ask("GET", "/tags").json() == []


@pytest.mark.parametrize("server", ["1.137.0", "2.4.0", "2.5.0"], indirect=True)
def test_other_keys_of_the_record_came_later(server: Immich, ask: Ask) -> None:
    asset_id = server.add("/mnt/a", owner="Ana")
    item = {"key": "mediaindex", "value": {"a": 1}}

    answer = ask("PUT", f"/assets/{asset_id}/metadata", json={"items": [item]})

    expected = {(1, 137): 404, (2, 4): 400, (2, 5): 200}
    assert answer.status_code == expected[server.numbers]
    wrong = {"items": [{"key": "mediaindex", "value": [1]}]}
    assert ask("PUT", f"/assets/{asset_id}/metadata", json=wrong).status_code in {400, 404}


@pytest.mark.parametrize("server", ["1.137.0"], indirect=True)
def test_album_that_is_searched_for_is_overlooked_by_old_versions(server: Immich, ask: Ask) -> None:
    server.add("/mnt/a", owner="Ana")
    album_id = server.add_album("empty", [], owner="Ana")

    assert names(ask("POST", "/search/metadata", json={"albumIds": [album_id]})) == ["a"]


def test_too_much_at_once_is_refused(ask: Ask) -> None:
    assert ask("PUT", "/tags", json={"tags": ["x" * 11_000_000]}).status_code == 413
