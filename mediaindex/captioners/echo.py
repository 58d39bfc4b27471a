"""Know the prompt again in an answer, and the blanks of a form that was never filled in."""

import re

from mediaindex.captioners.sentences import words

RUN = 4
"""Words in a row that count as taken from the prompt."""

_INSTRUCTION = re.compile(
    r"(?:please )?(?:describe|answer|respond|return|reply|output|write|provide)\b[^.]*"
    r"\b(?:this|the|an?|in|as|only|valid)\b[^.]*\b(?:picture|image|photo|sentences?|json|keys?"
    r"|language)\b"
    r"|you are (?:an?|the) [^.]*(?:assistant|captioner|model|archivist|system)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"(?:string|str|text|\.{2,}|…|<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|value|lorem ipsum.*"
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
    return bool(_PLACEHOLDER.fullmatch(text.strip(" \n\"'`*")))


def is_echo(sentence: str, prompt: str) -> bool:
    """Tell whether a sentence is taken from the prompt, or tells a model what to do."""
    if _INSTRUCTION.match(sentence.lstrip("\"'*#- ")):
        return True
    said, told = words(sentence), words(prompt)
    if len(said) < RUN:
        return False
    runs = {tuple(told[i : i + RUN]) for i in range(len(told) - RUN + 1)}
    mine = [tuple(said[i : i + RUN]) for i in range(len(said) - RUN + 1)]
    return sum(run in runs for run in mine) > 0.7 * len(mine)
