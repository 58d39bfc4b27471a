"""What models are asked: texts in files, which a user may replace with their own."""

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from mediaindex.captioners.languages import NAMES, language_code
from mediaindex.errors import ConfigError

PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "system": frozenset(),
    "describe": frozenset({"length", "language", "facts"}),
    "describe_strictly": frozenset({"length", "language", "facts"}),
    "summarise_frames": frozenset({"length", "language", "number"}),
    "summarise_captions": frozenset({"length", "language", "captions"}),
    "answer": frozenset({"question"}),
}
"""The texts there are, and what each may leave to be filled in."""

NEEDED: Mapping[str, str] = {"summarise_captions": "captions", "answer": "question"}
"""Without these a text asks nothing."""

WORDS_CAPTION = (
    "system",
    "describe",
    "describe_strictly",
    "summarise_frames",
    "summarise_captions",
)
"""The texts that word a caption: when one changes, captions are due again."""

CAPTION_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "text_in_image": {"type": "string"},
        "setting": {"type": "string"},
    },
    "required": ["description", "tags", "text_in_image", "setting"],
}
"""No titles, defaults or limits: with more in it, small models drop required keys."""

ANSWER_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {"can_tell": {"type": "boolean"}, "answer": {"type": "string"}},
    "required": ["can_tell", "answer"],
}

CAPTIONS_CHARS = 8_000
"""So much of a video's captions goes into one request: some 2,500 tokens of the 4,096 there are."""


@dataclass(frozen=True)
class Request:
    """What is asked, in words."""

    system: str
    prompt: str
    schema: Mapping[str, object]


@dataclass(frozen=True)
class Prompts:
    """The texts in force."""

    #: By name, see `PLACEHOLDERS`; each ends without a line break.
    texts: Mapping[str, str]
    #: ISO 639-1 code of the captions' language.
    language: str
    #: How long a description is.
    sentences: int

    @property
    def version(self) -> str:
        """Twelve hex digits that change with whatever changes a caption's words."""
        parts = [
            *(self.texts[name] for name in WORDS_CAPTION),
            self.language,
            str(self.sentences),
            json.dumps(CAPTION_SCHEMA, sort_keys=True),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    def describe(self, *, facts: str = "", strict: bool = False) -> Request:
        """Return what to ask about one picture.

        Args:
            facts: What the model may know of it; "" for nothing.
            strict: In other words: for the second try, where the first answer was no use.
        """
        return self._caption("describe_strictly" if strict else "describe", facts=facts)

    def summarise_frames(self, number: int) -> Request:
        """Return what to ask about `number` frames of one video."""
        return self._caption("summarise_frames", number=str(number))

    def summarise_captions(self, captions: Sequence[tuple[int, str]]) -> Request:
        """Return what to ask about a video of which each moment is described.

        Args:
            captions: When each moment is, in milliseconds, and its description, in order of time.
                Of very many, some are left out, evenly.
        """
        lines = [f"{_clock(at_ms)} {' '.join(text.split())}" for at_ms, text in captions]
        every = 1
        while len("\n".join(lines[::every])) > CAPTIONS_CHARS and every < len(lines):
            every += 1
        return self._caption(
            "summarise_captions", captions="\n".join(lines[::every])[:CAPTIONS_CHARS]
        )

    def answer(self, question: str) -> Request:
        """Return what to ask about a picture for a person's question."""
        prompt = Template(self.texts["answer"]).substitute(question=" ".join(question.split()))
        return Request(self.texts["system"], prompt, ANSWER_SCHEMA)

    def _caption(self, name: str, **values: str) -> Request:
        length = "one sentence" if self.sentences == 1 else f"{self.sentences} sentences"
        text = Template(self.texts[name]).substitute(
            length=length, language=NAMES[self.language], **values
        )
        # Where no facts are told their line is empty.
        return Request(self.texts["system"], re.sub(r"\n{3,}", "\n\n", text), CAPTION_SCHEMA)


def load_prompts(folder: Path | None, *, language: str, sentences: int) -> Prompts:
    """Read our texts, each replaced by the file of the same name in `folder`.

    Args:
        folder: The user's own texts, `describe.txt` and so on; any of them may be missing. None:
            there are none.
        language: Of the captions: an ISO 639-1 code, or an English name.
        sentences: How long a description is.

    Raises:
        ConfigError: The folder or a file in it cannot be read, or a text asks for something that
            does not exist; the text names the file.
    """
    texts = our_texts()
    if folder is not None:
        texts |= _texts_of(folder)
    return Prompts(texts, language_code(language), sentences)


def our_texts() -> dict[str, str]:
    """Return the texts that come with the program, by name."""
    ours = files("mediaindex.captioners") / "prompts"
    return {
        name: _plain((ours / f"{name}.txt").read_text(encoding="utf-8")) for name in PLACEHOLDERS
    }


def _texts_of(folder: Path) -> dict[str, str]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".txt")
    except OSError as error:
        raise ConfigError(f"caption.prompts: {folder} cannot be read: {error.strerror}") from error
    return {path.stem: _text_of(path) for path in paths}


def _text_of(path: Path) -> str:
    """Return a user's own text.

    Raises:
        ConfigError: It cannot be used.
    """
    name = path.stem
    if name not in PLACEHOLDERS:
        close = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
        known = f"did you mean {close[0]}.txt?" if close else f"known: {', '.join(PLACEHOLDERS)}"
        raise ConfigError(f"caption.prompts: {path} is no prompt of ours; {known}")
    try:
        text = _plain(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"caption.prompts: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"caption.prompts: {path} is no UTF-8 text") from error
    if not text:
        raise ConfigError(f"caption.prompts: {path} is empty; delete it to use ours")
    template = Template(text)
    if not template.is_valid():
        raise ConfigError(f"caption.prompts: {path}: write $$ for a plain $")
    unknown = set(template.get_identifiers()) - PLACEHOLDERS[name]
    if unknown:
        known = ", ".join(f"${one}" for one in sorted(PLACEHOLDERS[name])) or "none"
        raise ConfigError(f"caption.prompts: {path}: there is no ${min(unknown)}; known: {known}")
    needed = NEEDED.get(name)
    if needed is not None and needed not in template.get_identifiers():
        raise ConfigError(f"caption.prompts: {path} has to have ${needed} in it")
    return text


def _plain(text: str) -> str:
    """Return a text such that line ends and blanks at them make no difference."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _clock(at_ms: int) -> str:
    minutes, seconds = divmod(at_ms // 1000, 60)
    return f"{minutes}:{seconds:02}"
