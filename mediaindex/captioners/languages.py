"""Names of languages, as a prompt has to say them."""

import difflib

from mediaindex.errors import ConfigError

NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
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
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ms": "Malay",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""English names by ISO 639-1 code."""


def language_code(setting: str) -> str:
    """Return the ISO 639-1 code of what a user wrote: `de`, `pt-BR`, `German`.

    Raises:
        ConfigError: It is none that is known here.
    """
    wanted = setting.strip().casefold()
    codes = {name.casefold(): code for code, name in NAMES.items()} | {code: code for code in NAMES}
    code = codes.get(wanted) or codes.get(wanted.replace("_", "-").partition("-")[0])
    if code is None:
        close = difflib.get_close_matches(wanted, codes, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; known: {', '.join(NAMES)}"
        raise ConfigError(f"caption.language: there is no {setting!r} here{hint}")
    return code
