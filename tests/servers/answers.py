"""What a scripted model is asked and says, and the words it has for a picture it was shown."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image

TOKENS_OF_A_PICTURE = 256
PROMPT_TOKENS_PER_S = 1000.0

COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 0, 0),
    "green": (0, 180, 0),
    "blue": (0, 0, 220),
    "yellow": (230, 220, 0),
    "orange": (240, 140, 0),
    "purple": (150, 0, 180),
}

ANY_OBJECT = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


class NotAPicture(ValueError):  # noqa: N818 - says what the bytes are
    """These bytes cannot be decoded."""


@dataclass(frozen=True)
class ChatRequest:
    """One question, in the same words whichever form it came in."""

    model: str
    #: The words of the last message, and of the first one if that is the system's.
    prompt: str
    system: str
    #: The pictures of all messages, decoded from base64.
    pictures: tuple[bytes, ...]
    #: None, "json", or a JSON schema.
    format: Any
    think: bool | str | None
    stream: bool
    #: By Ollama's names: num_predict, temperature, seed.
    options: Mapping[str, Any]
    messages: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What the model says to one question."""

    text: str
    thinking: str = ""
    done_reason: str = "stop"
    #: None counts the words.
    eval_count: int | None = None
    #: Only what the server says of itself; nobody waits for it.
    tokens_per_s: float = 50.0
    #: Real seconds before the first byte.
    delay_s: float = 0.0


Script = Callable[[ChatRequest], str | Answer]


@dataclass(frozen=True)
class Spoken:
    """An answer token by token, cut where the model has to stop."""

    thinking: list[str]
    text: list[str]
    done_reason: str
    prompt_count: int
    eval_count: int
    tokens_per_s: float

    @property
    def prompt_ns(self) -> int:
        """How long reading the prompt is said to have taken."""
        return int(self.prompt_count / PROMPT_TOKENS_PER_S * 1e9)

    @property
    def eval_ns(self) -> int:
        """How long the answer is said to have taken."""
        return int(self.eval_count / self.tokens_per_s * 1e9)


def speak(answer: Answer, request: ChatRequest) -> Spoken:
    """Return the answer in tokens; at most `num_predict`, thoughts included, if that is given."""
    most = request.options.get("num_predict")
    thinking, text = _tokens(answer.thinking), _tokens(answer.text)
    reason = answer.done_reason
    if most is not None and 0 <= most < len(thinking) + len(text):
        thinking, text, reason = thinking[:most], text[: max(0, most - len(thinking))], "length"
    words = sum(len(_tokens(str(message.get("content")))) for message in request.messages)
    return Spoken(
        thinking,
        text,
        reason,
        prompt_count=words + TOKENS_OF_A_PICTURE * len(request.pictures),
        eval_count=answer.eval_count or len(thinking) + len(text),
        tokens_per_s=answer.tokens_per_s,
    )


def ask(script: Script, request: ChatRequest, *, thinks: bool) -> Answer:
    """Return the script's answer; without thoughts if the model has none or was told not to."""
    said = script(request)
    answer = Answer(said) if isinstance(said, str) else said
    return answer if thinks else replace(answer, thinking="")


def _tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", text)


@dataclass(frozen=True)
class Picture:
    """What is seen of a picture at a glance."""

    width_px: int
    height_px: int
    #: Mean, 0 to 255 each.
    colour: tuple[int, int, int]

    @property
    def words(self) -> list[str]:
        """Three words that tell one picture from another."""
        red, green, blue = self.colour
        return [
            min(COLOURS, key=lambda name: _apart(COLOURS[name], self.colour)),
            f"#{red:02x}{green:02x}{blue:02x}",
            f"{self.width_px}x{self.height_px}",
        ]


def _apart(one: Sequence[int], other: Sequence[int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def jpeg(colour: str, width_px: int = 64, height_px: int = 48) -> bytes:
    """Return a picture of one colour to show to a server."""
    buffer = BytesIO()
    Image.new("RGB", (width_px, height_px), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def check_picture(picture: bytes) -> None:
    """Look only at the head and at the end: a test of speed is no test of decoding.

    Raises:
        NotAPicture: It is no JPEG, PNG or WebP, or breaks off.
    """
    try:
        with Image.open(BytesIO(picture), formats=("JPEG", "PNG", "WEBP")) as image:
            end = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(image.format or "", b"")
    except (OSError, SyntaxError, ValueError) as error:
        raise NotAPicture(str(error)) from error
    if end not in picture[-64:]:
        raise NotAPicture("unexpected EOF")


@lru_cache(maxsize=512)
def look_at(picture: bytes) -> Picture:
    """Return what is seen of an encoded picture.

    Raises:
        NotAPicture: It is no JPEG, PNG or WebP, or breaks off.
    """
    try:
        with Image.open(BytesIO(picture), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
            # A JPEG is decoded at an eighth of its size: enough for a mean, and ten times faster.
            image.draft("RGB", (1, 1))
            mean = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).tobytes()
    except (OSError, SyntaxError, ValueError) as error:
        raise NotAPicture(str(error)) from error
    return Picture(width, height, (mean[0], mean[1], mean[2]))


def describe(request: ChatRequest) -> str:
    """Return the answer a model gives unless a test scripts another; the same for the same picture.

    A sentence that names mean colour and size, or JSON with such sentences and words in its
    fields if the request asks for JSON.
    """
    seen = [look_at(picture).words for picture in request.pictures]
    sentences = [f"A mostly {name} picture, {colour}, of {size}." for name, colour, size in seen]
    sentence = " ".join(sentences) or "There is no picture."
    if not request.format:
        return sentence
    schema = request.format if isinstance(request.format, Mapping) else ANY_OBJECT
    return json.dumps(_filled(schema, schema, sentence, [word for words in seen for word in words]))


def _filled(
    schema: Mapping[str, Any], root: Mapping[str, Any], sentence: str, words: list[str]
) -> Any:
    if "$ref" in schema:
        return _filled(root["$defs"][schema["$ref"].rpartition("/")[2]], root, sentence, words)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _filled(schema[several][0], root, sentence, words)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            return {name: _filled(part, root, sentence, words) for name, part in parts.items()}
        case "array":
            items = schema.get("items", {"type": "string"})
            of_words = words if items.get("type") == "string" and "enum" not in items else None
            some = [_filled(items, root, sentence, words)] if of_words is None else of_words
            return some[: schema.get("maxItems")]
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return sentence[: schema.get("maxLength")]
