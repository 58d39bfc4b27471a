"""A thin client of servers that speak OpenAI's form: llama.cpp, vLLM, LM Studio, LocalAI.

Written on httpx: it is two endpoints, and no server keeps to OpenAI's own types in either (lists
of models without a date, errors that are bare strings, answers with fields of their own).
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from mediaindex.clients.hosts import Host
from mediaindex.clients.wire import MOST_TEXT, Refused, Wire
from mediaindex.clients.words import error_text
from mediaindex.errors import Faulty

PORT = 8080
"""llama.cpp's."""


@dataclass(frozen=True)
class Listed:
    """One model of the list."""

    name: str
    #: Which program serves it, where it says so: `llamacpp`, `vllm`.
    owner: str
    #: Whether it can see; None where the server does not tell.
    can_see: bool | None


@dataclass(frozen=True)
class Said:
    """A whole answer."""

    #: Without what the model thought before it.
    text: str
    done_reason: str
    tokens: int | None
    tokens_per_s: float | None


class OpenAIClient:
    """The requests of the OpenAI form. Safe from any thread.

    All of them raise what `Wire.handle_request` raises, and `Faulty` for an answer in another
    form; how long they may take is set by `wire.within`.
    """

    def __init__(self, host: Host, api_key: str | None = None) -> None:
        self.wire = Wire(host, "server", "start it", api_key)
        self._root = host.url.removesuffix("/v1")
        self._http = httpx.Client(transport=self.wire, follow_redirects=False, trust_env=False)

    def models(self) -> Sequence[Listed]:
        """Return what it serves; nothing where it keeps no list."""
        with self._in_our_words():
            try:
                body = self._http.get(f"{self._root}/v1/models").json()
            except Refused as refused:
                if refused.status not in {404, 405, 501}:
                    raise
                return []
            told = {one.get("name"): one for one in body.get("models") or ()}
            return [
                Listed(str(one["id"]), str(one.get("owned_by") or ""), _sees(one, told))
                for one in body["data"] or ()
            ]

    def health(self) -> None:
        """Return if it is ready, or does not know the question.

        Raises:
            Loading: It still loads its model.
        """
        with suppress(Faulty), self._in_our_words():
            self._http.get(f"{self._root}/health")

    def chat(self, question: Mapping[str, Any]) -> Said:
        """Return the model's answer.

        Args:
            question: `model`, `messages` and so on.
        """
        answer = _Answer(self.wire)
        url = f"{self._root}/v1/chat/completions"
        with self._in_our_words(), self._http.stream("POST", url, json=dict(question)) as response:
            # Some know no streaming, and answer in one piece.
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                for line in response.iter_lines():
                    answer.hear(line)
                    if answer.is_full:
                        break
            else:
                answer.take(json.loads(response.read()))
            return answer.whole()

    def close(self) -> None:
        """Break off every request."""
        self.wire.close()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise self.wire.failure(error) from error
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            section = self.wire.host.section
            raise Faulty(
                f"{self.wire.who} answered with something that is not in OpenAI's form;"
                f" are {section}.url and {section}.use right?"
            ) from error


class _Answer:
    """An answer, put together from its parts."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._text = ""
        self._parts = 0
        self._reason = ""
        self._tokens: int | None = None
        self._speed: float | None = None
        self._began = time.monotonic()
        self._first: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more is kept."""
        return len(self._text) > MOST_TEXT

    def hear(self, line: str) -> None:
        """Take one line of a stream of events.

        Raises:
            Refused, ServerBusy: It says what went wrong.
        """
        field, _, value = line.partition(":")
        value = value.strip()
        if field == "data" and value != "[DONE]":
            self.take(json.loads(value))
        elif field == "error":  # llama.cpp until 2025
            self.take({"error": json.loads(value)})

    def take(self, body: Mapping[str, Any]) -> None:
        """Take a part, or the whole where there is but one.

        Raises:
            Refused, ServerBusy: It says what went wrong.
        """
        # LM Studio answers so with status 200.
        if body.get("error"):
            raise self._wire.complaint(200, error_text(body))
        for choice in (body.get("choices") or ())[:1]:
            message = choice.get("delta") or choice.get("message") or {}
            self._text += _plain(message.get("content"))
            self._parts += 1
            if self._first is None and (message.get("content") or _thought(message)):
                self._first = time.monotonic()
            self._reason = choice.get("finish_reason") or self._reason
        usage, timings = body.get("usage") or {}, body.get("timings") or {}
        self._tokens = usage.get("completion_tokens", timings.get("predicted_n", self._tokens))
        self._speed = timings.get("predicted_per_second", self._speed)

    def whole(self) -> Said:
        """Return the answer.

        Raises:
            Faulty: It has no end.
        """
        if self.is_full:
            self._reason = "length"
        if not self._reason:
            raise Faulty(f"{self._wire.who} broke off in the middle of its answer")
        now = time.monotonic()
        # Counted from the first word on if there was more than one: before it, it was looking.
        since = self._first if self._parts > 1 and self._first else self._began
        if self._speed is None and self._tokens and now > since:
            self._speed = self._tokens / (now - since)
        return Said(self._text[:MOST_TEXT], self._reason, self._tokens, self._speed)


def _plain(content: object) -> str:
    """Return an answer's text, which some give in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def _thought(message: Mapping[str, Any]) -> object:
    return message.get("reasoning_content") or message.get("reasoning")


def _sees(one: Mapping[str, Any], told: Mapping[Any, Mapping[str, Any]]) -> bool | None:
    """Return whether a listed model can see, in the words of whichever server it is.

    llama.cpp: `models[].capabilities: [multimodal]`, in router mode `architecture`, as OpenRouter;
    Mistral: `capabilities: {vision: true}`. vLLM, LM Studio and LocalAI do not tell.
    """
    kinds = (one.get("architecture") or {}).get("input_modalities")
    can = (told.get(one["id"]) or one).get("capabilities")
    if isinstance(kinds, list):
        return "image" in kinds
    if isinstance(can, list):
        return bool({"multimodal", "vision", "image"} & set(can))
    if isinstance(can, Mapping) and "vision" in can:
        return bool(can["vision"])
    return None
