"""Boxes and points that a model writes into its words, or in their place."""

import re

_TOKEN_BOXES = (
    r"<box>.{0,400}?</box>|<\|box_start\|>.{0,400}?<\|box_end\|>"
    r"|<\|?quad(?:_start)?\|?>.{0,400}?<\|?/?quad(?:_end)?\|?>"
    r"|<object>(?:<[\w/]{1,40}>){0,40}?</object>"
    r"|<(?:loc|bbox|bin|seg|x|y|points?|patch_index)[_ ]?[^<>]{0,80}>|</(?:points?|bbox)>"
)
_BOXES = re.compile(_TOKEN_BOXES, re.DOTALL)
_BETWEEN = re.compile(rf"(?<=[a-zA-Z])(?:{_TOKEN_BOXES})+(?=[a-zA-Z])", re.DOTALL)
_NUMBERS = re.compile(
    r"\s?(?:\bat )?[\[(]{1,3}\s*\d+(?:\.\d+)?(?:\s*,\s*\d+(?:\.\d+)?){3}(?:\s*;[\d\s,.;]*)?"
    r"\s*[\])]{1,3}"
)
_TOKEN = re.compile(r"</?(?:s|ref|p|phrase|grounding|delim|pad|bos|eos)>|<\|[^|<>]{1,40}\|>")
_LABEL = r"[^\0\s;,]+(?: [^\0\s;,]+){0,2}"
_LIST = re.compile(
    rf"(?:{_LABEL}\s?\0+(?:\s*[;,&\n]\s*|(?=[^\s;,&])|\s*$))++|(?:\0+\s?{_LABEL}\s?\0*(?:\s*[;,&\n]\s*"
    rf"|\s*$))++"
)


def is_boxes(text: str) -> bool:
    """Tell whether an answer is of boxes alone, or of boxes with a label each."""
    marked = _TOKEN.sub("", _NUMBERS.sub("\0", _BOXES.sub("\0", text.replace("\0", "")))).strip()
    if "\0" not in marked:
        return False
    return not any(map(str.isalpha, marked)) or bool(_LIST.fullmatch(marked))


def without_token_boxes(text: str) -> str:
    """Return `text` without boxes written in tokens; the words about them stay apart."""
    return _BOXES.sub("", _BETWEEN.sub(" ", text))


def without_boxes(text: str) -> str:
    """Return `text` without boxes written as numbers: "[[123,045,456,789]]"."""
    return _NUMBERS.sub("", text)
