"""Words -> the tokens that a text tower reads, without importing open_clip or torch."""

import gzip
import html
import json
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Encoding, Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.processors import TemplateProcessing

from mediaindex.embedders.clip.manifest import CleanRule, TextRules
from mediaindex.embedders.clip.names import open_clip_folder

CLIP_WORD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
"""What CLIP takes for one word; from open_clip's SimpleTokenizer, OpenAI's originally."""

CLIP_START, CLIP_END = "<start_of_text>", "<end_of_text>"

SENTENCE_END = re.compile(r"(?<=[.!?\u2026;])\s+|(?<=[\u3002\uff01\uff1f\uff1b])\s*|\n+")
"""Western marks end a sentence before a blank; Chinese and Japanese ones wherever they stand."""
PUNCTUATION = str.maketrans("", "", string.punctuation)


class Tokens:
    """One model's tokenizer. Safe from any thread."""

    def __init__(self, tokenizer_json: Path, rules: TextRules) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer_json))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._rules = rules
        marks = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._room = rules.context - marks

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return int64 (len(texts), context); what does not fit is cut off, marks of end kept."""
        rows = np.full((len(texts), self._rules.context), self._rules.pad_id, dtype=np.int64)
        for row, text in zip(rows, texts, strict=True):
            encoding = self._words(text)
            encoding.truncate(self._room)
            ids = self._tokenizer.post_process(encoding).ids
            row[: len(ids)] = ids
        if self._rules.blank_id is not None:
            rows[rows == self._rules.blank_id] = 0
        return rows

    def split(self, text: str, prompt: str = "{}") -> list[str]:
        """Return `text` in pieces that fit: ended at sentences, else at words, else anywhere.

        Nothing but white space is lost, and no piece is blank; a blank text has no pieces.

        Args:
            text: Any length, any script.
            prompt: What each piece will be put into, at its {}; it takes up room.
        """
        pieces: list[str] = []
        for part in self._parts(text, prompt):
            joined = f"{pieces[-1]} {part}" if pieces else part
            if pieces and self._fits(joined, prompt):
                pieces[-1] = joined
            else:
                pieces.append(part)
        return pieces

    def _parts(self, text: str, prompt: str) -> Iterator[str]:
        """Yield the sentences of `text` that fit, and the words of those that do not."""
        for sentence in SENTENCE_END.split(text):
            if self._fits(sentence, prompt):
                yield from [sentence.strip()] if sentence.strip() else []
            else:
                for word in sentence.split():
                    yield from self._chunks(word, prompt)

    def _chunks(self, word: str, prompt: str) -> list[str]:
        """Return a word whole, or halved until each part fits (Chinese has no blanks)."""
        if len(word) == 1 or self._fits(word, prompt):
            return [word]
        middle = len(word) // 2
        return self._chunks(word[:middle], prompt) + self._chunks(word[middle:], prompt)

    def _fits(self, text: str, prompt: str) -> bool:
        return len(self._words(prompt.replace("{}", text)).ids) <= self._room

    def _words(self, text: str) -> Encoding:
        return self._tokenizer.encode(clean(text, self._rules.clean), add_special_tokens=False)


def clean(text: str, rule: CleanRule) -> str:
    """Return `text` as open_clip cleans it before it is cut into tokens.

    `lower` is CLIP's own, `canonicalize` SigLIP's (no punctuation), `whitespace` is for the rest.
    """
    import ftfy

    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    if rule == "canonicalize":
        text = text.replace("_", " ").translate(PUNCTUATION)
    text = " ".join(text.split())
    return text if rule == "whitespace" else text.lower()


def write_clip_tokenizer(path: Path) -> None:
    """Write CLIP's own tokenizer as `tokenizer.json`, from the vocabulary open_clip ships."""
    merges = _clip_merges()
    letters = list(_byte_letters().values())
    words = [*letters, *(letter + "</w>" for letter in letters)]
    words += ["".join(merge) for merge in merges]
    words += [CLIP_START, CLIP_END]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = Steps(
        [
            Split(Regex(CLIP_WORD), behavior="removed", invert=True),
            ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{CLIP_START} $A {CLIP_END}",
        special_tokens=[(mark, vocabulary[mark]) for mark in (CLIP_START, CLIP_END)],
    )
    tokenizer.add_special_tokens(
        [AddedToken(mark, normalized=False) for mark in (CLIP_START, CLIP_END)]
    )
    tokenizer.save(str(path))


def _clip_merges() -> list[tuple[str, str]]:
    """Return CLIP's 48,894 merges in order; the first line of the file is its version."""
    packed = (open_clip_folder() / "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")
    pairs = [line.split() for line in lines[1 : 49152 - 256 - 2 + 1]]
    return [(first, second) for first, second in pairs]


def _byte_letters() -> dict[int, str]:
    """Return the printable letter that stands for each byte in the vocabulary (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    plain += range(ord("®"), ord("ÿ") + 1)
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    return letters | {byte: chr(256 + number) for number, byte in enumerate(others)}


def special_id(tokenizer_json: Path, config_json: Path, key: str) -> int | None:
    """Return the id of a special token (`pad_token`, `sep_token`) that a hub's config names."""
    if not config_json.is_file():
        return None
    token = json.loads(config_json.read_text(encoding="utf-8")).get(key)
    content = token.get("content") if isinstance(token, dict) else token
    if content is None:
        return None
    number = Tokenizer.from_file(str(tokenizer_json)).token_to_id(content)
    return None if number is None else int(number)
