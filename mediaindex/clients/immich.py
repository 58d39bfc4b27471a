"""A thin client of Immich's API, from v1.13x to v3.2.

Written on httpx: the generated clients are each of one version, and this is a dozen endpoints. What
differs between versions stands in `immich_versions`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mediaindex.clients.hosts import Host
from mediaindex.clients.immich_shapes import Album, Asset, Named, Queue, User, Version, Wanted

PORT = 2283
"""Immich's."""


class ImmichClient:
    """The requests of Immich's API, with one person's key. Safe from any thread.

    All of them raise what `Wire.handle_request` raises (`ServerOff` if it is not there or the key
    is refused, `ServerBusy` for 429 and 503, `Faulty` for what may be right later), `Lacking` for a
    permission that the key does not have, and `Faulty` for an answer in another form; how long they
    may take is set by `wire.within`.
    """

    def __init__(self, host: Host, api_key: str, version: Version | None = None) -> None:
        """Contact nothing yet.

        Args:
            host: Without `/api`.
            api_key: Sent as `x-api-key`, and struck out of every text.
            version: The server's, as known from before; None: it is asked for when it is needed.
        """
        #: How many requests were made.
        self.requests = 0
        raise NotImplementedError

    def version(self) -> Version:
        """Return the server's version, asked for anew; it needs no key."""
        raise NotImplementedError

    def me(self) -> User:
        """Return whose key this is."""
        raise NotImplementedError

    def permissions(self) -> frozenset[str] | None:
        """Return what the key may do (`all` for everything); None: the server cannot tell."""
        raise NotImplementedError

    def pages(self, wanted: Wanted, page_size: int = 1000) -> Iterator[Sequence[Asset]]:
        """Yield the assets that are asked for, a page at a time; others' (partners') too."""
        raise NotImplementedError

    def asset(self, asset_id: str) -> Asset | None:
        """Return one asset, its tags and people with it; None: this key sees none of that id."""
        raise NotImplementedError

    def text_in(self, asset_id: str) -> str | None:
        """Return what Immich's own OCR read in a picture, lines from the top; None: it has none."""
        raise NotImplementedError

    def holds(self, checksums: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of this person's assets by checksum (SHA-1, 40 hex digits), where it has.

        Also of what is locked, which nothing else shows; of the trash nothing. Nothing is uploaded,
        though Immich wants the permission for that (`asset.upload`).
        """
        raise NotImplementedError

    def albums(self) -> Sequence[Album]:
        """Return the albums that this person owns or was let into."""
        raise NotImplementedError

    def tags(self) -> Sequence[Named]:
        """Return this person's tags."""
        raise NotImplementedError

    def describe(self, asset_id: str, description: str) -> None:
        """Put a description in place of the one that an asset has."""
        raise NotImplementedError

    def make_tags(self, values: Sequence[str]) -> Sequence[Named]:
        """Return the tags of these values, made where they are not there; in the same order."""
        raise NotImplementedError

    def tag(self, tag_id: str, asset_ids: Sequence[str]) -> None:
        """Put a tag on assets; where it is on one already, nothing happens."""
        raise NotImplementedError

    def untag(self, tag_id: str, asset_ids: Sequence[str]) -> None:
        """Take a tag off assets; where it is not on one, nothing happens."""
        raise NotImplementedError

    def delete_tag(self, tag_id: str) -> None:
        """Delete a tag, whatever has it."""
        raise NotImplementedError

    def record(self, asset_id: str, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return what an asset's key-value store holds under a key; None: nothing."""
        raise NotImplementedError

    def put_record(self, asset_id: str, key: str, value: dict[str, Any]) -> None:
        """Put a value into an asset's key-value store."""
        raise NotImplementedError

    def delete_record(self, asset_id: str, key: str) -> None:
        """Take a value out of an asset's key-value store; nothing happens where none is."""
        raise NotImplementedError

    def queues(self) -> Sequence[Queue]:
        """Return how Immich's own queues of work fare."""
        raise NotImplementedError

    def close(self) -> None:
        """Break off every request, in whatever thread, and let nothing out any more."""
        raise NotImplementedError
