"""The languages that captions may be written in, by the English names that models know them by."""

import difflib

from mediaindex.errors import ConfigError

LANGUAGES = {
    "af": "Afrikaans",
    "ar": "Arabic",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "en-gb": "British English",
    "en-us": "American English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "ko": "Korean",
    "lb": "Luxembourgish",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ms": "Malay",
    "mt": "Maltese",
    "nb": "Norwegian Bokmål",
    "nl": "Dutch",
    "nn": "Norwegian Nynorsk",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-br": "Brazilian Portuguese",
    "pt-pt": "European Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Filipino",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Simplified Chinese",
    "zh-hans": "Simplified Chinese",
    "zh-hant": "Traditional Chinese",
    "zh-tw": "Traditional Chinese",
}

MOST_SHOWN = 5


def language_name(code: str) -> str:
    """Return the English name of a language: `de`, `de-AT` and `DE` are German.

    Args:
        code: As in BCP 47; a region that makes no difference to us is passed over.

    Raises:
        ConfigError: It is not known; the text names those that may have been meant.
    """
    plain = code.strip().lower().replace("_", "-")
    for known in (plain, plain.partition("-")[0]):
        if known in LANGUAGES:
            return LANGUAGES[known]
    meant = _near(plain)
    hint = f"did you mean {', '.join(meant)}?" if meant else "codes are such as de, fr, ja, pt-BR"
    raise ConfigError(f"{code!r} is no language that captions can be written in; {hint}")


def _near(plain: str) -> list[str]:
    """Return what somebody may have meant: a name in place of a code, or a code much like it."""
    by_name = {name.lower(): code for code, name in LANGUAGES.items()}
    codes = [by_name[name] for name in difflib.get_close_matches(plain, by_name, MOST_SHOWN, 0.75)]
    if not codes and plain:
        codes = difflib.get_close_matches(plain, LANGUAGES, MOST_SHOWN, 0.6)
        codes += [code for code in LANGUAGES if len(code) == 2 and code[0] == plain[0]]
    return [f"{code} ({LANGUAGES[code]})" for code in dict.fromkeys(codes)][:MOST_SHOWN]
