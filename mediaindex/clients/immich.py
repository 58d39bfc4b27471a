"""A thin client of Immich's API, from v1.13x to v3.2.

Written on httpx: the generated clients are each of one version, and this is a dozen endpoints. What
differs between versions stands in `immich_versions`.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from mediaindex.clients import immich_answers as answers
from mediaindex.clients.hosts import Host, read_host
from mediaindex.clients.immich_pages import searched
from mediaindex.clients.immich_shapes import (
    Album,
    Asset,
    Named,
    Queue,
    User,
    Version,
    Visibility,
    Wanted,
)
from mediaindex.clients.immich_versions import Abilities, abilities
from mediaindex.clients.immich_wire import ImmichWire, read_date
from mediaindex.clients.wire import Refused
from mediaindex.errors import Faulty, Gone, Lacking

PORT = 2283
"""Immich's."""

CHECKED = 5000
"""Checksums of one question; Immich takes ten million bytes."""

TAGGED = 1000
"""Assets of one question."""

NO_RECORD = re.compile(r"metadata with key .* not found", re.IGNORECASE)

T = TypeVar("T")


def read_immich_host(url: str, *, allow_remote: bool = False) -> Host:
    """Read an Immich's address; the end `/api`, which other programs are given, may be there.

    Raises:
        ConfigError: It is no address, or a far one that is not allowed.
    """
    return without_api(read_host(url, PORT, allow_remote=allow_remote, section="immich"))


def without_api(host: Host) -> Host:
    """Return the host of Immich's pages, from that or from the one of its API."""
    return replace(host, url=host.url.removesuffix("/api"))


class ImmichClient:
    """The requests of Immich's API, with one person's key. Safe from any thread.

    All of them raise what `Wire.handle_request` raises (`ServerOff` if it is not there or the key
    is refused, `ServerBusy` for 429, 502, 503 and 504, `Faulty` for what may be right later),
    `Lacking` for a permission that the key does not have, and `Faulty` for an answer in another
    form; how long they may take is set by `wire.within`. Those that write raise `Gone` where this
    key sees no such asset or tag.
    """

    def __init__(self, host: Host, api_key: str, version: Version | None = None) -> None:
        """Contact nothing yet.

        Args:
            host: With or without `/api`.
            api_key: Sent as `x-api-key`, and struck out of every text.
            version: The server's, as known from before; None: it is asked for when it is needed.
        """
        #: How many requests were made.
        self.requests = 0
        self._date: str | None = None
        self.wire = ImmichWire(without_api(host), api_key)
        self._http = httpx.Client(transport=self.wire, follow_redirects=False, trust_env=False)
        self._version = version
        self._counting = threading.Lock()

    @property
    def told_at(self) -> datetime | None:
        """What time it was by the server's own clock at its last answer; None: it did not tell."""
        return read_date(self._date)

    def version(self) -> Version:
        """Return the server's version, asked for anew; it needs no key."""
        with self._in_our_words():
            self._version = answers.read_version(self._get("/server/version"))
            return self._version

    def me(self) -> User:
        """Return whose key this is."""
        with self._in_our_words():
            return answers.read_user(self._get("/users/me"))

    def permissions(self) -> frozenset[str] | None:
        """Return what the key may do (`all` for everything); None: the server cannot tell."""
        with self._in_our_words():
            try:
                return answers.read_permissions(self._get("/api-keys/me"))
            except Refused as refused:
                # Until v2.0 "me" was taken for a key's id, which it is not, ...
                if refused.status not in {400, 404}:
                    raise
            except Lacking:  # ... and to ask for one wanted a permission
                pass
            return None

    def pages(self, wanted: Wanted, page_size: int = 1000) -> Iterator[Sequence[Asset]]:
        """Yield the assets that are asked for, a page at a time; others' (partners') too.

        Each comes once. Those in the making, which Immich did not look into yet, may be missing
        where not `bare` is asked for.

        Raises:
            Gone: There is no such album for this key.
        """
        with self._in_our_words():
            can = self._can()
        if wanted.album_id is not None and not can.album_search:
            yield from self._album_pages(wanted.album_id, wanted, page_size)
            return
        pages = searched(self._search, can, wanted, page_size)
        while True:
            with self._in_our_words():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def asset(self, asset_id: str) -> Asset | None:
        """Return one asset, its tags and people with it; None: this key sees none of that id."""
        with self._in_our_words():
            try:
                return answers.read_asset(self._get(f"/assets/{_part(asset_id)}"))
            except Gone:
                return None

    def count(self, visibility: Visibility) -> int:
        """Return how many photos and videos this person has so; the trash is left out."""
        with self._in_our_words():
            query = f"visibility={_part(visibility)}&isTrashed=false"
            return answers.read_total(self._get(f"/assets/statistics?{query}"))

    def text_in(self, asset_id: str) -> str | None:
        """Return what Immich's own OCR read in a picture, lines from the top; None: it has none."""
        with self._in_our_words():
            if not self._can().ocr:
                return None
            try:
                return answers.read_text(self._get(f"/assets/{_part(asset_id)}/ocr"))
            except Gone:
                return None

    def holds(self, checksums: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of this person's assets by checksum (SHA-1, 40 hex digits), where it has.

        Also of what is locked, which nothing else shows; of the trash nothing. Nothing is uploaded,
        though Immich wants the permission for that (`asset.upload`).
        """
        held: dict[str, str] = {}
        for some in _batches(dict.fromkeys(checksums), CHECKED):
            asked = [{"id": str(n), "checksum": checksum} for n, checksum in enumerate(some)]
            with self._in_our_words():
                body = self._send("POST", "/assets/bulk-upload-check", {"assets": asked})
                found = answers.read_held(body)
            held |= {some[int(n)]: found[n] for n in map(str, range(len(some))) if n in found}
        return held

    def albums(self) -> Sequence[Album]:
        """Return the albums that this person owns or was let into."""
        with self._in_our_words():
            found = answers.read_albums(self._get("/albums"))
            if not self._can().album_search:  # where only the owned ones come unless asked
                found += answers.read_albums(self._get("/albums?shared=true"))
            return list({album.id: album for album in found}.values())

    def tags(self) -> Sequence[Named]:
        """Return this person's tags."""
        with self._in_our_words():
            return answers.read_tags(self._get("/tags"))

    def describe(self, asset_id: str, description: str) -> None:
        """Put a description in place of the one that an asset has."""
        with self._in_our_words():
            body = self._send("PUT", f"/assets/{_part(asset_id)}", {"description": description})
            told = answers.read_asset(body)
            # The page of a proxy where one logs in says 200 too.
            if told is None or told.id != asset_id:
                raise answers.Odd("another asset")

    def make_tags(self, values: Sequence[str]) -> Sequence[Named]:
        """Return the tags of these values, made where they are not there; in the same order."""
        if not values:
            return []
        with self._in_our_words():
            body = self._send("PUT", "/tags", {"tags": list(dict.fromkeys(values))})
            made = {tag.name: tag for tag in answers.read_tags(body)}
            missing = [value for value in values if value not in made]
            if missing:
                raise answers.Odd(f"no tag {missing[0]}")
            return [made[value] for value in values]

    def tag(self, tag_id: str, asset_ids: Sequence[str]) -> None:
        """Put a tag on assets; where it is on one already, nothing happens.

        Raises:
            Gone: The tag is (`what`), or some of the assets are (`ids`); the others have it now.
        """
        self._change("PUT", tag_id, asset_ids, fine={"duplicate"})

    def untag(self, tag_id: str, asset_ids: Sequence[str]) -> None:
        """Take a tag off assets; where it is not on one, nothing happens.

        Raises:
            Gone: As above. That an asset was deleted is not told here.
        """
        self._change("DELETE", tag_id, asset_ids, fine={"not_found", "duplicate"})

    def delete_tag(self, tag_id: str) -> None:
        """Delete a tag, whatever has it; nothing happens where there is none."""
        with self._in_our_words():
            try:
                self._send("DELETE", f"/tags/{_part(tag_id)}", answers=False)
            except Gone:
                return

    def record(self, asset_id: str, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return what an asset's key-value store holds under a key; None: nothing."""
        with self._in_our_words():
            if not self._can().records:
                return None
            try:
                body = self._get(f"/assets/{_part(asset_id)}/metadata/{_part(key)}")
            except Gone:
                return None
            except Refused as refused:
                if NO_RECORD.search(refused.words):
                    return None
                raise
            return body["value"]

    def put_record(self, asset_id: str, key: str, value: dict[str, Any]) -> None:
        """Put a value into an asset's key-value store."""
        with self._in_our_words():
            path, item = f"/assets/{_part(asset_id)}/metadata", {"key": key, "value": value}
            body = self._send("PUT", path, {"items": [item]})
            if key not in {one.get("key") for one in answers.items(body, "records")}:
                raise answers.Odd("another record")

    def delete_record(self, asset_id: str, key: str) -> None:
        """Take a value out of an asset's key-value store; nothing happens where none is."""
        with self._in_our_words():
            try:
                path = f"/assets/{_part(asset_id)}/metadata/{_part(key)}"
                self._send("DELETE", path, answers=False)
            except Refused as refused:
                if not NO_RECORD.search(refused.words):
                    raise

    def queues(self) -> Sequence[Queue]:
        """Return how Immich's own queues of work fare; `Lacking` but for an administrator's key."""
        with self._in_our_words():
            return answers.read_queues(self._get("/queues" if self._can().queues else "/jobs"))

    def close(self) -> None:
        """Break off every request, in whatever thread, and let nothing out any more."""
        self.wire.close()

    def _can(self) -> Abilities:
        return abilities(self._version or self.version())

    def _search(self, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        return self._send("POST", "/search/metadata", body)

    def _album_pages(
        self, album_id: str, wanted: Wanted, page_size: int
    ) -> Iterator[Sequence[Asset]]:
        """Yield an album's assets, of whomever, which come in one piece before v3."""
        with self._in_our_words():
            body = self._get(f"/albums/{_part(album_id)}")
            if not isinstance(body, Mapping):
                raise answers.Odd("an album that is no object")
            found = answers.read_assets(body.get("assets"))
        after = wanted.updated_after or ""
        shown = (one for one in found if one.visibility != "locked" and one.updated_at >= after)
        yield from _batches(shown, page_size)

    def _change(
        self, method: str, tag_id: str, asset_ids: Sequence[str], fine: Iterable[str]
    ) -> None:
        """Put a tag on assets or take it off, and look at what is said of each."""
        refused: dict[str, str] = {}
        for some in _batches(asset_ids, TAGGED):
            with self._in_our_words():
                body = self._send(method, f"/tags/{_part(tag_id)}/assets", {"ids": some})
                refused |= answers.read_refused(body, fine)
        gone = [one for one, why in refused.items() if why in {"no_permission", "not_found"}]
        if gone:
            reason = f"{self.wire.who} shows our key no such asset: {gone[0]}"
            raise Gone(reason, "asset", tuple(gone))
        if refused:
            asset_id, why = next(iter(refused.items()))
            raise Faulty(f"{self.wire.who} could not tag {asset_id}: {self.wire.words(why)}")

    def _get(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        return self._send("GET", path)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        answers: bool = True,
    ) -> Any:  # noqa: ANN401 - any JSON value
        """Make one request and return the JSON of its answer; None where it has none."""
        with self._counting:
            self.requests += 1
        url = f"{self.wire.host.url}/api{path}"
        response = self._http.request(method, url, json=body)
        self._date = response.headers.get("date")
        return response.json() if answers else None

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except answers.Odd as odd:
            raise Faulty(f"{self.wire.who} answered with {self.wire.words(str(odd))}") from odd
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise self.wire.failure(error) from error
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start : error.end])
            raise Faulty(
                f"nothing was sent to {self.wire.who}: the text holds {half}, half of a character, "
                "which no request can carry"
            ) from error
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise Faulty(
                f"{self.wire.who} answered with something that is not Immich's; is that address"
                " right?"
            ) from error


def _batches(many: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(many)
    while some := list(islice(rest, max(1, size))):
        yield some


def _part(text: str) -> str:
    """Return an id or a key as a part of a path, which it can never leave."""
    return quote(text, safe="").replace(".", "%2E")
