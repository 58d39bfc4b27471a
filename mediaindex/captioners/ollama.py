"""Captions by a model that Ollama runs."""

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from mediaindex.captioners import Ask, ModelFacts, OnPull, Reply
from mediaindex.captioners.options import Options, read_options
from mediaindex.clients.hosts import check_name, read_host
from mediaindex.clients.ollama import PORT, OllamaClient, Said, Shown, Tag
from mediaindex.clients.wire import Refused, TooSlow, as_off, within
from mediaindex.errors import Faulty, ServerOff

log = logging.getLogger(__name__)

LOOK_LIMIT_S = 20.0
"""For requests that no model takes part in."""

REPEAT_PENALTY = 1.1
"""Ollama's own default of many years; newer ones have 1.0, and vision models repeat themselves
without end (ollama #11452)."""

WAS_LOADING_S = 1.0
"""A load that takes longer than this was one; for a model in memory it takes milliseconds."""

SEES_MANY = (
    "qwen2vl qwen25vl qwen3vl qwen35 gemma3 gemma4 mistral3 llama4 minicpm internvl glm4v glmocr"
).split()
"""Families, by how their names begin, that are trained on several pictures at once. The others
take the first, the last, or refuse (ollama #9020, #8844)."""

SEES_BY_NAME = ("minicpm-v", "minicpm-o", "internvl", "pixtral")
"""The same for those whose family is that of their language model."""

BLIND = ("missing data required for image input", "does not support image", "image input")


def build(options: Mapping[str, object]) -> "OllamaCaptioner":
    """Build it; nothing is contacted.

    Raises:
        ConfigError: `url` is no address, or one that may not be contacted.
    """
    return OllamaCaptioner(read_options(options))


Listed = tuple[str | None, str | None] | None
"""A model's digest, and who else computes it; None if it is not listed."""


@dataclass(frozen=True)
class Standing:
    """How a model stands with an Ollama."""

    listed: Listed
    #: Digest and context of all that is in memory under its name: one that the name meant before
    #: may be, too. The context may be shorter than was asked for.
    in_memory: frozenset[tuple[str | None, int | None]]


class OllamaCaptioner:
    """One model of one Ollama; see `Captioner`."""

    def __init__(self, options: Options) -> None:
        self._host = read_host(options.url, PORT, allow_remote=options.allow_remote)
        self._client = OllamaClient(self._host, options.api_key)
        self._options = options
        self._keep_alive = keep_alive(options.keep_alive)
        self.server, self.model = self._host.url, options.model
        self._facts: ModelFacts | None = None
        self._loading = threading.Lock()
        #: What the list of models said of it when it was last looked at.
        self._listed: Listed = None
        #: What Ollama said of the model, in its list and of what is in memory, when a load of ours
        #: had ended; a model on its way is listed like one in memory. None: there was none yet.
        self._standing: Standing | None = None
        #: Of `format` and `think`, what was refused.
        self._untaken: frozenset[str] = frozenset()

    @property
    def facts(self) -> ModelFacts | None:
        """What is known of the model that answers now; None before it was opened.

        Newer than what `open` returned where the name has come to mean another model since.
        """
        return self._facts

    def open(self) -> ModelFacts:
        """Make sure that the model is there, can see, and is loaded."""
        self._client.wire.check_open()
        check_name(self._host)
        with self._loading:
            return self._open()

    def ask(self, ask: Ask) -> Reply:
        """Return the model's answer; it is loaded first if it has been unloaded meanwhile."""
        self._have_loaded()
        try:
            return self._answered(ask)
        except TooSlow:
            if not self._was_away():
                raise
        return self._answered(ask)

    def models(self) -> Sequence[ModelFacts]:
        """Return what is installed there."""
        with as_off(), within(LOOK_LIMIT_S):
            return [facts_of(*found) for found in self._installed()]

    def pull(self, on_pull: OnPull) -> None:
        """Have Ollama download the model."""
        check_name(self._host)
        try:
            # Silent while it checks many gigabytes, for as long as loading them may take.
            with within(None, self._options.load_time_limit_s):
                for step in self._client.pull(self.model):
                    on_pull(step.status or "", step.completed or 0, step.total or 0)
        except Refused as refused:
            what = f"{self._client.wire.who} could not download {self.model!r}: {refused.words}"
            raise ServerOff(what) from refused
        except Faulty as error:
            raise ServerOff(str(error)) from error

    def close(self) -> None:
        """Break off what is on its way."""
        self._client.close()

    def _open(self) -> ModelFacts:
        """Look at the model and have it loaded; `_loading` is held."""
        with as_off():
            facts = self._look()
            self._load()
        log.info("ready server=%s model=%s digest=%s", self.server, self.model, facts.digest[:12])
        return facts

    def _look(self) -> ModelFacts:
        """Look what the name means now; it may be another model than at the last load."""
        self._standing = None
        facts = self._find()
        if not facts.can_see:
            who = self._client.wire.who
            raise ServerOff(f"{self.model!r} cannot see ({who}). {self._others()}")
        if self._facts and self._facts.digest != facts.digest:
            self._untaken = frozenset()
        self._facts = facts
        return facts

    def _find(self) -> ModelFacts:
        with within(LOOK_LIMIT_S):
            tags = self._client.installed()
            try:
                shown = self._client.show(self.model)
            except Refused as refused:
                raise self._missing(refused) from refused
        self._listed = listed(self._ours(tags))
        tag = self._ours(tags) or Tag(model=self.model)
        elsewhere = computed_at(tag, shown)
        if elsewhere and not self._options.allow_remote:
            raise ServerOff(
                f"{self._client.wire.who} has {self.model!r} computed by {elsewhere}, and your"
                f" pictures would leave your home. {self._others()}; or, if that is meant, set"
                " caption.allow_remote: true"
            )
        return facts_of(tag, shown)

    def _ours(self, tags: Sequence[Tag]) -> Tag | None:
        name = full_name(self.model)
        return next((tag for tag in tags if full_name(str(tag.model)) == name), None)

    def _installed(self) -> list[tuple[Tag, Shown | None]]:
        return [(tag, self._shown(str(tag.model))) for tag in self._client.installed()]

    def _shown(self, model: str) -> Shown | None:
        try:
            return self._client.show(model)
        except TooSlow:
            raise  # it would be waited for once for every model
        except Faulty:
            return None  # one broken model need not hide the others

    def _missing(self, refused: Refused) -> Refused | ServerOff:
        if refused.status != httpx.codes.NOT_FOUND:
            return refused
        who = self._client.wire.who
        return ServerOff(f"{who} has no model {self.model!r}. {self._others(or_pull=True)}")

    def _others(self, *, or_pull: bool = False) -> str:
        """Return which installed models would do, and what else would help."""
        with as_off(), within(LOOK_LIMIT_S):
            found = self._installed()
        at_home = [one for one in found if self._options.allow_remote or not computed_at(*one)]
        facts = [facts_of(*one) for one in at_home]
        able = ", ".join(one.name for one in facts if one.can_see)
        there = f"Installed and able to see: {able} (set caption.model)"
        if or_pull:
            return f"{there}, or: mediaindex model pull" if able else "Do: mediaindex model pull"
        return there if able else "Set caption.model to one that can; then: mediaindex model pull"

    def _have_loaded(self) -> None:
        """Have the model loaded before its answer is waited for, and be the one we looked at.

        Ollama breaks a load off when whoever asked for it leaves, so a load in an answer's time
        limit would begin again and again and never end. And a name may come to mean another
        model, even one that is computed elsewhere.
        """
        if self._is_ready():
            return
        with self._loading:
            if not self._is_ready():
                self._open()

    def _is_ready(self) -> bool:
        known = self._standing
        return known is not None and bool(known.in_memory) and self._standing_now() == known

    def _standing_now(self) -> "Standing":
        """Return how the model stands, as far as is told."""
        tag, running = None, []
        try:
            with within(LOOK_LIMIT_S):
                tag = self._ours(self._client.installed())
                running = list(self._client.running())
        except Faulty:
            pass  # asking for a load will tell; it costs nothing if there is none
        ours = full_name(self.model)
        found = [one for one in running if full_name(one.model or one.name or "") == ours]
        return Standing(
            listed(tag),
            frozenset((one.digest, one.context_length) for one in found),
        )

    def _load(self) -> None:
        """Have the model loaded that was just looked at; `_loading` is held."""
        limit_s = self._options.load_time_limit_s
        try:
            with within(limit_s):
                # Zero would unload it, or have it gone again before the question.
                keep = self._keep_alive or 60
                self._client.load(self.model, self._options.num_ctx, keep)
        except TooSlow as error:
            raise ServerOff(
                f"{self._client.wire.who} had not loaded {self.model!r} after {limit_s:g} s"
                " (caption.load_time_limit_s)"
            ) from error
        except Refused as refused:
            raise self._missing(refused) from refused
        # As it was looked at: the name may have changed its meaning since.
        self._standing = replace(self._standing_now(), listed=self._listed)

    def _was_away(self) -> bool:
        """After an answer that came too late: load the model, and return whether that was why."""
        gone = not self._is_ready()
        with self._loading, as_off():
            self._look()
            began = time.monotonic()
            self._load()
        return gone or time.monotonic() - began > WAS_LOADING_S

    def _answered(self, ask: Ask) -> Reply:
        extras = self._extras(ask)
        began = time.monotonic()
        while True:
            try:
                said = self._said(ask, extras)
                break
            except Refused as refused:
                extras.pop(self._to_leave_out(refused, extras, ask))
        self._untaken |= self._extras(ask).keys() - extras.keys()
        speed = said.tokens / (said.tokens_ns / 1e9) if said.tokens and said.tokens_ns else None
        took_ms = round((time.monotonic() - began) * 1000)
        return Reply(said.text, said.done_reason, took_ms, said.tokens, speed)

    def _said(self, ask: Ask, extras: Mapping[str, Any]) -> Said:
        messages: list[dict[str, Any]] = []
        if ask.system:
            messages.append({"role": "system", "content": ask.system})
        messages.append({"role": "user", "content": ask.prompt})
        if ask.pictures:
            messages[-1]["images"] = list(ask.pictures)
        options = {
            "num_ctx": self._options.num_ctx,
            "num_predict": ask.max_tokens,
            "temperature": ask.temperature,
            "seed": ask.seed,
            "repeat_penalty": REPEAT_PENALTY,
        }
        with within(self._options.time_limit_s):
            return self._client.chat(self.model, messages, options, self._keep_alive, extras)

    def _extras(self, ask: Ask) -> dict[str, Any]:
        """Return what not every model takes, as far as this one has not refused it."""
        extras: dict[str, Any] = {}
        if ask.schema is not None:
            extras["format"] = dict(ask.schema)
        if self._facts and self._facts.can_think:
            extras["think"] = False
        return {name: value for name, value in extras.items() if name not in self._untaken}

    def _to_leave_out(self, refused: Refused, extras: Mapping[str, Any], ask: Ask) -> str:
        """Return which extra was refused.

        Raises:
            Refused: None was.
            ServerOff: The model is gone, or cannot see.
        """
        words = refused.words.lower()
        if refused.status == httpx.codes.NOT_FOUND:
            raise self._missing(refused) from refused
        if ask.pictures and any(phrase in words for phrase in BLIND):
            raise ServerOff(
                f"{self.model!r} cannot see ({self._client.wire.who}): {refused.words}"
            ) from refused
        signs = {"think": ("think",), "format": ("format", "grammar", "schema")}
        for name in extras:
            if any(sign in words for sign in signs[name]):
                return name
        # Nothing named: a try, unless it is the picture that is refused.
        if refused.status != 400 or not extras or "image" in words or "base64" in words:
            raise refused
        return next(iter(extras))


def listed(tag: Tag | None) -> Listed:
    """Return by what a change of what a name means is known."""
    return (tag.digest, tag.remote_host) if tag else None


def facts_of(tag: Tag, shown: Shown | None) -> ModelFacts:
    """Return what Ollama tells of a model.

    Args:
        tag: From its list.
        shown: None if it does not tell more.
    """
    name = str(tag.model)
    details = (shown and shown.details) or tag.details
    families = [family for family in (details.families or () if details else ()) if family]
    family = (details.family if details else None) or ""
    can = shown.capabilities if shown else None
    return ModelFacts(
        name=name,
        digest=tag.digest or "",
        family=family,
        size_bytes=int(tag.size) if tag.size is not None else None,
        can_see="vision" in can if can is not None else _has_eyes(families, shown),
        takes_many=_takes_many(name, [family, *families]),
        can_think="thinking" in (can or ()),
    )


def computed_at(tag: Tag, shown: Shown | None) -> str | None:
    """Return where a model's answers are computed, if that is not where Ollama runs.

    Ollama passes questions for its cloud models on to its makers, pictures and all.
    """
    told = tag.remote_host or (shown.remote_host if shown else None)
    named = re.search(r"[:-]cloud$", str(tag.model).lower())
    return told or ("ollama.com" if named else None)


def _has_eyes(families: Sequence[str], shown: Shown | None) -> bool:
    """Judge as before Ollama told of capabilities (0.6.4): by the model's parts."""
    parts = shown.modelinfo or {} if shown else {}
    return bool({"clip", "mllama"} & set(families)) or any(".vision." in key for key in parts)


def _takes_many(name: str, families: Sequence[str]) -> bool:
    if any(part in name.lower() for part in SEES_BY_NAME):
        return True
    return any(family.startswith(many) for family in families for many in SEES_MANY)


def full_name(model: str) -> str:
    """Return a model's name as Ollama lists it: with its tag, in lower case for comparing."""
    last = model.rpartition("/")[2]
    return (model if ":" in last else f"{model}:latest").lower()


def keep_alive(text: str) -> str | float:
    """Return a time as Ollama takes it: a bare number only as a number, `30m` as text."""
    try:
        return float(text)
    except ValueError:
        return 0.0 if text.strip("0hms.") == "" else text
