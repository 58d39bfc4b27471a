"""Know the prompt again in an answer, and the blanks of a form that was never filled in."""

import functools
import re

from mediaindex.captioners.instruction import is_blank_form, is_instruction
from mediaindex.captioners.sentences import words

RUN = 4
"""Words in a row that count as taken from the prompt."""

QUOTED_RUN = 7
"""Words in a row that no picture shares with the prompt, unless it is one of the prompt."""

_PLACEHOLDER = re.compile(
    r"(?:(?:[^\[\]]{0,40}\[+(?:subject|action|object|location|place|name|noun|verb"
    r"|insert)[^\[\]]*\]+)+\W*"
    r"|string|str|text|\.{2,}|…|<[^<>]*>|\[[^\[\]]*\]|\$?\{{1,2}[^{}]*\}{1,2}|%\w|value"
    r"|lorem ipsum.*"
    r"|(?:your |the |an? |one |two |2 |1-2 )?(?:short |brief |detailed |two-sentence |2-sentence "
    r"|sentence )*"
    r"(?:image |picture )?(?:description|caption|sentences?)"
    r"(?: (?:here|goes here|of (?:the|this|what is in the) (?:image|picture|photo|scene)"
    r"|in (?:\d|one|two|three) sentences|describing (?:the|this) (?:image|picture|photo|scene)"
    r"|about (?:the|this) (?:image|picture|photo)))*)[.!]?",
    re.IGNORECASE,
)


def is_placeholder(text: str) -> bool:
    """Tell whether a description is the blank of a form: "string", "<description>", "..."."""
    plain = text.strip(" \n\"'`*")
    return bool(_PLACEHOLDER.fullmatch(plain)) or is_blank_form(plain)


def is_task_token(text: str) -> bool:
    """Tell whether an answer is Florence-2's task and no more: "<MORE_DETAILED_CAPTION>"."""
    return bool(re.fullmatch(r"\s*(?:<s>|</s>|<[A-Z]+(?:_[A-Z]+)*>)*\s*", text)) and (
        re.search(r"CAPTION|<O[DC]|REGION", text) is not None
    )


def is_echo(sentence: str, prompt: str) -> bool:
    """Tell whether a sentence is taken from the prompt, or tells a model what to do."""
    if is_instruction(sentence):
        return True
    said = words(sentence)
    if not _runs_of(prompt, QUOTED_RUN).isdisjoint(_runs(said, QUOTED_RUN)):
        return True
    if len(said) < RUN:
        return False
    runs = _runs_of(prompt, RUN)
    mine = [tuple(said[i : i + RUN]) for i in range(len(said) - RUN + 1)]
    return sum(run in runs for run in mine) > 0.7 * len(mine)


@functools.lru_cache(maxsize=64)
def _runs_of(prompt: str, length: int) -> frozenset[tuple[str, ...]]:
    """Return the runs of a prompt, which is the same for thousands of answers."""
    return frozenset(_runs(words(prompt), length))


def _runs(said: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(said[i : i + length]) for i in range(len(said) - length + 1)}
