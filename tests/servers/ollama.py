"""A server that speaks Ollama's API as its documentation and its source have it, with no model."""

import base64
import binascii
import json
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servers.answers import (
    Answer,
    ChatRequest,
    NotAPicture,
    Spoken,
    ask,
    check_picture,
    speak,
)
from tests.servers.base import ClientGone, Exchange, Refusal, ScriptedServer
from tests.servers.models import ONE_IMAGE, TEXT, THINKING, VISION, Model, pulled, shown, tag

NDJSON = "application/x-ndjson"
KEEP_ALIVE_S = 300.0
NUM_CTX = 4096
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

ABORTED = "client connection closed before server finished loading, aborting load"
NO_VISION = "this model is missing data required for image input"
NOT_A_PICTURE = "Failed to create new sequence: failed to process inputs: image: unknown format"
ONE_PICTURE = "this model only supports one image while more than one image requested"
RUNNER_DIED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an"
    " internal error, check ollama server logs for details"
)


@dataclass
class Loaded:
    """One model in memory."""

    model: Model
    num_ctx: int
    #: `time.monotonic`.
    expires: float = math.inf


@dataclass(frozen=True)
class Load:
    """One load that was begun."""

    model: str
    num_ctx: int
    finished: bool


def seconds(keep_alive: object) -> float:
    """Return a keep_alive in seconds; below zero is for ever."""
    if keep_alive is None:
        return KEEP_ALIVE_S
    parts = re.findall(r"(-?[\d.]+)(ms|h|m|s)?", str(keep_alive))
    total = sum(float(number) * UNITS_S[unit or "s"] for number, unit in parts)
    return math.inf if total < 0 else total


def decoded(picture: object) -> bytes:
    """Return a picture's bytes.

    Raises:
        Refusal: It is no base64 (a `data:` URL is none either), in Go's words.
    """
    text = str(picture).replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        wrong = re.search(r"[^A-Za-z0-9+/]", text)
        at = wrong.start() if wrong else len(text)
        raise Refusal(400, f"illegal base64 data at input byte {at}") from None


class OllamaServer(ScriptedServer):
    """Ollama without a model; see `ScriptedServer` for what all servers have."""

    def __init__(
        self,
        models: Sequence[Model] = (VISION, TEXT, THINKING, ONE_IMAGE),
        *,
        load_s: float = 0.0,
        max_loaded: int = 1,
        parallel: int = 1,
        max_pending: int = 512,
        record: bool = True,
    ) -> None:
        super().__init__(parallel, max_pending, record=record)
        self.version = "0.13.5"
        self.models = list(models)
        #: What `pull` can find and `models` lacks.
        self.library: list[Model] = []
        #: Real seconds a pull takes.
        self.pull_s = 0.0
        self.load_s, self.max_loaded = load_s, max_loaded
        self.loaded: list[Loaded] = []
        #: The model that is being loaded now.
        self.loading: str | None = None
        self.loads: list[Load] = []
        #: Lines of the server's log.
        self.log: list[str] = []

    def start(self) -> None:
        """Listen, with nothing loaded."""
        self.loaded.clear()
        super().start()

    def error_body(self, status: int, text: str) -> object:
        """Return `{"error": ...}`."""
        return {"error": text}

    def last_words(self) -> bytes:
        """Return the line that ends a stream whose runner died."""
        return _line(self.error_body(500, RUNNER_DIED))

    def route(self, exchange: Exchange) -> None:
        """Answer one request."""
        path = exchange.seen.path.partition("?")[0]
        match exchange.seen.method, path:
            case "GET" | "HEAD", "/":
                exchange.send(200, b"Ollama is running", "text/plain; charset=utf-8")
            case "GET" | "HEAD", "/api/version":
                exchange.send_json(200, {"version": self.version})
            case "GET" | "HEAD", "/api/tags":
                exchange.send_json(200, {"models": [tag(model) for model in self.models]})
            case "GET", "/api/ps":
                exchange.send_json(200, {"models": self._running()})
            case "POST", "/api/show":
                body = exchange.body()
                exchange.send_json(200, shown(self._find(body.get("model") or body.get("name"))))
            case "POST", "/api/generate" | "/api/chat":
                self._complete(exchange, chat=path == "/api/chat")
            case "POST", "/api/pull":
                self._pull(exchange)
            case _:
                exchange.send(404, b"404 page not found", "text/plain")

    def _find(self, name: object) -> Model:
        if not name:
            raise Refusal(400, "model is required")
        full = name if ":" in str(name) else f"{name}:latest"
        for model in self.models:
            if model.name.lower() == str(full).lower():
                return model
        raise Refusal(404, f"model '{name}' not found")

    def _complete(self, exchange: Exchange, *, chat: bool) -> None:
        began = time.monotonic()
        body = exchange.body()
        request = _understood(body, chat=chat)
        exchange.seen.pictures.extend(request.pictures)
        model = self._find(request.model)
        empty = not (body.get("messages") if chat else body.get("prompt"))
        keep_s = seconds(body.get("keep_alive"))
        if empty and keep_s == 0:
            self.loaded = [one for one in self.loaded if one.model != model]
            exchange.send_json(200, _message(request, chat, "", done_reason="unload"))
            return
        _check(request, model, chat=chat)
        num_ctx = request.options.get("num_ctx", NUM_CTX)
        with self.queue.turn(exchange, lambda: self._bring(model, num_ctx, exchange)):
            load_ns = int((time.monotonic() - began) * 1e9)
            try:
                if empty:
                    exchange.send_json(200, _message(request, chat, "", done_reason="load"))
                else:
                    _check_loaded(request, model, chat=chat)
                    self._say(exchange, request, model, chat=chat, load_ns=load_ns)
            except NotAPicture:
                raise Refusal(500, NOT_A_PICTURE) from None
            finally:
                self._keep(model, keep_s)

    def _bring(self, model: Model, num_ctx: int, exchange: Exchange) -> None:
        """Have the model in memory with this context; all later requests wait meanwhile."""
        self._forget_expired()
        if any(one.model == model and one.num_ctx == num_ctx for one in self.loaded):
            return
        self.queue.wait(lambda: self.queue.running == 0, exchange)
        self.loaded = [one for one in self.loaded if one.model != model]
        # What has the least time left goes first.
        self.loaded.sort(key=lambda one: one.expires, reverse=True)
        del self.loaded[max(0, self.max_loaded - 1) :]
        load_s = self.load_s
        self._set_loading(model.name)
        try:
            exchange.wait(load_s)
        except ClientGone:
            self.log.append(ABORTED)
            self.loads.append(Load(model.name, num_ctx, finished=False))
            raise
        finally:
            self._set_loading(None)
        self.loads.append(Load(model.name, num_ctx, finished=True))
        self.loaded.append(Loaded(model, num_ctx))

    def _set_loading(self, name: str | None) -> None:
        with self._changed:
            self.loading = name
            self._changed.notify_all()

    def _keep(self, model: Model, keep_s: float) -> None:
        for one in self.loaded:
            if one.model == model:
                one.expires = time.monotonic() + keep_s

    def _forget_expired(self) -> None:
        self.loaded = [one for one in self.loaded if one.expires > time.monotonic()]

    def _running(self) -> list[dict[str, object]]:
        if not self.queue.running:
            self._forget_expired()
        return [
            {
                "name": one.model.name,
                "model": one.model.name,
                "size": one.model.size_bytes,
                "digest": one.model.digest,
                "details": one.model.details,
                "expires_at": _stamp(one.expires - time.monotonic()),
                "size_vram": one.model.size_bytes,
                "context_length": one.num_ctx,
            }
            for one in self.loaded
        ]

    def _say(
        self, exchange: Exchange, request: ChatRequest, model: Model, *, chat: bool, load_ns: int
    ) -> None:
        thinks = "thinking" in model.capabilities and request.think is not False
        answer: Answer = ask(self.answer, request, thinks=thinks)
        exchange.wait(answer.delay_s)
        spoken = speak(answer, request)
        if request.stream:
            exchange.stream(NDJSON, _lines(request, chat, spoken, load_ns))
        elif exchange.fault and exchange.fault.kind == "killed":
            raise Refusal(500, RUNNER_DIED)
        else:
            text, thinking = "".join(spoken.text), "".join(spoken.thinking)
            whole = _message(request, chat, text, thinking) | _end(spoken, load_ns)
            exchange.send_json(200, whole)

    def _pull(self, exchange: Exchange) -> None:
        body = exchange.body()
        name = body.get("model") or body.get("name")
        if not name:
            raise Refusal(400, "invalid model name")
        error: dict[str, object] = {"error": "pull model manifest: file does not exist"}
        found = [model for model in [*self.models, *self.library] if model.name == name]
        steps = list(pulled(found[0])) if found else [{"status": "pulling manifest"}, error]
        exchange.wait(self.pull_s)
        for model in found:
            self.models += [] if model in self.models else [model]
        if body.get("stream", True):
            exchange.stream(NDJSON, [_line(step) for step in steps])
        else:
            exchange.send_json(200 if found else 500, steps[-1])


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _stamp(in_s: float = 0.0) -> str:
    in_s = min(in_s, 9e9)  # for ever is some centuries
    return (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat().replace("+00:00", "Z")


def _understood(body: Mapping[str, Any], *, chat: bool) -> ChatRequest:
    """Return what is asked, by either path.

    Raises:
        Refusal: A field has the wrong type, or a picture is no base64.
    """
    one = {"role": "user", "content": body.get("prompt"), "images": body.get("images")}
    messages = (body.get("messages") or []) if chat else [one]
    pictures: list[bytes] = []
    for message in messages:
        content = message.get("content")
        if not isinstance(content, str | None):
            found = "array" if isinstance(content, list) else "object"
            where = "ChatRequest.messages.content of type string"
            raise Refusal(400, f"json: cannot unmarshal {found} into Go struct field {where}")
        pictures += [decoded(picture) for picture in message.get("images") or []]
    system = [one.get("content") or "" for one in messages if one.get("role") == "system"]
    return ChatRequest(
        model=str(body.get("model") or ""),
        prompt=(messages[-1].get("content") or "") if messages else "",
        system=system[0] if system else str(body.get("system") or ""),
        pictures=tuple(pictures),
        format=body.get("format") or None,
        think=body.get("think"),
        stream=body.get("stream") is not False,
        options=body.get("options") or {},
        messages=messages,
    )


def _check(request: ChatRequest, model: Model, *, chat: bool) -> None:
    """Refuse what is refused before the model is loaded."""
    if request.think and "thinking" not in model.capabilities:
        raise Refusal(400, f'"{request.model}" does not support thinking')
    if "completion" not in model.capabilities:
        raise Refusal(400, f'"{request.model}" does not support {"chat" if chat else "generate"}')
    for name, value in request.options.items():
        whole = name in {"num_ctx", "num_predict", "seed"}
        if whole and (isinstance(value, bool) or not isinstance(value, int)):
            raise Refusal(500, f'option "{name}" must be of type integer')
        if name == "temperature" and not isinstance(value, int | float):
            raise Refusal(500, f'option "{name}" must be of type float32')


def _check_loaded(request: ChatRequest, model: Model, *, chat: bool) -> None:
    """Refuse what only the loaded model notices."""
    messages = request.messages
    most = max((len(message.get("images") or []) for message in messages), default=0)
    if model.family == "mllama" and most > 1:
        raise Refusal(500 if chat else 400, ONE_PICTURE)
    if request.format not in (None, "json") and not isinstance(request.format, Mapping):
        wanted = 'expected "json" or a valid JSON Schema object'
        raise Refusal(500, f"invalid format: {json.dumps(request.format)!r}; {wanted}")
    if request.pictures and "vision" not in model.capabilities:
        raise Refusal(500, NO_VISION)
    for picture in request.pictures:
        check_picture(picture)


def _message(
    request: ChatRequest, chat: bool, text: str, thinking: str = "", done_reason: str = ""
) -> dict[str, Any]:
    thoughts = {"thinking": thinking} if thinking else {}
    said: dict[str, Any] = {"response": text, **thoughts}
    if chat:
        said = {"message": {"role": "assistant", "content": text, **thoughts}}
    done = {"done": True, "done_reason": done_reason} if done_reason else {"done": False}
    return {"model": request.model, "created_at": _stamp(), **said, **done}


def _end(spoken: Spoken, load_ns: int) -> dict[str, object]:
    return {
        "done": True,
        "done_reason": spoken.done_reason,
        "total_duration": load_ns + spoken.prompt_ns + spoken.eval_ns,
        "load_duration": load_ns,
        "prompt_eval_count": spoken.prompt_count,
        "prompt_eval_duration": spoken.prompt_ns,
        "eval_count": spoken.eval_count,
        "eval_duration": spoken.eval_ns,
    }


def _lines(request: ChatRequest, chat: bool, spoken: Spoken, load_ns: int) -> Iterator[bytes]:
    for token in spoken.thinking:
        yield _line(_message(request, chat, "", token))
    for token in spoken.text:
        yield _line(_message(request, chat, token))
    yield _line(_message(request, chat, "") | _end(spoken, load_ns))
