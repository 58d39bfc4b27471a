"""Cut text into sentences and words, in any script."""

import re

_QUOTED = re.compile(
    r'"[^"]{1,400}"|“[^“”]{1,400}”|„[^„“”]{1,400}[“”]|«[^«»]{1,400}»|「[^「」]{1,400}」'
)
_SINGLE_QUOTED = re.compile(r"(?<!\w)['‘][^'‘’\n]{1,400}['’](?!\w)")
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*(?=\s|$)|[。！？]+[」』”）]*|\n\s*\n?")
LONGEST_HEAD = 300
"""Characters of a sentence that tell its kind; some patterns take the square of their time."""

_ABBREVIATED = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|St|Sr|Jr|Prof|No|Nr|vs|etc|approx|ca|bzw|Str|Hr|Fr|Sra|Mt|Ave"
    r"|e\.g|i\.e|z\.B|d\.h|u\.a|p\.ej|a\.m|p\.m)|(?<!\w)[A-Z])\.$"
)
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|(?:(?![\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\w)+"
)

_FULL_WIDTH = tuple("。！？、，」』")
_LONGEST_ABBREVIATION = 16
_AHEAD = 60
"""Characters before and behind a full stop that tell whether it ends a sentence."""

ENDERS = (".", "!", "?", "…", "。", "！", "？")
"""What a whole sentence ends in, closing quotes and brackets aside."""


def hide_quotes(text: str, filler: str = "x") -> str:
    """Return `text`, as long as before, with what stands in quotation marks made one word.

    What a picture's text says is no word of the model: a sign may apologise, lyrics may repeat.
    """
    for quoted in (_QUOTED, _SINGLE_QUOTED):
        text = quoted.sub(lambda found: filler * len(found.group()), text)
    return text


def sentences(text: str) -> list[str]:
    """Return the sentences, stripped, in order; a line break ends one too.

    Quoted sentences, abbreviations ("St.") and initials do not end one.
    """
    found, start = [], 0
    hidden = hide_quotes(text)
    for end in _END.finditer(hidden):
        before = hidden[max(start, end.end() - _LONGEST_ABBREVIATION) : end.end()].rstrip()
        after = hidden[end.end() : end.end() + _AHEAD]
        if end.group().startswith(".") and _goes_on(before, after):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(before: str, after: str) -> bool:
    """Tell whether a full stop ends no sentence: an abbreviation, or a small letter follows."""
    follows = after.lstrip()
    return bool(follows) and (follows[0].islower() or bool(_ABBREVIATED.search(before)))


def is_whole(sentence: str) -> bool:
    """Tell whether it ends as a sentence does."""
    return sentence.rstrip("\"'”’»)]」』） ").endswith(ENDERS)


def join(parts: list[str]) -> str:
    """Return sentences as one paragraph; no space after a full stop that is a full width wide."""
    spaced = [part if part.endswith(_FULL_WIDTH) or not part else f"{part} " for part in parts[:-1]]
    return "".join([*spaced, *parts[-1:]])


def head(text: str) -> str:
    """Return what a pattern of a sentence's kind is matched with: the beginning, if it is long.

    One that was cut ends in a mark which no pattern takes for the end of a sentence.
    """
    return text if len(text) <= LONGEST_HEAD else text[:LONGEST_HEAD] + ".\0"


def words(text: str) -> list[str]:
    """Return the words in lower case; of Chinese and Japanese each character is one."""
    return _WORD.findall(text.lower())
