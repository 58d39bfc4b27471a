"""What Immich says of a photo in words; our own words in it are left out, unless changed."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from mediaindex import marked
from mediaindex.clients.immich_shapes import Asset
from mediaindex.media.text import one_line
from mediaindex.types import IMMICH, PersonWords, WordsKind

MOST = 10_000
"""Characters of one text that are kept."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it is stored for each asset of an account."""

    #: A person's words alone: without our marked blocks (see `mediaindex.marked`).
    description: str = ""
    #: Whether our block stood in it when it was read.
    has_block: bool = False
    #: What stood in such blocks and was not what we had written: a person changed it.
    edited: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    #: Whole paths; without ours (`mediaindex/...`).
    tags: tuple[str, ...] = ()
    #: Of them ours: the one above all of them stands for whichever there are.
    our_tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    #: City, state and country.
    places: tuple[str, ...] = ()
    #: What Immich's own OCR read; "" where it read nothing or was not asked yet.
    seen: str = ""


def facts_of(asset: Asset, known: Facts, ours: Collection[str] = ()) -> Facts:
    """Return what an answer says of an asset.

    Args:
        asset: Of a page, so its albums and tags are not told.
        known: What was known of it, where those still stand.
        ours: The descriptions that we wrote for it, as far as is known.
    """
    edited = _edited(asset.description, known, ours)
    return msgspec.structs.replace(
        known,
        description=_storable(marked.of_person(asset.description))[:MOST],
        has_block=marked.block(asset.description) is not None,
        edited=edited,
        people=_each(person.name for person in asset.people),
        places=_each((asset.city, asset.state, asset.country)),
    )


def stored(facts: Facts) -> str:
    """Return facts as they are stored."""
    return msgspec.json.encode(facts).decode()


def read_facts(text: str) -> Facts:
    """Return facts that were stored."""
    return msgspec.json.decode(text, type=Facts)


def name_of(text: str) -> str:
    """Return an album's or a tag's name as it is stored."""
    return one_line(text)[:MOST]


def words_of(told: Iterable[Facts]) -> list[PersonWords]:
    """Return what is said of an asset of ours that is all of these in Immich, each once."""
    found = {
        (kind, one_line(text).casefold()): PersonWords(kind, text, IMMICH)
        for facts in told
        for kind, text in _told(facts)
        if one_line(text)
    }
    return list(found.values())


def _told(facts: Facts) -> Iterator[tuple[WordsKind, str]]:
    for text in (facts.description, *facts.edited):
        yield "description", one_line(text)
    for name in facts.people:
        yield "person", name
    for tag in facts.tags:
        yield "keyword", tag
    for album in facts.albums:
        yield "album", album
    for place in facts.places:
        yield "place", place
    yield "seen", one_line(facts.seen)


def _edited(description: str, known: Facts, ours: Collection[str]) -> tuple[str, ...]:
    """Return what stands in blocks of ours and was made of them by a person.

    Where it is not known what we wrote, each block counts as ours: another database wrote it, or
    this one before it was lost, and a model's words are not to come back as a person's.
    """
    blocks = [_storable(words)[:MOST] for words in marked.in_blocks(description)]
    if not ours:
        return tuple(words for words in blocks if words in known.edited)
    written = [one_line(text) for one in ours for text in marked.in_blocks(one)]
    # It may be cut off at its end.
    return tuple(
        words for words in blocks if not any(text.startswith(one_line(words)) for text in written)
    )


def _storable(text: str) -> str:
    """Return a text without halves of characters, which no database takes."""
    return text.encode("utf-8", "replace").decode()


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    lines = (one_line(text)[:MOST] for text in texts)
    return tuple(dict.fromkeys(line for line in lines if line))
