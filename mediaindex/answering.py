"""Answer a question about the world from pictures: search, show them to a model, weigh it up."""

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

from mediaindex import parts
from mediaindex.asking import ask
from mediaindex.captioners.describe import Describer
from mediaindex.captioners.guard import judge_text
from mediaindex.config import Config
from mediaindex.errors import Faulty, QueryError, RetryLater, Unusable
from mediaindex.looking import describer, moment_view
from mediaindex.media.previews import PreviewMissing
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer, Hit
from mediaindex.search.question import Wanted, wanted, without_operators
from mediaindex.store import moments
from mediaindex.store.assets import moments_by_asset

DEEP = 50
"""So many hits are sorted by time where the newest good ones are asked for."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

Answering = Callable[[Config, Asked, date], Answer]
"""Answers one search, and raises as `asking.ask`."""

OnLook = Callable[[str], None]
"""Told what is done next, for people."""


@dataclass(frozen=True)
class Question:
    """A question as the user put it."""

    words: str
    #: Names and values of operators that came apart from the words, as flags.
    operators: tuple[tuple[str, str], ...] = ()
    #: The newest pictures answer, not the best.
    latest: bool = False
    #: How many pictures are looked at.
    looks: int = 4
    #: Read dates and known places in the words as filters.
    understand: bool = True


@dataclass(frozen=True)
class Verdict:
    """What a model said of one picture."""

    can_tell: bool
    #: One or two sentences; "" if it cannot tell and said no more.
    said: str


@dataclass(frozen=True)
class Evidence:
    """One picture, and what it says on the question."""

    hit: Hit
    #: None: there was no answer.
    verdict: Verdict | None
    took_s: float | None = None
    #: Why there was none; "" if there was.
    trouble: str = ""

    @property
    def can_tell(self) -> bool:
        """Whether it answers the question."""
        return self.verdict is not None and self.verdict.can_tell


@dataclass(frozen=True)
class Found:
    """What came of a question."""

    #: What was searched, as a search has it.
    searched: str
    #: In the order in which they count: best first, or newest.
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...]
    model: str

    @property
    def best(self) -> Evidence | None:
        """The first picture that can tell: what it says is the answer."""
        return next((one for one in self.evidence if one.can_tell), None)

    @property
    def why_not(self) -> str:
        """Why there is no answer; "" if there is one."""
        if self.best:
            return ""
        if not self.evidence:
            return f"no picture was found for {self.searched!r}"
        troubles = [one.trouble for one in self.evidence if one.trouble]
        if len(troubles) == len(self.evidence):
            return troubles[0]
        number = len(self.evidence)
        return f"none of the {number} pictures tells" if number > 1 else "the picture does not tell"


def find_out(
    config: Config,
    question: Question,
    today: date,
    stop: threading.Event,
    on_look: OnLook = lambda _: None,
    search: Answering = ask,
) -> Found:
    """Answer a question from the pictures that fit it.

    Args:
        config: The settings in force.
        question: What is asked.
        today: What dates such as "yesterday" count from.
        stop: Set when nobody wants the answer any more.
        on_look: Told what is done next.
        search: Who finds the pictures; a daemon's does so sooner.

    Raises:
        ConfigError: Nobody describes pictures (`caption.use: off`).
        QueryError: The question cannot be understood, or has no word to search for.
        StoreError: There is no database, or it cannot be used.
        RetryLater: No server can be asked.
    """
    teller = describer(config)
    words = wanted(question.words)
    by_time = question.latest and bool(question.operators or words.operators)
    if not (words.words or by_time):
        raise QueryError(f"{question.words!r} has no word that could be found in a picture")
    on_look("searching")
    searched, hits, notes = _search(config, search, question, words, today, by_time=by_time)
    try:
        evidence = _look(config, teller, question, hits, stop, on_look) if hits else []
    finally:
        teller.pool.close()
    return Found(searched, tuple(evidence), tuple(notes), config.settings.caption.model)


def read_reply(text: str, done_reason: str) -> Verdict:
    """Return what a model's free text says. Never raises.

    A JSON object with `can_tell` and `answer` is asked for; plain text is taken, too. What refuses,
    says nothing, or was cut off within the JSON cannot tell.
    """
    told, said = _taken_apart(text[:LONGEST])
    judged = judge_text(said, done_reason) if said.strip() else ""
    if not isinstance(judged, str):
        return Verdict(can_tell=False, said="")
    return Verdict(bool(judged) and told and not UNSURE.search(judged), judged)


UNSURE = re.compile(
    r"^(?:i(?:'m| am)? (?:can ?not|can't|do not|don't|not) (?:tell|know|see|say|sure|determine)"
    r"|(?:it|this) (?:is|'s) (?:not possible|impossible|unclear|not clear)"
    r"|(?:it )?can ?not be (?:told|determined|seen|said)|unknown\b|not (?:visible|shown)\b"
    r"|unclear\b|the (?:picture|image|photo|frame)s? do(?:es)? not (?:show|tell|say|contain))",
    re.IGNORECASE,
)
"""How plain answers begin that say that there is none."""

LONGEST = 4_000
"""Characters of an answer that are read; one of two sentences has none beyond."""

MOST_TRIES = 20
"""So many braces are tried for the beginning of the object."""


def _taken_apart(text: str) -> tuple[bool, str]:
    """Return whether it can be told, as far as the form says, and the words."""
    plain = re.sub(r"<think>.*?(?:</think>|$)", "", text, flags=re.DOTALL)
    value = _object_in(plain)
    if value is None:
        begun = "{" in plain  # it was cut off, or is broken
        return not begun, "" if begun else plain
    said, told = value.get("answer"), value.get("can_tell", True)
    if isinstance(told, str):
        told = told.strip().lower() in ("true", "yes", "1")
    if isinstance(said, bool):
        said = "Yes." if said else "No."
    if isinstance(said, int | float):
        said = str(said)
    return bool(told), said if isinstance(said, str) else ""


def _object_in(text: str) -> dict[str, object] | None:
    """Return the first JSON object in a text."""
    decoder = json.JSONDecoder(strict=False)
    for begin in islice(re.finditer(r"\{", text), MOST_TRIES):
        try:
            value, _ = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def newest_first(hits: Sequence[Hit], number: int) -> list[Hit]:
    """Return the newest of the good hits; of all, if none is good. Those without date come last."""
    good = [hit for hit in hits if not hit.weak] or list(hits)
    good.sort(key=lambda hit: hit.shown.taken_at or LONG_AGO, reverse=True)
    return good[:number]


def _search(
    config: Config,
    search: Answering,
    question: Question,
    words: Wanted,
    today: date,
    *,
    by_time: bool,
) -> tuple[str, list[Hit], list[str]]:
    asked = Asked(
        words=words.operators if by_time else words.text,
        operators=question.operators,
        limit=DEEP if question.latest and not by_time else question.looks,
        understand=question.understand,
    )
    answer = search(config, asked, today)
    notes, hits = list(answer.notes), list(answer.hits)
    if question.latest:
        hits = newest_first(hits, question.looks)
    if by_time:
        hits = _at_their_ends(config, hits)
    elif answer.no_good_match:
        notes.append("no good match; these are the nearest")
    return asked.text, hits, notes


def _at_their_ends(config: Config, hits: Sequence[Hit]) -> list[Hit]:
    """Put the last moment of each video in place of the one that was found: it is the newest."""
    ids = [hit.shown.asset_id for hit in hits if hit.shown.kind == "video"]
    database = parts.store(config)
    try:
        with database.read() as session:
            last = {asset: times[-1][0] for asset, times in moments_by_asset(session, ids).items()}
            shown = moments.show(session, list(last.values()), None)
    finally:
        database.close()
    ends = {one.asset_id: one for one in shown.values()}
    return [
        replace(hit, shown=replace(ends[hit.shown.asset_id], paths=hit.shown.paths))
        if hit.shown.asset_id in ends
        else hit
        for hit in hits
    ]


def _look(
    config: Config,
    teller: Describer,
    question: Question,
    hits: Sequence[Hit],
    stop: threading.Event,
    on_look: OnLook,
) -> list[Evidence]:
    on_look(f"loading {config.settings.caption.model}")
    teller.pool.open()
    asked = without_operators(question.words)
    evidence: list[Evidence] = []
    for number, hit in enumerate(hits, start=1):
        on_look(f"looking at picture {number} of {len(hits)}")
        try:
            evidence.append(_look_at(config, teller, asked, hit, stop))
        except RetryLater as error:
            if not any(one.can_tell for one in evidence):
                raise
            evidence.append(Evidence(hit, None, trouble=str(error)))
            break  # there is an answer; the others are not waited for
    return evidence


def _look_at(
    config: Config, teller: Describer, asked: str, hit: Hit, stop: threading.Event
) -> Evidence:
    shown = hit.shown
    try:
        view = moment_view(
            config,
            Path(shown.paths[0]),
            shown.sha256,
            shown.at_ms,
            is_video=shown.kind == "video",
        )
        reply = teller.answer(asked, view.jpeg, stop).reply
    except (PreviewMissing, Unusable, Faulty) as error:
        return Evidence(hit, None, trouble=str(error))
    return Evidence(hit, read_reply(reply.text, reply.done_reason), reply.duration_ms / 1000)
