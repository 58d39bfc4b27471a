"""A server that speaks the OpenAI form as llama.cpp, vLLM, LM Studio or LocalAI do, no model."""

import base64
import binascii
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from tests.servers.answers import (
    Answer,
    ChatRequest,
    NotAPicture,
    Spoken,
    ask,
    check_picture,
    speak,
)
from tests.servers.base import Exchange, Refusal, ScriptedServer

Flavour = Literal["llama.cpp", "vllm", "lmstudio", "localai"]

MODEL = "qwen2.5-vl-7b-instruct"
N_CTX = 32_768
NOT_A_PICTURE = "Failed to load image or audio file"
SSE = "text/event-stream"
NO_MMPROJ = (
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
)
LM_STUDIO_NO_VISION = "Model does not support images. Please use a model that does."
LM_STUDIO_FORMAT = "'response_format.type' must be 'json_schema' or 'text'"
TYPES: Mapping[Flavour, Mapping[int, str]] = {
    "llama.cpp": {
        400: "invalid_request_error",
        401: "authentication_error",
        404: "not_found_error",
        503: "unavailable_error",
    },
    "vllm": {400: "BadRequestError", 404: "NotFoundError"},
}


class OpenAIServer(ScriptedServer):
    """A server of the OpenAI form without a model; see `ScriptedServer` for what all have."""

    def __init__(
        self,
        flavour: Flavour = "llama.cpp",
        models: Sequence[str] = (MODEL,),
        *,
        vision: bool = True,
        api_key: str | None = None,
        load_s: float = 0.0,
        parallel: int = 1,
        max_pending: int = 512,
        record: bool = True,
    ) -> None:
        super().__init__(parallel, max_pending, record=record)
        self.flavour: Flavour = flavour
        self.models = list(models)
        self.vision, self.api_key, self.load_s = vision, api_key, load_s
        #: True adds `reasoning_content` where the answer has thoughts.
        self.thinks = True
        #: llama.cpp has one model and never looks at the name it is asked for.
        self.checks_model = flavour != "llama.cpp"
        #: The values of `response_format.type` that are taken; others are answered with 400.
        self.formats = {"text", "json_schema", "json_object"}
        if flavour == "lmstudio":
            self.formats.remove("json_object")
        self._began = 0.0

    @property
    def base_url(self) -> str:
        """What such clients are configured with."""
        return f"{self.url}/v1"

    @property
    def loading(self) -> bool:
        """True for `load_s` seconds after the start: llama.cpp answers 503 to all."""
        return time.monotonic() < self._began + self.load_s

    def start(self) -> None:
        """Listen, and begin to load."""
        self._began = time.monotonic()
        super().start()

    def error_body(self, status: int, text: str) -> object:
        """Return an error as this flavour writes it; LM Studio's is a bare string."""
        if self.flavour == "lmstudio" or (self.flavour == "vllm" and status == 401):
            return {"error": text}
        kind = TYPES.get(self.flavour, {}).get(status, "server_error")
        error: dict[str, object] = {"code": status, "message": text, "type": kind}
        return {"error": {**error, "param": None} if self.flavour == "vllm" else error}

    def last_words(self) -> bytes:
        """Return the event that ends a stream whose model died."""
        return _event(self.error_body(500, "the model died"))

    def route(self, exchange: Exchange) -> None:
        """Answer one request."""
        path = exchange.seen.path.partition("?")[0]
        llama = self.flavour == "llama.cpp"
        if llama and self.loading:
            raise Refusal(503, "Loading model")
        if self.api_key and not (path == "/health" or (llama and path == "/v1/models")):
            self._check_key(exchange)
        match exchange.seen.method, path:
            case "GET", "/v1/models":
                exchange.send_json(200, _listed(self.flavour, self.models, vision=self.vision))
            case "GET", "/health" if llama:
                exchange.send_json(200, {"status": "ok"})
            case "GET", "/health" if self.flavour == "vllm":
                exchange.send(200, b"")
            case "GET", "/healthz" | "/readyz" if self.flavour == "localai":
                exchange.send(200, b"OK", "text/plain; charset=utf-8")
            case "GET", "/props" if llama:
                exchange.send_json(200, _props(self.models[0], vision=self.vision))
            case "POST", "/v1/chat/completions":
                self._complete(exchange)
            case method, _ if self.flavour == "lmstudio":
                # Really with 200.
                text = f"Unexpected endpoint or method. ({method} {path})"
                exchange.send_json(200, self.error_body(200, text))
            case _:
                raise Refusal(404, "File Not Found" if llama else "Not Found")

    def _check_key(self, exchange: Exchange) -> None:
        if exchange.seen.headers.get("authorization") != f"Bearer {self.api_key}":
            raise Refusal(401, "Unauthorized" if self.flavour == "vllm" else "Invalid API Key")

    def _complete(self, exchange: Exchange) -> None:
        body = exchange.body()
        if self.checks_model and body.get("model") not in self.models:
            raise Refusal(404, f"The model `{body.get('model')}` does not exist.")
        request = self._understood(body)
        exchange.seen.pictures.extend(request.pictures)
        with self.queue.turn(exchange, lambda: self._load(exchange)):
            answer = self._asked(request)
            exchange.wait(answer.delay_s)
            spoken = speak(answer, request)
            if request.stream:
                exchange.stream(SSE, self._events(request, spoken, body))
            elif exchange.fault and exchange.fault.kind == "killed":
                raise Refusal(500, "the model died")
            else:
                exchange.send_json(200, self._whole(request, spoken))

    def _asked(self, request: ChatRequest) -> Answer:
        try:
            return ask(self.answer, request, thinks=self.thinks)
        except NotAPicture:
            raise Refusal(400, NOT_A_PICTURE) from None

    def _load(self, exchange: Exchange) -> None:
        """Wait for what is loaded by the first request, where that is how it is done."""
        exchange.wait(max(0.0, self._began + self.load_s - time.monotonic()))

    def _understood(self, body: Mapping[str, Any]) -> ChatRequest:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise Refusal(400, "'messages' is required")
        wanted = self._format(body.get("response_format") or {"type": "text"})
        texts = [(message.get("role"), _text(message)) for message in messages]
        urls = [url for message in messages for url in _urls(message)]
        if urls and not self.vision:
            raise Refusal(*self._no_vision(str(body.get("model"))))
        names = {"num_predict": "max_tokens", "temperature": "temperature", "seed": "seed"}
        options = {name: body[theirs] for name, theirs in names.items() if theirs in body}
        if "max_completion_tokens" in body:
            options["num_predict"] = body["max_completion_tokens"]
        return ChatRequest(
            model=str(body.get("model") or self.models[0]),
            prompt=texts[-1][1],
            system=next((text for role, text in texts if role == "system"), ""),
            pictures=tuple(self._picture(url) for url in urls),
            format=wanted,
            think=None,
            stream=bool(body.get("stream")),
            options=options,
            messages=messages,
        )

    def _format(self, asked: Mapping[str, Any]) -> Any:
        kind = asked.get("type")
        if kind not in self.formats:
            if self.flavour == "lmstudio":
                raise Refusal(400, LM_STUDIO_FORMAT)
            allowed = '"text" or "json_object"'
            raise Refusal(400, f"response_format type must be one of {allowed}, but got: {kind}")
        if kind == "json_schema":
            schema = asked.get("json_schema", {}).get("schema")
            if not isinstance(schema, Mapping):
                raise Refusal(400, "'response_format.json_schema.schema' is required")
            return schema
        return "json" if kind == "json_object" else None

    def _no_vision(self, model: str) -> tuple[int, str]:
        match self.flavour:
            case "vllm":
                return 400, f"{model} is not a multimodal model"
            case "lmstudio":
                return 400, LM_STUDIO_NO_VISION
        return 500, NO_MMPROJ

    def _picture(self, url: str) -> bytes:
        head, comma, data = url.partition(",")
        if not (comma and head.startswith("data:") and head.endswith(";base64")):
            raise Refusal(400, "'url' field must be a base64 encoded image.")
        try:
            picture = base64.b64decode(data, validate=True)
            check_picture(picture)
        except (binascii.Error, NotAPicture):
            raise Refusal(400, NOT_A_PICTURE) from None
        return picture

    def _whole(self, request: ChatRequest, spoken: Spoken) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(spoken.text)}
        if spoken.thinking:
            message["reasoning_content"] = "".join(spoken.thinking)
        choice = {"index": 0, "message": message, "finish_reason": spoken.done_reason}
        return {
            **_head(request, "chat.completion"),
            "choices": [choice],
            "usage": _usage(spoken),
            **self._timings(spoken),
        }

    def _events(
        self, request: ChatRequest, spoken: Spoken, body: Mapping[str, Any]
    ) -> Iterator[bytes]:
        head = _head(request, "chat.completion.chunk")
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": token} for token in spoken.thinking]
        deltas += [{"content": token} for token in spoken.text]
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            yield _event({**head, "choices": [choice]})
        last = {"index": 0, "delta": {}, "finish_reason": spoken.done_reason}
        yield _event({**head, "choices": [last], **self._timings(spoken)})
        if (body.get("stream_options") or {}).get("include_usage"):
            yield _event({**head, "choices": [], "usage": _usage(spoken)})
        yield b"data: [DONE]\n\n"

    def _timings(self, spoken: Spoken) -> dict[str, object]:
        if self.flavour != "llama.cpp":
            return {}
        prompt_ms, predicted_ms = spoken.prompt_ns / 1e6, spoken.eval_ns / 1e6
        timings = {
            "prompt_n": spoken.prompt_count,
            "prompt_ms": prompt_ms,
            "predicted_n": spoken.eval_count,
            "predicted_ms": predicted_ms,
            "predicted_per_second": spoken.tokens_per_s,
        }
        return {"timings": timings}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _head(request: ChatRequest, kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": request.model}


def _usage(spoken: Spoken) -> dict[str, int]:
    return {
        "prompt_tokens": spoken.prompt_count,
        "completion_tokens": spoken.eval_count,
        "total_tokens": spoken.prompt_count + spoken.eval_count,
    }


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return [{"type": "text", "text": content or ""}]
    for part in content:
        if part.get("type") not in {"text", "image_url"}:
            raise Refusal(400, "unsupported content[].type")
    return list(content)


def _text(message: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in _parts(message) if part["type"] == "text")


def _urls(message: Mapping[str, Any]) -> list[str]:
    return [part["image_url"]["url"] for part in _parts(message) if part["type"] == "image_url"]


def _props(model: str, *, vision: bool) -> dict[str, object]:
    return {
        "default_generation_settings": {"n_ctx": N_CTX},
        "total_slots": 1,
        "model_path": f"/models/{model}.gguf",
        "modalities": {"vision": vision, "audio": False},
        "chat_template": "",
        "build_info": "b8681-Debian",
    }


def _listed(flavour: Flavour, models: Sequence[str], *, vision: bool) -> dict[str, object]:
    """Return what `/v1/models` gives in this flavour."""
    data: list[dict[str, object]] = [{"id": name, "object": "model"} for name in models]
    listed: dict[str, object] = {"object": "list", "data": data}
    for one in data:
        match flavour:
            case "llama.cpp":
                meta = {"n_vocab": 152_064, "n_ctx_train": N_CTX, "n_params": 7_615_616_512}
                one |= {"created": int(time.time()), "owned_by": "llamacpp", "meta": meta}
            case "vllm":
                one |= {"created": int(time.time()), "owned_by": "vllm", "root": one["id"]}
                one |= {"parent": None, "max_model_len": N_CTX}
            case "lmstudio":
                one |= {"owned_by": "organization_owner"}
    if flavour == "llama.cpp":
        can = ["completion", "multimodal"] if vision else ["completion"]
        details = {"format": "gguf", "family": "", "families": [""], "parameter_size": ""}
        listed["models"] = [
            {"name": name, "model": name, "type": "model", "capabilities": can, "details": details}
            for name in models
        ]
    return listed
