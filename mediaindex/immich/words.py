"""Which words of ours go into Immich: the block of a description, tags, and a record."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from mediaindex import __version__
from mediaindex.marked import TAG
from mediaindex.media.text import one_line
from mediaindex.store.immich_written import Spoken
from mediaindex.types import Said

MOST_LETTERS = 4_000
"""Of a block: more than anybody reads under a photo, and less than makes its page slow."""

MOST_OF_LINE, MOST_LINES = 200, 20
"""Of what is said of one moment of a video, and how many of them stand in its description."""

MOST_TAGS, MOST_OF_TAG = 20, 60

MOST_MOMENTS = 500
"""Of a record."""

FORM = 1
"""Of all this: with another, what was written by an older program is written anew."""

T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """What is to stand in Immich of one photo or video."""

    #: Inside the block; None: no description is written.
    words: str | None
    #: Whole paths; none also where tags are not written.
    tags: tuple[str, ...]
    #: None: none is written.
    record: dict[str, Any] | None
    #: Of all of it; the program's version does not count.
    digest: str


def wish(spoken: Spoken, wanted: Collection[str]) -> Wish | None:
    """Return what is to be written of a photo or video; None: no model says anything.

    Args:
        spoken: What models say of it.
        wanted: `immich.write`: of `description`, `tags` and `record`.
    """
    whole = spoken.summary or next((said for _, said in spoken.moments), None)
    if whole is None:
        return None
    words = _words(spoken, whole) if "description" in wanted else None
    tags = _tags(spoken) if "tags" in wanted else ()
    record = _record(spoken, whole) if "record" in wanted else None
    told = json.dumps([FORM, words, tags, record], sort_keys=True)
    if record is not None:
        record = {**record, "mediaindex": __version__}
    return Wish(words, tags, record, sha256(told.encode()).hexdigest())


def clock(at_ms: int) -> str:
    """Return where in a video something is: `0:42`, `1:02:03`."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _words(spoken: Spoken, whole: Said) -> str:
    first = _shortened(one_line(whole.caption.description), MOST_LETTERS)
    if spoken.kind != "video" or (len(spoken.moments) == 1 and spoken.summary is None):
        return first
    for number in range(min(MOST_LINES, len(spoken.moments)), 0, -1):
        lines = [_line(at_ms, said) for at_ms, said in _spread(spoken.moments, number)]
        text = "\n".join([*([first] if spoken.summary else []), *lines])
        if len(text) <= MOST_LETTERS:
            return text
    return first


def _line(at_ms: int, said: Said) -> str:
    return f"{clock(at_ms)} {_shortened(one_line(said.caption.description), MOST_OF_LINE)}"


def _tags(spoken: Spoken) -> tuple[str, ...]:
    """Return the tags that most moments have first; each once, whichever way it is written."""
    named = Counter[str]()
    written: dict[str, str] = {}
    for said in _all_said(spoken):
        tags = list(filter(None, map(_tag, said.caption.tags)))
        named.update(dict.fromkeys(map(str.casefold, tags), 1))
        for tag in tags:
            written.setdefault(tag.casefold(), tag)
    # Of equal ones the first that was said: `most_common` keeps their order.
    return tuple(f"{TAG}/{written[key]}" for key, _ in named.most_common(MOST_TAGS))


def _tag(text: str) -> str:
    """Return one part of a tag's path: a slash would begin the next."""
    plain = one_line(text.replace("/", "-").replace("|", "-").replace("\\", "-"))
    return plain[:MOST_OF_TAG].strip(" #,;-")


def _record(spoken: Spoken, whole: Said) -> dict[str, Any]:
    caption, origin = whole.caption, whole.origin
    record: dict[str, Any] = {
        "caption": caption.description,
        "tags": list(dict.fromkeys(tag for said in _all_said(spoken) for tag in said.caption.tags)),
        "model": origin.model,
        "digest": origin.digest,
        "prompt_version": origin.prompt_version,
        "made_at": whole.made_at.isoformat(),
    }
    if caption.text_in_image:
        record["text_in_image"] = caption.text_in_image
    if spoken.kind == "video":
        record["moments"] = [
            {"at_ms": at_ms, "caption": said.caption.description}
            for at_ms, said in _spread(spoken.moments, MOST_MOMENTS)
        ]
    return record


def _all_said(spoken: Spoken) -> Iterator[Said]:
    if spoken.summary:
        yield spoken.summary
    yield from (said for _, said in spoken.moments)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return text[: most - 1].rpartition(" ")[0].rstrip(" ,;:-") + "…"


def _spread(things: Sequence[T], number: int) -> list[T]:
    """Return up to `number` of the things, evenly spread, the first and the last among them."""
    if len(things) <= number:
        return list(things)
    return [
        things[round(place * (len(things) - 1) / max(1, number - 1))] for place in range(number)
    ]
