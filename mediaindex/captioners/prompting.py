"""What models are asked: the prompts, ours or a user's, filled in, and the form of the answer.

Each prompt is a file of `prompts/`; a user's folder may hold files of the same names, which take
the place of ours. Placeholders are those of `string.Template` (`$language`, `$$` for a dollar).
"""

import difflib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from mediaindex.captioners.languages import language_name
from mediaindex.errors import ConfigError

OURS = Path(__file__).with_name("prompts")

_ENTRY = frozenset({"language", "sentences"})

PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "system": frozenset(),
    "facts": frozenset({"facts"}),
    "describe": _ENTRY | {"facts"},
    "describe-strict": _ENTRY | {"facts"},
    "video-frames": _ENTRY | {"pictures", "duration"},
    "video-frames-strict": _ENTRY | {"pictures", "duration"},
    "video-captions": _ENTRY | {"captions", "duration"},
    "video-captions-strict": _ENTRY | {"captions", "duration"},
    "answer": frozenset({"question"}),
}
"""The prompts, by the names of their files without `.txt`, and what may be filled into each."""

NEEDED = frozenset({"captions", "question"})
"""Placeholders without which a prompt that may have them means nothing."""

ABOUT_PICTURES = ("system", "facts", "describe", "describe-strict")
"""The prompts that a caption of one picture comes from."""

ABOUT_VIDEOS = (
    "system",
    "video-frames",
    "video-frames-strict",
    "video-captions",
    "video-captions-strict",
)
"""The prompts that a summary of a video comes from."""

Schema = Mapping[str, Any]

# In the order in which they are answered: a sign full of words, cut off, costs nothing else.
ENTRY_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "setting": {"type": "string"},
        "text_in_image": {"type": "string"},
    },
    "required": ["description", "tags", "setting", "text_in_image"],
}
"""The form of a caption: the least that says it, as models drop keys where there is more."""

ANSWER_SCHEMA: Schema = {
    "type": "object",
    "properties": {"can_tell": {"type": "boolean"}, "answer": {"type": "string"}},
    "required": ["can_tell", "answer"],
}
"""The form of an answer to a question."""

NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()

CAPTIONS_BYTES = 8750
"""Of UTF-8, for all captions of a video together: about 2500 tokens, which leave room in 4096.

A token is about 3.5 bytes of English, and no fewer characters than that of any other language."""

LEAST_CAPTION_BYTES = 80
"""A caption is not shortened below this; some are left out instead."""

FACTS_CHARACTERS, QUESTION_CHARACTERS = 500, 2000


@dataclass(frozen=True)
class Request:
    """What to ask a model, apart from the pictures."""

    system: str
    prompt: str
    #: For a server that can hold the model to it; the prompt says the same in words.
    schema: Schema


@dataclass(frozen=True)
class Prompts:
    """The prompts in force."""

    #: By name, without needless white space.
    texts: Mapping[str, str]
    #: The English name.
    language: str
    sentences: int

    @property
    def version(self) -> str:
        """Of all that a caption of one picture depends on, 12 hexadecimal digits."""
        return self._version(ABOUT_PICTURES)

    @property
    def summary_version(self) -> str:
        """Of all that a summary of a video depends on, its moments' captions apart."""
        return self._version(ABOUT_VIDEOS)

    def describe(self, *, facts: str = "", strict: bool = False) -> Request:
        """Return what to ask about one picture.

        Args:
            facts: What is known of it besides, such as the date and the place; "" for nothing.
            strict: The second try, after an answer that was of no use: shorter and firmer.
        """
        told = _one_line(facts)[:FACTS_CHARACTERS]
        known = self._filled("facts", facts=told) if told else ""
        name = "describe-strict" if strict else "describe"
        return self._entry(name, facts=known)

    def summarise(
        self,
        captions: Sequence[str] = (),
        *,
        pictures: int = 0,
        duration_s: float | None = None,
        strict: bool = False,
    ) -> Request:
        """Return what to ask about a video as a whole.

        Args:
            captions: Of its moments, in order, each as `timed` gives it. Too many or too long ones
                are shortened evenly.
            pictures: How many of its frames are shown with the request. From two on they are what
                is asked about, and the captions are not sent. One alone is described.
            duration_s: How long it is; None where that is not known.
            strict: As for `describe`.

        Raises:
            ValueError: There is nothing to summarise.
        """
        length = "" if duration_s is None else f" of {_spoken(duration_s)}"
        name = "video-frames" if pictures > 1 else "video-captions"
        name += "-strict" if strict else ""
        if pictures > 1:
            return self._entry(name, pictures=_number(pictures), duration=length)
        if not captions and pictures:
            return self.describe(strict=strict)
        if not captions:
            raise ValueError("a video is summarised from its frames, or from their captions")
        return self._entry(name, captions="\n".join(shortened(captions)), duration=length)

    def answer(self, question: str) -> Request:
        """Return what to ask to have a question about one picture answered."""
        asked = json.dumps(_one_line(question)[:QUESTION_CHARACTERS], ensure_ascii=False)
        return Request(self.texts["system"], self._filled("answer", question=asked), ANSWER_SCHEMA)

    def _entry(self, name: str, **values: str) -> Request:
        sentences = (
            "one sentence" if self.sentences == 1 else f"{_number(self.sentences)} sentences"
        )
        prompt = self._filled(name, language=self.language, sentences=sentences, **values)
        return Request(self.texts["system"], prompt, ENTRY_SCHEMA)

    def _filled(self, name: str, **values: str) -> str:
        return _tidy(Template(self.texts[name]).substitute(values))

    def _version(self, names: Sequence[str]) -> str:
        parts = [[self.texts[name] for name in names], self.language, self.sentences, ENTRY_SCHEMA]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def load_prompts(folder: Path | None, *, language: str, sentences: int) -> Prompts:
    """Return our prompts, each replaced by the file of its name in a user's folder.

    Args:
        folder: The user's; None: ours alone. Hidden files and folders in it do not count.
        language: A code such as `de` or `pt-BR`.
        sentences: How long a description is.

    Raises:
        ConfigError: The folder or a file in it cannot be read, is no prompt, is empty, or has a
            placeholder that is not filled in; or the language is not known.
    """
    texts = {name: _tidy(_path(OURS, name).read_text("utf-8")) for name in PLACEHOLDERS}
    if folder is not None:
        texts |= {path.stem: _checked(path) for path in _files(folder)}
    return Prompts(texts, language_name(language), sentences)


def write_prompts(folder: Path) -> list[Path]:
    """Write our prompts into a folder, which is made if need be, and return their files.

    Raises:
        ConfigError: One of them is there already, and none is written; or it cannot be written.
    """
    paths = {name: _path(folder, name) for name in PLACEHOLDERS}
    there = [path.name for path in paths.values() if path.exists() or path.is_symlink()]
    if there:
        raise ConfigError(f"{folder} has {', '.join(there)} already; nothing is overwritten")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(_path(OURS, name).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot write prompts into {folder}: {error.strerror}") from error
    return list(paths.values())


def timed(at_ms: int, description: str) -> str:
    """Return a caption of a moment as `summarise` takes it, its time before it (`1:05 A dog`)."""
    return f"{_clock(at_ms / 1000)} {_one_line(description)}"


def shortened(captions: Sequence[str]) -> list[str]:
    """Return captions that fit into a request together, long ones cut, many thinned out evenly."""
    lines = [_one_line(caption) for caption in captions]
    if not lines:
        return []
    most = CAPTIONS_BYTES // LEAST_CAPTION_BYTES
    if len(lines) > most and _bytes(lines) > CAPTIONS_BYTES:
        lines = [lines[round(n * (len(lines) - 1) / (most - 1))] for n in range(most)]
    low, high = 1, max(len(line.encode()) for line in lines)
    while low < high:  # the greatest length to cut to with which all fit
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bytes(lines, middle) <= CAPTIONS_BYTES else (low, middle - 1)
    return [_cut(line, low) for line in lines]


def _bytes(lines: Sequence[str], at_most: float = math.inf) -> float:
    return sum(min(len(line.encode()), at_most) + 1 for line in lines)


def _cut(line: str, most_bytes: int) -> str:
    """Return a line of so many bytes at most, if it has to be cut then at a word."""
    if len(line.encode()) <= most_bytes:
        return line
    kept = line.encode()[: max(0, most_bytes - 3)].decode(errors="ignore")
    return f"{kept.rpartition(' ')[0] or kept}..."


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.txt"


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if not path.is_dir())
    except OSError as error:
        raise ConfigError(f"the prompts in {folder} cannot be read: {error.strerror}") from error
    files = [path for path in found if not path.name.startswith(".") and path.name[-1] != "~"]
    names = [f"{name}.txt" for name in PLACEHOLDERS]
    for path in files:
        if path.name not in names:
            near = difflib.get_close_matches(path.name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
            raise ConfigError(f"{path} is no prompt of ours; {hint}")
    return files


def _checked(path: Path) -> str:
    """Return a user's prompt, if it is one that can be filled in."""
    if not path.is_file():  # a pipe would be waited for
        raise ConfigError(f"the prompt {path} is no file")
    try:
        text = _tidy(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"the prompt {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the prompt {path} is not UTF-8") from error
    if not text:
        raise ConfigError(f"the prompt {path} is empty; remove it to have ours")
    template, may = Template(text), PLACEHOLDERS[path.stem]
    if not template.is_valid():
        raise ConfigError(
            f"the prompt {path} has a $ without a name after it; write $$ for a dollar"
        )
    used = set(template.get_identifiers())
    allowed = ", ".join(f"${name}" for name in sorted(may)) or "none"
    for name in sorted(used - may):
        raise ConfigError(
            f"the prompt {path} has ${name}, which is not filled in; it may have: {allowed}"
        )
    for name in sorted((may & NEEDED) - used):
        raise ConfigError(f"the prompt {path} lacks ${name}, without which it asks nothing")
    return text


def _tidy(text: str) -> str:
    """Return a text without white space at the ends of lines, and without needless empty lines."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    while "\n\n\n" in lines:
        lines = lines.replace("\n\n\n", "\n\n")
    return lines.strip("\n")


def _one_line(text: str) -> str:
    """Return a text without line breaks, and without what no server could be sent."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _number(number: int) -> str:
    return NUMBERS[number - 1] if 0 < number <= len(NUMBERS) else str(number)


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
