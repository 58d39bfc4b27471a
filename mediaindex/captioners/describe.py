"""From a picture to a caption worth keeping: ask, judge, and ask once more if need be."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from mediaindex.captioners import Ask
from mediaindex.captioners.guard import Rejected, judge
from mediaindex.captioners.pool import Answered, Pool
from mediaindex.captioners.prompting import Prompts, Request, timed
from mediaindex.errors import Faulty
from mediaindex.types import Caption, Origin

WARMER = 0.4
"""So much is added to the temperature for the second try: at 0.2 a model repeats itself."""


@dataclass(frozen=True)
class Described:
    """What came of asking about one thing."""

    #: The words; or why none are worth keeping: a reason of the guard's, and what told.
    found: Caption | str
    origin: Origin
    #: The last answer, as it came.
    raw: str


@dataclass(frozen=True)
class Describer:
    """Asks for captions and answers. Safe from any thread."""

    pool: Pool
    prompts: Prompts
    #: As the settings name it.
    model: str
    #: ISO 639-1 code of the language that captions have to be in.
    language: str = "en"
    temperature: float = 0.2
    seed: int = 1
    max_tokens: int = 400

    @property
    def version(self) -> str:
        """Of captions of moments: another one makes those of this one stale."""
        return self.version_of(self.model, self.prompts)

    @property
    def summary_version(self) -> str:
        """Of captions of whole videos, which come after those of their moments."""
        return f"{self.version} {self.prompts.summary_version}"

    @staticmethod
    def version_of(model: str, prompts: Prompts) -> str:
        """Return the version of captions of moments by this model and these prompts."""
        return f"{model} {prompts.version}"

    def describe(self, picture: bytes, facts: str, stop: threading.Event) -> Described:
        """Describe a picture.

        Args:
            picture: A JPEG file.
            facts: What the model may know about it; "" for nothing.
            stop: Ends the waiting for a free server, when it is set.

        Raises:
            ServerOff: No server can be asked.
            ServerBusy: All have too much to do, or `stop` was set.
            Faulty: A server failed at it.
        """
        first = self.prompts.describe(facts=facts)
        second = self.prompts.describe(facts=facts, strict=True)
        return self._worth_keeping(first, second, (picture,), stop)

    def summarise(
        self,
        pictures: Sequence[bytes],
        captions: Sequence[tuple[int, str]],
        duration_s: float | None,
        stop: threading.Event,
    ) -> Described:
        """Describe a video as a whole.

        Args:
            pictures: Frames of it as JPEG files, in order; none for a model that takes only one.
            captions: When each moment is (in milliseconds), and what is said of it. They are used
                without pictures, or where what the model says of several is no use.
            duration_s: How long it is; None where that is not known.
            stop: As above.

        Raises:
            ServerOff: As above.
            ServerBusy: As above.
            Faulty: As above.
        """
        spent_ms = 0
        if len(pictures) > 1:
            ask = partial(self.prompts.summarise, pictures=len(pictures), duration_s=duration_s)
            try:
                seen = self._worth_keeping(ask(), ask(strict=True), tuple(pictures), stop)
            except Faulty:
                if not captions:
                    raise
            else:
                if isinstance(seen.found, Caption) or not captions:
                    return seen
                spent_ms = seen.origin.duration_ms
        said = [timed(at_ms, text) for at_ms, text in captions]
        ask = partial(self.prompts.summarise, said, duration_s=duration_s)
        return _after(spent_ms, self._worth_keeping(ask(), ask(strict=True), (), stop))

    def answer(self, question: str, picture: bytes, stop: threading.Event) -> Answered:
        """Ask a person's question about a picture; the reply is as it came.

        Raises:
            ServerOff: As above.
            ServerBusy: As above.
            Faulty: As above.
        """
        return self.pool.ask(self._ask(self.prompts.answer(question), (picture,)), stop)

    def _worth_keeping(
        self,
        first: Request,
        second: Request,
        pictures: tuple[bytes, ...],
        stop: threading.Event,
    ) -> Described:
        """Ask, and where the guard refuses the answer once more: strictly, with another seed."""
        described = self._once(first, self._ask(first, pictures), stop)
        if isinstance(described.found, Caption):
            return described
        warmer = replace(
            self._ask(second, pictures),
            seed=self.seed + 1,
            temperature=min(2.0, self.temperature + WARMER),
        )
        return _after(described.origin.duration_ms, self._once(second, warmer, stop))

    def _ask(self, request: Request, pictures: tuple[bytes, ...]) -> Ask:
        return Ask(
            request.prompt,
            request.system,
            pictures,
            request.schema,
            self.temperature,
            self.seed,
            self.max_tokens,
        )

    def _once(self, request: Request, ask: Ask, stop: threading.Event) -> Described:
        answered = self.pool.ask(ask, stop)
        reply = answered.reply
        judged = judge(
            reply.text,
            reply.done_reason,
            language=self.language,
            prompt=f"{request.system}\n{request.prompt}",
        )
        origin = Origin(
            answered.captioner.model,
            answered.facts.digest,
            self.prompts.version,
            answered.captioner.server,
            reply.duration_ms,
            reply.tokens,
            reply.tokens_per_s,
        )
        found = f"{judged.reason}: {judged.detail}" if isinstance(judged, Rejected) else judged
        return Described(found, origin, reply.text)


def _after(spent_ms: int, described: Described) -> Described:
    """Return what came of it at last, with the time that went into what came to nothing."""
    took_ms = spent_ms + described.origin.duration_ms
    return replace(described, origin=replace(described.origin, duration_ms=took_ms))
