"""What of all the words on a photo or video is the description, the tags, the alt text."""

import re
from collections.abc import Collection, Iterator

from mediaindex.captioners.sentences import join, sentences
from mediaindex.media.text import one_line
from mediaindex.store.exports import Exported
from mediaindex.types import Said, WordsKind

ALT_TEXT = 250
"""The most letters of an alt text. IPTC Photo Metadata 2021.1, "Alt Text (Accessibility)"."""

# "The image shows a dog": whoever hears an alt text knows that already (W3C, WAI images tutorial).
_OF_PICTURES = re.compile(
    r"""(?:in|this\ is|here\ is)?\s*(?:an?|the|this)?\s*
    (?:(?:close-?up|black[ -]and[ -]white|colou?r|blurry|stock|aerial)\s+)*
    (?:image|photo|photograph|picture|pic|snapshot|video|clip)\b\s*
    (?:(?:shows?|showing|depicts?|depicting|features?|featuring|captures?|capturing
       |displays?|displaying|contains?|(?:is\s+)?of)\s+|,\s*)""",
    re.IGNORECASE | re.VERBOSE,
)

_STOPS = ".!?\u2026\u3002\uff01\uff1f"


def described(found: Exported) -> Said | None:
    """Return what a model says of the whole: a video's summary, else the first moment it told."""
    return found.summary or next((moment.said for moment in found.moments if moment.said), None)


def all_said(found: Exported) -> Iterator[Said]:
    """Yield all that a model says: of the whole video, then of each moment."""
    if found.summary:
        yield found.summary
    yield from (moment.said for moment in found.moments if moment.said)


def tags(found: Exported) -> list[str]:
    """Return a model's tags for all of it, each once, whichever way it is written."""
    known: dict[str, str] = {}
    for said in all_said(found):
        for tag in map(one_line, said.caption.tags):
            if tag:
                known.setdefault(tag.casefold(), tag)
    return list(known.values())


def written(found: Exported, kinds: Collection[WordsKind]) -> list[str]:
    """Return what people wrote of these kinds, each once."""
    return list(dict.fromkeys(words.text for words in found.words if words.kind in kinds))


def alt_text(found: Exported) -> str | None:
    """Return what to read out instead of the picture: a person's words, else a model's."""
    titles, told = written(found, ["title"]), written(found, ["description"])
    title, description = (one_line(" ".join(some[:1])) for some in (titles, told))
    if title and title.casefold() not in description.casefold():
        description = f"{_ended(title)} {description}".strip() if description else title
    return shortened(description) if description else machine_alt_text(found)


def machine_alt_text(found: Exported) -> str | None:
    """Return a model's words as an alt text; None if it says nothing."""
    said = described(found)
    return None if said is None else shortened(plainly(one_line(said.caption.description))) or None


def plainly(text: str) -> str:
    """Return a description without "The image shows" before it."""
    start = _OF_PICTURES.match(text)
    rest = text[start.end() :] if start else text
    return rest[:1].upper() + rest[1:] if rest else text


def shortened(text: str, most: int = ALT_TEXT) -> str:
    """Return the sentences that fit; of a first one that is too long, the words."""
    if len(text) <= most:
        return text
    fitting = ""
    for sentence in sentences(text):
        more = join([fitting, sentence])
        if len(more) > most:
            break
        fitting = more
    if fitting:
        return fitting
    words, _, _ = text[:most].rpartition(" ")
    return (words or text[: most - 1]).rstrip(" ,;:-")[: most - 1] + "…"


def _ended(title: str) -> str:
    return title if title[-1] in _STOPS else title + "."
