"""What the client of Immich makes of failures, of slow and broken answers, and of hostile ones."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_network
from typing import Any

import pytest

from mediaindex.clients import hosts, immich_pages, immich_wire
from mediaindex.clients.immich import ImmichClient, read_immich_host
from mediaindex.clients.immich_shapes import Version, Wanted
from mediaindex.clients.wire import Refused, TooSlow, within
from mediaindex.errors import ConfigError, Faulty, Gone, Lacking, ServerBusy, ServerOff
from tests.servers.base import Exchange
from tests.servers.faults import Fault
from tests.servers.immich import Immich

KEY_OF = "Ana"
AN_ID = "5d3b6c1e-5d5b-4c43-9d0f-5a2f0f9f7f10"


class Hostile(Immich):
    """Answers every request of a path with what a test makes of it."""

    def __init__(self, version: str = "3.1.0") -> None:
        super().__init__(version)
        self.at = ""
        self.say: Callable[[Exchange], Any] = lambda _: {}

    def route(self, exchange: Exchange) -> None:
        if self.at and self.at in exchange.seen.path:
            exchange.send_json(200, self.say(exchange))
        else:
            super().route(exchange)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as server:
        yield server


def client_of(server: Immich, *permissions: str, admin: bool = False) -> ImmichClient:
    key = server.add_user(KEY_OF, permissions or ("all",), is_admin=admin)
    version = Version(*map(int, server.version.split(".")))
    return ImmichClient(read_immich_host(server.url), key, version)


@pytest.fixture
def client(server: Hostile) -> Iterator[ImmichClient]:
    client = client_of(server)
    yield client
    client.close()


def all_of(client: ImmichClient, wanted: Wanted | None = None, page_size: int = 1000) -> list[str]:
    pages = client.pages(wanted or Wanted(), page_size)
    return [asset.path for page in pages for asset in page]


# Errors that it tells in its own words.


def test_host_that_nobody_knows_is_an_address_to_be_checked() -> None:
    host = read_immich_host("http://nowhere.invalid:2283", allow_remote=True)
    said = r"no Immich at http://nowhere.invalid:2283 .*: check the address"
    with (
        closing(ImmichClient(host, "a-key", Version(3, 1, 0))) as client,
        pytest.raises(ServerOff, match=said),
    ):
        client.version()


@pytest.mark.parametrize("version", ["1.137.0", "2.5.0", "3.1.0"])
def test_key_that_is_not_known_is_told_with_the_way_to_a_new_one(version: str) -> None:
    with Immich(version) as server:
        client = ImmichClient(read_immich_host(server.url), "another")

        with pytest.raises(ServerOff, match=r"refuses our key \(Invalid API key\); make a new one"):
            client.me()


@pytest.mark.parametrize("version", ["1.139.0", "2.5.0", "3.1.0", "3.2.0"])
def test_missing_permission_is_named(version: str) -> None:
    with Immich(version) as server:
        asset_id = server.add_user(KEY_OF) and server.add("/mnt/a.jpg", owner=KEY_OF)
        client = client_of(server, "asset.read")
        asked: dict[str, Callable[[], object]] = {
            "asset.update": lambda: client.describe(asset_id, "x"),
            "tag.create": lambda: client.make_tags(["x"]),
            "tag.read": client.tags,
            "album.read": client.albums,
            "asset.upload": lambda: client.holds(["0" * 40]),
            "asset.statistics": lambda: client.count("archive"),
            "user.read": client.me,
        }

        for permission, ask in asked.items():
            with pytest.raises(Lacking, match=f"lacks the permission {permission}") as caught:
                ask()
            assert caught.value.permission == permission


@pytest.mark.parametrize("version", ["2.3.0", "2.4.0", "3.2.0"])
def test_queues_are_an_administrators(version: str) -> None:
    with Immich(version) as server:
        with pytest.raises(Lacking, match="administrator") as caught:
            client_of(server).queues()
        assert caught.value.permission == "admin"

        with pytest.raises(Lacking, match=r"(queue|job)\.read"):
            client_of(server, "asset.read", admin=True).queues()


def test_busy_server_says_for_how_long(server: Hostile, client: ImmichClient) -> None:
    server.fail_next(1, Fault.too_many(7).of("/albums"))

    with pytest.raises(ServerBusy) as caught:
        client.albums()

    assert caught.value.after_s == 7
    assert client.albums() == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_proxy_before_a_server_that_is_starting_is_busy(
    server: Hostile, client: ImmichClient, status: int
) -> None:
    server.fail_next(1, Fault.html(status).of(""))

    with pytest.raises(ServerBusy):
        client.albums()


@pytest.mark.parametrize(("status", "text"), [(500, "Internal server error"), (413, "too large")])
def test_other_errors_count_against_what_was_asked(
    server: Hostile, client: ImmichClient, status: int, text: str
) -> None:
    server.fail_next(1, Fault.refuse(status, text).of("PUT /api/assets"))

    with pytest.raises(Refused, match=text) as caught:
        client.describe(AN_ID, "x")

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("version", "words"),
    [("2.5.0", "order must be one of"), ("3.1.0", "Validation failed; order: must be one of")],
)
def test_what_was_wrong_with_a_question_is_told(version: str, words: str) -> None:
    with Immich(version) as server, pytest.raises(Refused, match=words):
        client_of(server)._search({"order": "up"})


def test_server_that_is_not_there_is_to_be_started(server: Hostile, client: ImmichClient) -> None:
    server.stop()

    with pytest.raises(ServerOff, match=r"there is no Immich at http.*refused\): start it$"):
        client.version()


# Slow, and broken off.


def test_slow_answer_is_not_waited_for(server: Hostile, client: ImmichClient) -> None:
    server.slow_s = 60

    with within(0.2), pytest.raises(TooSlow):
        client.albums()


@pytest.mark.parametrize("fault", [Fault.reset(), Fault.half()], ids=["reset", "half"])
def test_answer_that_breaks_off_is_asked_for_again_by_who_wants_it(
    server: Hostile, client: ImmichClient, fault: Fault
) -> None:
    server.add("/mnt/a.jpg", owner=KEY_OF)
    server.fail_next(1, fault.of("/search"))

    with pytest.raises(Faulty, match="broke off"):
        all_of(client)

    assert all_of(client) == ["/mnt/a.jpg"]


def test_pages_that_came_before_a_failure_were_told(server: Hostile, client: ImmichClient) -> None:
    for n in range(4):
        server.add(f"/mnt/{n}.jpg", owner=KEY_OF)
    pages = client.pages(Wanted(), page_size=2)
    first = next(pages)
    server.fail_next(1, Fault.too_many().of("/search"))

    with pytest.raises(ServerBusy):
        next(pages)

    assert len(first) == 2


def test_closing_breaks_off_what_is_on_its_way(server: Hostile, client: ImmichClient) -> None:
    server.fail_next(1, Fault.silence().of("/albums"))
    raised: list[Exception] = []

    def ask() -> None:
        try:
            client.albums()
        except ServerOff as error:
            raised.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    server.wait_until(lambda: len(server.requests) == 1)
    client.close()
    asking.join(10)

    assert "was closed" in str(raised[0])


# Where it goes, and what it shows.


def test_redirect_is_not_followed(server: Hostile, client: ImmichClient) -> None:
    with Immich() as other:
        server.fail_next(1, Fault.redirect(f"{other.url}/api/albums").of(""))

        with pytest.raises(ServerOff, match="where we do not go"):
            client.albums()

        assert other.requests == []


def test_far_server_is_refused_before_it_is_told_anything() -> None:
    with pytest.raises(ConfigError, match=r"not in your home network.*immich\.allow_remote: true"):
        read_immich_host("https://203.0.113.7")
    assert read_immich_host("https://203.0.113.7/api", allow_remote=True).url.endswith("7:443")


def test_name_that_stands_for_a_far_server_is_told_nothing(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "NEAR", (ip_network("10.0.0.0/8"),))
    there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [there])
    client = ImmichClient(read_immich_host(f"http://nas:{server.port}"), "the-secret-key")

    with pytest.raises(ServerOff, match=r"allow_remote"):
        client.version()

    assert server.requests == []


@pytest.mark.parametrize("url", ["http://me:secret@nas:2283", "nas:0", "ftp://nas", "http://"])
def test_address_that_is_none_is_said_to_be_immichs(url: str) -> None:
    with pytest.raises(ConfigError, match="Immich's address") as caught:
        read_immich_host(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 307, 400, 401, 403, 404, 429, 500, 503])
def test_key_is_never_shown(
    server: Hostile, client: ImmichClient, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    # httpcore's own debug log has the headers of answers, and this server says our key there.
    caplog.set_level(logging.DEBUG, "mediaindex")
    caplog.set_level(logging.INFO)
    (key,) = server.users[KEY_OF].keys
    fault = Fault("raw", status, json.dumps({"message": f"bad {key}"}), headers={"Location": key})
    server.fail_next(1, fault.of(""))

    with pytest.raises((Faulty, ServerOff, ServerBusy)) as caught:
        client.albums()

    assert key not in f"{caught.value} {caught.value!r} {caught.value.args} {vars(caught.value)}"
    assert key not in caplog.text
    assert server.requests[0].headers["x-api-key"] == key


# Answers that no Immich gives.


@pytest.mark.parametrize("status", [200, 404])
def test_page_of_something_else_is_not_believed(
    server: Hostile, client: ImmichClient, status: int
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner=KEY_OF)
    asks: list[Callable[[], object]] = [
        client.version,
        client.me,
        client.albums,
        client.tags,
        client.queues,
        lambda: all_of(client),
        lambda: client.asset(asset_id),
        lambda: client.describe(asset_id, "x"),
        lambda: client.put_record(asset_id, "mediaindex", {}),
        lambda: client.make_tags(["x"]),
        lambda: client.tag(AN_ID, [asset_id]),
        lambda: client.holds(["0" * 40]),
    ]
    for ask in asks:
        server.fail_next(1, Fault.html(status).of(""))
        with pytest.raises(Faulty):
            ask()


NONSENSE: list[Any] = [
    None,
    17,
    "x",
    [],
    [None],
    [[]],
    {},
    {"id": 5},
    {"assets": None},
    {"assets": {"items": {}}},
    {"assets": {"items": [17]}},
    {"assets": {"items": [{"id": "x"}]}},
    {"results": [None]},
    {"major": "3", "minor": None, "patch": []},
    [{"id": None, "value": 5}],
    [{"x1": {}, "text": {"a": 1}}, {"y1": 1e999, "text": "x"}],
]


@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
def test_wrong_types_are_faults_and_never_crash(
    server: Hostile, client: ImmichClient, answer: object
) -> None:
    server.at, server.say = "/api/", lambda _: answer
    asks: list[Callable[[], object]] = [
        client.version,
        client.me,
        client.permissions,
        client.albums,
        client.tags,
        client.queues,
        lambda: all_of(client),
        lambda: all_of(client, Wanted(album_id=AN_ID)),
        lambda: client.asset(AN_ID),
        lambda: client.text_in(AN_ID),
        lambda: client.record(AN_ID, "mediaindex"),
        lambda: client.describe(AN_ID, "x"),
        lambda: client.put_record(AN_ID, "mediaindex", {}),
        lambda: client.make_tags(["x"]),
        lambda: client.tag(AN_ID, [AN_ID]),
        lambda: client.holds(["0" * 40]),
    ]
    for ask in asks:
        try:
            ask()
        except (Faulty, Gone) as error:
            assert "Immich at http" in str(error)  # noqa: PT017 - some may be believed


@pytest.mark.parametrize("lost", ["id", "ownerId", "originalPath", "type"])
def test_asset_without_what_is_needed_is_no_asset(
    server: Hostile, client: ImmichClient, lost: str
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner=KEY_OF)
    told = client._get(f"/assets/{asset_id}")
    server.at, server.say = "/assets/", lambda _: {**told, lost: None}

    with pytest.raises(Faulty, match="answered with an asset that"):
        client.asset(asset_id)


def test_asset_may_lack_what_is_not_needed(server: Hostile, client: ImmichClient) -> None:
    least = {"id": AN_ID, "ownerId": AN_ID, "originalPath": "/a", "type": "IMAGE", "new": [1]}
    server.at, server.say = "/assets/", lambda _: {**least, "exifInfo": {"description": None}}

    asset = client.asset(AN_ID)

    assert asset is not None
    assert (asset.description, asset.size_bytes, asset.people, asset.tags) == ("", None, (), None)


def test_visibility_of_a_newer_version_is_taken_for_the_strictest(
    server: Hostile, client: ImmichClient
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner=KEY_OF)
    told = client._get(f"/assets/{asset_id}")
    server.at, server.say = "/assets/", lambda _: {**told, "visibility": "private"}

    asset = client.asset(asset_id)

    assert asset is not None
    assert asset.visibility == "locked"


def item(n: int) -> dict[str, Any]:
    asset_id = f"{AN_ID[:24]}{n:012}"
    return {"id": asset_id, "ownerId": AN_ID, "originalPath": f"/{n}", "type": "IMAGE"}


@pytest.mark.parametrize("version", ["2.5.0", "3.1.0", "3.2.0"])
@pytest.mark.parametrize("how", ["the same page", "no next number", "itself"])
def test_paging_ends_where_nothing_new_comes(version: str, how: str) -> None:
    asked: list[Any] = []

    def say(exchange: Exchange) -> object:
        body = exchange.seen.body
        asked.append(body)
        number = body.get("page", 1)
        following = str(number) if how == "itself" else str(number + 1)
        cursor = "c" if how == "itself" else f"c{len(asked)}"
        same = {"items": [item(1)], "nextPage": following, "nextCursor": cursor}
        nothing = {"items": [], "nextPage": following, "nextCursor": cursor}
        return {"assets": nothing if how == "no next number" else same}

    with Hostile(version) as server:
        client = client_of(server)
        server.at, server.say = "/search", say
        assert len(all_of(client)) <= 1
    assert len(asked) <= 9


@pytest.mark.parametrize("version", ["2.5.0", "3.1.0", "3.2.0"])
def test_pages_that_never_end_are_a_fault(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(immich_pages, "MOST_PAGES", 20)
    came = iter(range(10**9))

    def say(exchange: Exchange) -> object:
        n = next(came)
        number = str(exchange.seen.body.get("page", 1) + 1)
        return {"assets": {"items": [item(n)], "nextPage": number, "nextCursor": f"c{n}"}}

    with Hostile(version) as server:
        client = client_of(server)
        server.at, server.say = "/search", say
        with pytest.raises(Faulty, match="never end"):
            all_of(client)


@pytest.mark.parametrize("number", ["x", "-1", "٣", 1.5, [], True])
def test_next_page_without_a_number_is_a_fault(
    server: Hostile, client: ImmichClient, number: object
) -> None:
    page = {"items": [item(1)], "nextPage": number}
    server.at, server.say = "/search", lambda _: {"assets": page}

    with pytest.raises(Faulty, match="no number"):
        all_of(client)


def test_long_page_is_read_and_an_endless_one_is_not(
    server: Hostile, client: ImmichClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [{"boundingBoxX1": n} for n in range(400)]
    long = [{**item(n), "unassignedFaces": boxes} for n in range(1000)]
    server.at, server.say = "/search", lambda _: {"assets": {"items": long}}
    assert len(all_of(client)) == 1000, "more than other servers may answer with"

    monkeypatch.setattr(immich_wire, "MOST_BYTES", 9_000_000)
    with pytest.raises(Faulty, match="more than 9,000,000 bytes"):
        all_of(client)


def test_half_a_character_is_not_handed_on(server: Hostile, client: ImmichClient) -> None:
    server.at, server.say = "/tags", lambda _: [{"id": AN_ID, "value": "a\ud800b"}]

    assert client.tags()[0].name == "a?b"


def test_id_never_leaves_its_place_in_the_path(server: Hostile, client: ImmichClient) -> None:
    with pytest.raises((Faulty, ServerOff)), closing(client):
        client.asset("../../albums?x=")

    assert server.requests[0].path.startswith("/api/assets/")


def test_text_that_no_request_can_carry_is_told_as_such(
    server: Immich, client: ImmichClient
) -> None:
    asset_id = server.add("/mnt/a.jpg", owner="Ana")

    with pytest.raises(Faulty, match=r"'\\ud83d', half of a character"):
        client.describe(asset_id, "a boat \ud83d")

    assert server.requests == []
