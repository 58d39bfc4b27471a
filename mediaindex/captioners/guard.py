"""Judge a raw answer before it is stored: clean what can be cleaned, reject the rest.

In this order: thoughts and special tokens go; the answer is taken apart; of the description, chat
turns, markdown, preambles, politeness, refusals, echoes of the prompt and filler go, and it is cut
before a loop or at the last whole sentence; what is left must be a caption in the language asked
for. It may be less than the model said, never more.
"""

import html
import re
from dataclasses import dataclass, replace
from typing import Literal

from mediaindex.captioners import cleaning
from mediaindex.captioners.answer import Answer, is_field_names, read
from mediaindex.captioners.echo import is_echo, is_placeholder, is_task_token
from mediaindex.captioners.fields import clean_setting, clean_tags, clean_text_in_image
from mediaindex.captioners.language import is_in
from mediaindex.captioners.nothing import (
    is_answer_to_nothing,
    is_code_or_file,
    is_credit,
    says_none,
)
from mediaindex.captioners.refusal import Kind, after_refusal, is_excuse, kind_of
from mediaindex.captioners.regions import is_boxes, without_boxes
from mediaindex.captioners.repetition import before_loop, is_one_character, loops, without_doubles
from mediaindex.captioners.sentences import hide_quotes, is_whole, join, sentences, words
from mediaindex.types import Caption

Reason = Literal[
    "refusal",
    "preamble_only",
    "repetition",
    "cut_off",
    "empty",
    "prompt_echo",
    "wrong_language",
    "broken_json",
    "not_a_caption",
]

LONGEST_DESCRIPTION = 1200
"""Characters; a novel is cut at the end of a sentence."""


LONGEST_ANSWER = 20_000
"""Characters that are looked at, thoughts included; far more than a model is let say."""

LONGEST_JUDGED = 6_000
"""Characters that are judged, thoughts aside; what follows counts as cut off by a length."""

MOST_SENTENCES = 150
"""Sentences of a description that are judged; it may hold a tenth of them."""


@dataclass(frozen=True)
class Rejected:
    """Why an answer is not stored."""

    reason: Reason
    #: The words that told, for people; at most a line.
    detail: str


def judge(text: str, done_reason: str, *, language: str, prompt: str) -> Caption | Rejected:
    """Return the caption in an answer, cleaned; or why there is none. Never raises.

    Judging a caption's description again gives the same one.

    Args:
        text: As the model wrote it.
        done_reason: `length` where it was cut off; anything else counts as a whole answer.
        language: ISO code of the language asked for; "" for any.
        prompt: What the model was told, system message and all, to know an echo by.
    """
    text, done_reason = _within_bounds(text, done_reason)
    plain = _plain(text)
    if is_task_token(text):
        return _rejected("prompt_echo", text)
    if is_boxes(text):
        return _rejected("not_a_caption", text)
    if not re.sub(r"```\w*", "", plain).strip(" \n\t`\"'{}[].…"):
        return _nothing(text, done_reason)
    answer = _read(plain)
    if answer.form == "schema":
        return _rejected("prompt_echo", plain)
    has_none = not answer.description.strip(" \n-_\"'") or says_none(answer.description)
    if has_none and answer.is_whole and answer.form in ("json", "text"):
        return _rejected("empty", plain)
    judged = _judge_description(answer, done_reason, language, prompt)
    if isinstance(judged, Rejected):
        return judged
    if not is_in(judged, language):
        return _rejected("wrong_language", judged)
    return Caption(
        judged,
        clean_tags(answer.tags, language),
        clean_text_in_image(answer.text_in_image, answer.is_cut),
        clean_setting(answer.setting),
    )


def judge_text(
    text: str, done_reason: str, *, language: str = "", prompt: str = ""
) -> str | Rejected:
    """Return a plain answer to a question, cleaned; or why it is none. Never raises.

    As `judge`, but a "No." is an answer, and JSON is not looked for.
    """
    text, done_reason = _within_bounds(text, done_reason)
    plain = _plain(text)
    if not plain:
        return _nothing(text, done_reason)
    if re.fullmatch(r"[^\W\d_]{1,12}[.!。]?|[\d.,:]{1,12}", plain):
        return plain
    judged = _judge_description(Answer("text", plain), done_reason, language, prompt)
    if isinstance(judged, str) and not is_in(judged, language):
        return _rejected("wrong_language", judged)
    return judged


def _within_bounds(text: str, done_reason: str) -> tuple[str, str]:
    """Return what is judged of an answer, thoughts taken off if it is long; and why it ended."""
    if len(text) > LONGEST_ANSWER:
        text, done_reason = text[:LONGEST_ANSWER], "length"
    text = cleaning.squeezed(text)
    if len(text) > LONGEST_JUDGED:
        text = cleaning.without_thoughts(text) or text[:LONGEST_JUDGED]
    if len(text) > LONGEST_JUDGED:
        text = re.sub(r"<[^<>]{0,80}\Z", "", text[:LONGEST_JUDGED])  # no half of a token
        done_reason = "length"
    return text, done_reason


def _plain(text: str) -> str:
    return cleaning.without_tokens(cleaning.without_thoughts(text))


def _read(text: str) -> Answer:
    """Take an answer apart; JSON may have spelt out what was taken off the raw text."""
    answer = read(text)
    return replace(
        answer,
        description=cleaning.storable(answer.description),
        tags=tuple(map(cleaning.storable, answer.tags)),
        text_in_image=cleaning.storable(answer.text_in_image),
        setting=cleaning.storable(answer.setting),
    )


def _nothing(text: str, done_reason: str) -> Rejected:
    """Say why nothing is left of an answer."""
    if text.strip() and done_reason == "length":
        return _rejected("cut_off", text)
    return _rejected("empty", text)


def _judge_description(
    answer: Answer, done_reason: str, language: str, prompt: str
) -> str | Rejected:
    """Clean a description until nothing changes any more."""
    judged = _clean(answer, done_reason, prompt)
    for _ in range(6):
        if isinstance(judged, Rejected):
            return judged
        again = _read(_plain(judged))
        following = _clean(replace(again, is_cut=False), "stop", prompt)
        if following == judged:
            return judged
        judged = following
    return _rejected("not_a_caption", str(judged))


def _clean(answer: Answer, done_reason: str, prompt: str) -> str | Rejected:
    """Clean a description once."""
    text = answer.description
    if answer.form == "other":
        is_refusal = kind_of(text) == "refusal"
        return _rejected("refusal" if is_refusal else "not_a_caption", text or "other JSON")
    if is_placeholder(text := cleaning.without_markup(text)) or (
        is_field_names(text) and answer.is_whole
    ):
        return _rejected("prompt_echo", text)
    if not answer.is_whole:
        return _cut_json(text, done_reason)
    is_text = answer.form == "text"
    if is_text and cleaning.answers_another(text):
        return _rejected("not_a_caption", text)
    text = _unwrapped(without_boxes(cleaning.first_turn(text)))
    said = _without_talk(text, prompt)
    if isinstance(said, Rejected):
        return said
    said = _without_loop(said)
    if isinstance(said, Rejected):
        return said
    if done_reason != "length" and all(map(cleaning.is_filler, said)):
        return _rejected("preamble_only", text)
    if (is_text and done_reason == "length") or _breaks_off(said[-1]):
        said = _whole(said, is_cut=is_text and done_reason == "length")
        if not said:
            return _rejected("cut_off", text)
    said = _bounded([cleaning.without_filler(sentence) for sentence in said])
    return _as_caption(join(said))


def _without_loop(said: list[str]) -> list[str] | Rejected:
    """Return the sentences before a loop, each once."""
    text = join(said)
    if not any(map(str.isalpha, text)):
        return _rejected("repetition" if is_one_character(text) else "not_a_caption", text)
    if not loops(text):
        return without_doubles(said)
    kept = before_loop(text)
    return _rejected("repetition", text) if kept is None else without_doubles(sentences(kept))


def _cut_json(text: str, done_reason: str) -> str | Rejected:
    """Judge JSON that ends within its description, or before it."""
    if text and loops(text):
        return before_loop(text) or _rejected("repetition", text)
    if text and kind_of(text) == "refusal":
        return _rejected("refusal", text)
    return _rejected("cut_off" if done_reason == "length" else "broken_json", text)


def _unwrapped(text: str) -> str:
    """Take off markdown and what stands in front, and make one paragraph of it."""
    text = cleaning.squeezed(html.unescape(text).replace("\\n", "\n"))
    text = cleaning.without_role(re.sub(r"```\w*", "", text))
    text = cleaning.without_preamble(cleaning.unquoted(text.strip()))
    bare = cleaning.without_markdown(text)
    return cleaning.without_preamble(bare)


def _without_talk(text: str, prompt: str) -> list[str] | Rejected:
    """Return the sentences that are about the picture, or why there are none."""
    text = re.sub(r"(?<=[a-z][.!?])(?=[A-Z][a-z])", " ", text)
    parts = sentences(text)[:MOST_SENTENCES]
    said = [after_refusal(re.sub(r"\s+", " ", part)) for part in parts]
    if not said:
        return _rejected("preamble_only", text)
    kinds = [kind_of(sentence) for sentence in said]
    if "musing" in kinds[:2]:
        return _rejected("not_a_caption", said[0])
    echoes = [is_echo(sentence, prompt) for sentence in said]
    about = [
        sentence
        for sentence, kind, echoed in zip(said, kinds, echoes, strict=True)
        if not kind and not echoed and _says_something(sentence) and not is_credit(sentence)
    ]
    if "refusal" in kinds:
        about = [sentence for sentence in about if not is_excuse(sentence)]
    return about or _why_none(said, kinds, any(echoes))


def _says_something(sentence: str) -> bool:
    """Tell whether a sentence states a thing: it has a letter, and asks nothing."""
    is_question = hide_quotes(sentence).rstrip(" \"'”’)").endswith(("?", "？"))
    return any(map(str.isalnum, sentence)) and not is_question


def _why_none(said: list[str], kinds: list[Kind], is_echoed: bool) -> Rejected:
    """Say why no sentence is about the picture."""
    text = " ".join(said)
    if "refusal" in kinds:
        return _rejected("refusal", said[kinds.index("refusal")])
    if is_echoed:
        return _rejected("prompt_echo", said[0])
    if "chatter" in kinds and not is_answer_to_nothing(text):
        return _rejected("preamble_only", said[0])
    return _rejected("repetition" if loops(text) else "not_a_caption", text)


def _breaks_off(sentence: str) -> bool:
    """Tell whether a last sentence stops at a word that none ends in, such as "the"."""
    return bool(
        re.search(
            r"(?:,|\b(?:a|an|the|of|and|with|to|their|his|der|die|das|und|mit|ein|eine|einem|einer"
            r"|le|la"
            r"|les|des|et|avec|une|el|los|las|y|con|il|gli|di|os|uma|het|een|van|en|и|с|на))\s*$",
            sentence,
        )
    )


def _whole(said: list[str], is_cut: bool) -> list[str]:
    """Drop a last sentence that was cut off."""
    return said if is_cut and is_whole(said[-1]) else said[:-1]


def _bounded(said: list[str]) -> list[str]:
    """Return the first sentences, up to the longest description."""
    kept = said[:1]
    for sentence in said[1:]:
        if len(join([*kept, sentence])) > LONGEST_DESCRIPTION:
            break
        kept.append(sentence)
    first = kept[0]
    if len(first) > LONGEST_DESCRIPTION:
        return [first[: LONGEST_DESCRIPTION - 1].rsplit(" ", 1)[0].rstrip(" ,;") + "…"]
    return kept


def _as_caption(text: str) -> str | Rejected:
    """Return `text` if it can be a caption."""
    text = re.sub(r"\s+", " ", text).strip()
    shown = [char for char in text if not char.isspace()]
    letters = sum(char.isalpha() for char in shown)
    if letters < 2 and not re.search(r"[\u3040-\u9fff\uac00-\ud7af]", text):
        return _rejected("not_a_caption", text)
    if letters < 0.5 * len(shown) or is_code_or_file(text) or is_answer_to_nothing(text):
        return _rejected("not_a_caption", text)
    return _rejected("not_a_caption", text) if _is_salad(text) else text


def _is_salad(text: str) -> bool:
    """Tell whether words of many scripts are thrown together."""
    own = hide_quotes(text, " ")
    scripts = (
        "[a-zA-Z]{2}",
        "[\u0400-\u04ff]{2}",
        "[\u3040-\u9fff]",
        "[\uac00-\ud7af]",
        "[\u0600-\u06ff]{2}",
        "[\u0900-\u097f]{2}",
        "[\u0590-\u05ff]{2}",
        "[\u0e00-\u0e7f]{2}",
    )
    odd = sum(bool(re.search(r"[a-z][A-Z][a-z]|[_$;{}\\]|\w\(", word)) for word in own.split())
    many = sum(bool(re.search(script, own)) for script in scripts) >= 4
    return many or (odd >= 4 and odd > 0.2 * len(words(own)))


def _rejected(reason: Reason, text: str) -> Rejected:
    line = " ".join(text.split())
    return Rejected(reason, line if len(line) <= 120 else line[:119] + "…")
