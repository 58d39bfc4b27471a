"""Captions by any server that speaks OpenAI's form: llama.cpp, vLLM, LM Studio, LocalAI."""

import base64
import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mediaindex.captioners import Ask, ModelFacts, OnPull, Reply
from mediaindex.captioners.options import Options, read_options
from mediaindex.clients.hosts import check_name, read_host
from mediaindex.clients.openai import PORT, Listed, OpenAIClient, Said
from mediaindex.clients.wire import Loading, Refused, TooSlow, as_off, within
from mediaindex.errors import MediaIndexError, ServerOff

log = logging.getLogger(__name__)

LOOK_LIMIT_S = 20.0
"""For requests that no model takes part in."""

POLL_S = 1.0
"""How often a server that loads its model is asked whether it is done."""

IDLE_S = 300.0
"""After such a pause a model may have been unloaded (LM Studio, LocalAI, llama.cpp's router)."""

FORMATS = ("json_schema", "json_object", "text")
"""Ways to hold a model to JSON, the strictest first. LM Studio does not take the second."""

TELLS_NOT_TO_THINK = ("llamacpp", "vllm")
"""Whose chat templates take `enable_thinking`."""

BLIND = (
    "image input is not supported",  # llama.cpp
    "is not a multimodal model",  # vLLM
    "at most 0 image",  # vLLM, started without
    "does not support image",  # LM Studio, and others
    "does not support vision",
    "missing data required for image input",
    'unsupported content part type: "image_url"',
    "unsupported content[].type",
)
"""What a server says when it is shown a picture and its model cannot see."""


@dataclass(frozen=True)
class Manner:
    """What a server takes, as far as it has been found out."""

    #: An index in `FORMATS`.
    format: int = 0
    tells_not_to_think: bool = False
    counts: bool = True

    def humbler(self, refused: Refused, *, with_schema: bool) -> "Manner | None":
        """Return how to ask again after a refusal; None if leaving things out would not help.

        Args:
            refused: What the server said.
            with_schema: Whether the question was to be held to a schema.
        """
        words = refused.words.lower()
        can = {
            "counts": self.counts,
            "tells_not_to_think": self.tells_not_to_think,
            "format": with_schema and self.format < len(FORMATS) - 1,
        }
        signs = {
            "counts": ("stream_options", "include_usage"),
            "tells_not_to_think": ("template", "thinking"),
            "format": ("response_format", "json", "grammar", "schema"),
        }
        left = [name for name, possible in can.items() if possible]
        named = [name for name in left if any(sign in words for sign in signs[name])]
        # Nothing named: a try, unless it is the picture that is refused.
        guess = refused.status in {400, 422} and "image" not in words
        match named or (left if guess else []):
            case ["counts", *_]:
                return replace(self, counts=False)
            case ["tells_not_to_think", *_]:
                return replace(self, tells_not_to_think=False)
            case ["format", *_]:
                return replace(self, format=self.format + 1)
        return None


def build(options: Mapping[str, object]) -> "OpenAICaptioner":
    """Build it; nothing is contacted.

    Raises:
        ConfigError: `url` is no address, or one that may not be contacted.
    """
    return OpenAICaptioner(read_options(options))


class OpenAICaptioner:
    """One model of one server; see `Captioner`."""

    def __init__(self, options: Options) -> None:
        self._host = read_host(options.url, PORT, allow_remote=options.allow_remote)
        self._client = OpenAIClient(self._host, options.api_key)
        self._options = options
        self.server, self.model = self._host.url, options.model
        self._facts: ModelFacts | None = None
        self._loading = threading.Lock()
        #: When it last answered, by `time.monotonic`; None: it has to be warmed up first.
        self._answered_at: float | None = None
        self._manner = Manner()
        self._takes_many = True

    @property
    def facts(self) -> ModelFacts | None:
        """What is known of the model that answers now; None before it was opened."""
        return self._facts

    def open(self) -> ModelFacts:
        """Make sure that the model is there, does not say it is blind, and is loaded."""
        self._client.wire.check_open()
        check_name(self._host)
        with self._loading:
            return self._open()

    def ask(self, ask: Ask) -> Reply:
        """Return the model's answer; after a long pause the model is warmed up first."""
        self._have_loaded()
        try:
            return self._answer(ask)
        except (TooSlow, ServerOff):
            self._answered_at = None
            raise
        except Loading:
            self._answered_at = None
        self._have_loaded()
        return self._answer(ask)

    def models(self) -> Sequence[ModelFacts]:
        """Return what it serves."""
        with as_off(), within(LOOK_LIMIT_S):
            return [self._facts_of(listed) for listed in self._client.models()]

    def pull(self, on_pull: OnPull) -> None:
        """Say that this is not to be had here.

        Raises:
            ServerOff: Always.
        """
        raise ServerOff(
            f"only Ollama can download models; start {self._client.wire.who} with {self.model!r}"
        )

    def close(self) -> None:
        """Break off what is on its way."""
        self._client.close()

    def _open(self) -> ModelFacts:
        until = time.monotonic() + self._options.load_time_limit_s
        with as_off():
            self._wait_until_ready(until)
            facts = self._find()
            if facts.can_see is False:
                raise self._blind()
            self._facts = facts
            self._warm_up(until)
        log.info("ready server=%s model=%s can_see=%s", self.server, self.model, facts.can_see)
        return facts

    def _find(self) -> ModelFacts:
        with within(LOOK_LIMIT_S):
            listed = self._client.models()
        ours = [one for one in listed if one.name == self.model]
        if not ours and len(listed) == 1 and listed[0].owner == "llamacpp":
            ours = [*listed]  # it has one model, and answers by it whatever name is asked for
        if listed and not ours:
            raise self._missing(listed)
        found = ours[0] if ours else Listed(self.model, "", None)
        if self._facts is None:
            self._manner = Manner(tells_not_to_think=found.owner in TELLS_NOT_TO_THINK)
        return self._facts_of(found)

    def _facts_of(self, listed: Listed) -> ModelFacts:
        return ModelFacts(
            listed.name, family="", can_see=listed.can_see, takes_many=self._takes_many
        )

    def _missing(self, listed: Sequence[Listed]) -> ServerOff:
        there = ", ".join(one.name for one in listed if one.can_see is not False)
        what = f"It has: {there} (set caption.model)" if there else "It has none that can see"
        return ServerOff(f"{self._client.wire.who} has no model {self.model!r}. {what}")

    def _blind(self, words: str = "") -> ServerOff:
        why = f": {words}" if words else ""
        with within(LOOK_LIMIT_S), as_off():
            able = [one.name for one in self._client.models() if one.can_see]
        others = (
            f"It has, and able to see: {', '.join(able)} (set caption.model)"
            if able
            else ("Start it with a model that can; for llama.cpp that takes --mmproj")
        )
        return ServerOff(f"{self.model!r} cannot see ({self._client.wire.who}){why}. {others}")

    def _have_loaded(self) -> None:
        if self._is_warm():
            return
        with self._loading:
            if self._facts is None:
                self._open()
            elif not self._is_warm():
                until = time.monotonic() + self._options.load_time_limit_s
                with as_off():
                    self._wait_until_ready(until)
                    self._warm_up(until)

    def _is_warm(self) -> bool:
        at = self._answered_at
        return at is not None and time.monotonic() - at < IDLE_S

    def _wait_until_ready(self, until: float) -> None:
        """Wait while the server says that it is loading (llama.cpp)."""
        while True:
            try:
                with within(LOOK_LIMIT_S):
                    self._client.health()
            except Loading as error:
                self._pause(until, error)
            else:
                return

    def _warm_up(self, until: float) -> None:
        """Have it load its model, which some do on demand; `_loading` is held."""
        hello = {"role": "user", "content": "Hello"}
        question = {"model": self.model, "messages": [hello], "max_tokens": 1}
        while True:
            try:
                with within(max(1.0, until - time.monotonic())):
                    self._client.chat(question)
            except TooSlow as error:
                raise self._never_loaded() from error
            except Refused as refused:
                raise self._meaning(refused) from refused
            except Loading as error:
                self._pause(until, error)
            else:
                break
        self._answered_at = time.monotonic()

    def _pause(self, until: float, error: Loading) -> None:
        if time.monotonic() + POLL_S > until:
            raise self._never_loaded() from error
        self._client.wire.pause(POLL_S)

    def _never_loaded(self) -> ServerOff:
        return ServerOff(
            f"{self._client.wire.who} had not loaded {self.model!r} after"
            f" {self._options.load_time_limit_s:g} s (caption.load_time_limit_s)"
        )

    def _answer(self, ask: Ask) -> Reply:
        manner = self._manner
        began = time.monotonic()
        while True:
            try:
                said = self._said(ask, manner)
                break
            except Refused as refused:
                meaning = self._meaning(refused)
                humbler = manner.humbler(refused, with_schema=ask.schema is not None)
                if meaning is not refused or humbler is None:
                    raise meaning from refused
                manner = humbler
        self._manner, self._answered_at = manner, time.monotonic()
        took_ms = round((time.monotonic() - began) * 1000)
        return Reply(said.text, said.done_reason, took_ms, said.tokens, said.tokens_per_s)

    def _said(self, ask: Ask, manner: Manner) -> Said:
        messages: list[dict[str, Any]] = []
        if ask.system:
            messages.append({"role": "system", "content": ask.system})
        messages.append({"role": "user", "content": _content(ask)})
        question: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "seed": ask.seed,
            "stream": True,
        }
        if manner.counts:
            question["stream_options"] = {"include_usage": True}
        if manner.tells_not_to_think:
            question["chat_template_kwargs"] = {"enable_thinking": False}
        if ask.schema is not None:
            question |= _format(FORMATS[manner.format], ask.schema)
        with within(self._options.time_limit_s):
            return self._client.chat(question)

    def _meaning(self, refused: Refused) -> MediaIndexError:
        """Return what a refusal means; itself, if no more can be said."""
        words = refused.words.lower()
        who = self._client.wire.who
        if any(phrase in words for phrase in BLIND):
            return self._blind(refused.words)
        if refused.status == 404 and "model" in words:
            with within(LOOK_LIMIT_S), as_off():
                return self._missing(self._client.models())
        if re.search(r"at most \d+ image", words):
            self._takes_many = False
            return ServerOff(
                f"{who} takes too few pictures at a time: {refused.words}; start it with"
                " --limit-mm-per-prompt, or set caption.video_frames: 1"
            )
        if "no models loaded" in words:
            return ServerOff(f"{who}: {refused.words}")
        return refused


def _content(ask: Ask) -> str | list[dict[str, Any]]:
    if not ask.pictures:
        return ask.prompt
    urls = [f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" for jpeg in ask.pictures]
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [*pictures, {"type": "text", "text": ask.prompt}]


def _format(kind: str, schema: Mapping[str, object]) -> dict[str, Any]:
    if kind == "json_schema":
        named = {"name": "answer", "strict": True, "schema": dict(schema)}
        return {"response_format": {"type": kind, "json_schema": named}}
    return {"response_format": {"type": kind}} if kind == "json_object" else {}
