"""Find where a model fell into a loop.

A model that loops says the same run of words over and over, mostly until its tokens are spent.
What stands in quotation marks counts as one word, as lyrics and signs may repeat; digits count as
alike, as "person 1, person 2, ..." is a loop too.
"""

import bisect
import operator
import re
from collections import Counter

from mediaindex.captioners.sentences import hide_quotes, join, sentences, words

LONGEST_PERIOD = 60
"""Words of the longest run that is looked for; longer ones are whole sentences, found as such."""

FIGURES = 25
"""So many numbers in a row are more than stand on a scoreboard."""

GOOD_SENTENCES = 2
"""So many sentences before a loop are worth to be kept."""

_SAME_CHARACTERS = re.compile(r"([^\s.\-_=*~—])\1{14,}")
_PIECE = re.compile(r"(\S{1,12}?)\1{9,}")


def _times(period: int) -> int:
    """Return how often in a row a run of `period` words must come to be a loop."""
    return {1: 6, 2: 5, 3: 4}.get(period, 3)


def loop_at(text: str) -> int | None:
    """Return how many words come before a loop begins; None where nothing loops.

    Also a text of which most sentences have been said before loops, though not in a row.
    """
    said = [re.sub(r"\d+", "0", word) for word in words(hide_quotes(text, "q"))]
    told = words(hide_quotes(text, "q"))
    for period in range(1, min(LONGEST_PERIOD, len(said) // 3) + 1):
        again = bytes(map(operator.eq, said[period:], said))
        needed = (_times(period) - 1) * period
        for run in re.finditer(rb"\x01{%d,}" % needed, again):
            if not _is_row_of_figures(told[run.start() : run.end() + period]):
                return run.start()
    return None


def _is_row_of_figures(run: list[str]) -> bool:
    """Tell whether a run is of numbers alone, as on a scoreboard, and no longer than a line."""
    return len(run) < FIGURES and all(word.isdigit() for word in run)


def loops(text: str) -> bool:
    """Tell whether a text loops anywhere: words, sentences or characters."""
    hidden = hide_quotes(text, "q")
    plain = re.sub(r"q{2,}", "q", hidden)
    if _SAME_CHARACTERS.search(plain) or _PIECE.search(re.sub(r"[\s.\-_=*~—]+", " ", plain)):
        return True
    return loop_at(text) is not None or _says_little_new(text)


def is_one_character(text: str) -> bool:
    """Tell whether one character comes over and over."""
    return _SAME_CHARACTERS.search(text) is not None


def _says_little_new(text: str) -> bool:
    """Tell whether a long text is made of few different runs of four words."""
    said = [re.sub(r"\d+", "0", word) for word in words(hide_quotes(text, "q"))]
    if len(said) < 60:
        return False
    runs = Counter(zip(said, said[1:], said[2:], said[3:], strict=False))
    return len(runs) < 0.5 * runs.total()


def before_loop(text: str) -> str | None:
    """Return the whole sentences said before a loop; None where they are too few to be kept."""
    said = sentences(text)
    alone = next((i for i, sentence in enumerate(said) if loops(sentence)), len(said))
    # What loops goes on to loop however much follows, so the first that does is found by halving.
    counts = range(1, alone + 1)
    first = bisect.bisect_left(counts, True, key=lambda count: loops(join(said[:count])))
    good = _without_heralds(said[:first])
    return join(good) if len(good) >= GOOD_SENTENCES else None


def _without_heralds(good: list[str]) -> list[str]:
    """Drop the first rounds of the loop, which stood alone and so looked like good sentences."""
    kept: list[str] = []
    counts = Counter(_shape(sentence) for sentence in good)
    for sentence in good:
        if counts[_shape(sentence)] > 1:
            break
        kept.append(sentence)
    return kept


def without_doubles(parts: list[str]) -> list[str]:
    """Return sentences, each once, in order; a model may say a thing twice without looping."""
    return list({_key(part): part for part in reversed(parts)}.values())[::-1]


def _shape(sentence: str) -> str:
    return re.sub(r"\d+", "0", _key(sentence))


def _key(sentence: str) -> str:
    return " ".join(words(sentence)) or sentence
