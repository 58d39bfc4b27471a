"""Our words among a person's: a marked block in a description, and tags of a tree of their own.

Immich keeps one description for each photo, and writes it into a sidecar that we read again. So the
block says where our words begin and end: what stands around it is a person's, byte for byte, and
what stands in it is never taken for a person's.
"""

import re

BEGIN, END = "[mediaindex]", "[/mediaindex]"
GAP = "\n\n"
"""Stands between a person's words and the block."""

TAG = "mediaindex"
"""The tag below which all of ours stand."""

_BLOCK = re.compile(rf"{re.escape(BEGIN)}(?:(?!{re.escape(BEGIN)}).)*?{re.escape(END)}", re.DOTALL)

# A program that shortens texts may have cut the end off. In the middle of a line it is a person who
# speaks of the mark, and what follows is theirs.
_CUT_OFF = re.compile(rf"(?:^|[\r\n])[^\S\r\n]*{re.escape(BEGIN)}(?:\s.*)?$", re.DOTALL)

# Of both languages: what JavaScript trims, as Immich does, and what Python strips.
_ENDS = "".join(map(chr, (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680))) + "".join(
    map(chr, (*range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF))
)


def with_block(before: str, words: str) -> str:
    """Return a description with a block of ours at its end; one that it has stays and is older.

    Args:
        before: What a person wrote, in whatever form.
        words: Ours. Marks in them lose their brackets.
    """
    gap = GAP if before else ""
    return f"{before}{gap}{BEGIN}\n{_without_marks(words)}\n{END}"


def without_block(description: str) -> str:
    """Return a description less its last block: `without_block(with_block(text, words)) == text`.

    What a person wrote behind the block stays, too.
    """
    found = _last(description)
    if found is None:
        return description
    head, tail = description[: found[0]], description[found[1] :]
    if not tail or tail[0].isspace():
        gap = "\r\n\r\n" if head.endswith("\r\n\r\n") else GAP
        head = head.removesuffix(gap)
    return head + tail


def block(description: str) -> str | None:
    """Return the words inside the last block; None: there is none."""
    found = _last(description)
    if found is None:
        return None
    return trimmed(description[found[0] + len(BEGIN) : found[1] - len(END)])


def of_person(text: str) -> str:
    """Return what of a text is a person's, to be read: without any block, whole or cut off.

    For what is written again there is `without_block`, which leaves each letter as it is.
    """
    if BEGIN not in text:
        return text
    rest = _CUT_OFF.sub("", _BLOCK.sub("\n", text))
    return trimmed(rest)


def in_blocks(text: str) -> tuple[str, ...]:
    """Return the words inside each block that `of_person` leaves out, one that is cut off too."""
    whole = [found[len(BEGIN) : -len(END)] for found in _BLOCK.findall(text)]
    cut_off = _CUT_OFF.search(_BLOCK.sub("\n", text))
    rest = trimmed(cut_off[0]).removeprefix(BEGIN) if cut_off else ""
    part = next((END[:end] for end in range(len(END), 0, -1) if rest.endswith(END[:end])), "")
    words = [*whole, rest.removesuffix(part)]
    return tuple(filter(None, map(trimmed, words)))


def is_ours(tag: str) -> bool:
    """Return whether a tag is one of those that we write; `|` is Lightroom's slash."""
    return re.split("[/|]", tag.strip(), maxsplit=1)[0] == TAG


def alike(one: str, other: str) -> bool:
    """Return whether two texts are the same but for what programs do to them by themselves.

    Immich trims descriptions, and XML knows one kind of line break only.
    """
    return _plain(one) == _plain(other)


def trimmed(text: str) -> str:
    """Return a text without the white space at its ends."""
    return text.strip(_ENDS)


def _plain(text: str) -> str:
    return trimmed(text.replace("\r\n", "\n").replace("\r", "\n"))


def _without_marks(words: str) -> str:
    for mark in (BEGIN, END):
        words = words.replace(mark, f"({mark[1:-1]})")
    return words


def _last(description: str) -> tuple[int, int] | None:
    """Return where the last block stands, its marks with it; ours hold no marks inside."""
    begin = description.rfind(BEGIN, 0, max(description.rfind(END), 0))
    if begin < 0:
        return None
    return begin, description.index(END, begin) + len(END)
