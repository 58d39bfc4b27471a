"""Clean what stands beside a description: tags, text in the picture, the setting."""

import re
from collections.abc import Iterable

from mediaindex.captioners.cleaning import unquoted, without_markdown
from mediaindex.captioners.echo import is_placeholder
from mediaindex.captioners.repetition import before_loop, loops
from mediaindex.captioners.sentences import sentences

MOST_TAGS = 20

LONGEST_TAG = 40
"""Characters; what is longer is no tag but a sentence."""

LONGEST_TEXT = 4000

LONGEST_SETTING = 120

_NONE = re.compile(
    r"(?:none|no|n/?a|not applicable|null|nil|nothing|empty|unknown|unspecified|not (?:visible"
    r"|specified|present"
    r"|available|applicable|provided|readable|legible|clear|found|detected)|-+|—|keine?r?|kein"
    r"|nicht (?:vorhanden"
    r"|sichtbar|lesbar|erkennbar)|aucune?|néant|non visible|ninguno|ninguna|nada|nessuno|nessuna"
    r"|nenhum|nenhuma"
    r"|geen|niet zichtbaar|нет|отсутствует|не видно|なし|無し|ありません|无|無|没有|沒有|暂无)"
    r"(?: \w+)?",
    re.IGNORECASE,
)
_NO_TEXT = re.compile(
    r"(?:the (?:image|picture|photo) (?:contains|has|does not contain|doesn't contain|shows) (?:no"
    r"|any)?"
    r"|there(?: is|'s| are|) (?:no|not any|isn't any|aren't any)|there (?:isn't|aren't) any|no|none"
    r"|i (?:can(?:not|'t)"
    r"|do not|don't) see any|not any|no hay|es gibt keinen|auf dem bild ist kein|kein(?:en|e)?"
    r"|il n'y a (?:pas de|aucun)"
    r"|pas de|aucun|sin|ningún|non c'è(?: alcun| nessun)?|nessun|não há|sem|nenhum|er is geen"
    r"|geen)\b[^.\n]{0,30}"
    r"\b(?:text|texts|words|writing|lettering|letters|signage|texte|texto|testo|tekst"
    r"|schrift)\b[^\n]{0,50}"
    r"|.{0,10}(?:没有|沒有|无|無)(?:可见|可見)?的?(?:文字|文本).{0,6}|.{0,12}(?:文字"
    r"|テキスト)は?(?:なし|ありません|見当たりません).?"
    r"|(?:на \w+ )?(?:нет|отсутствует)[^.\n]{0,20}текст\w*[^\n]{0,20}|текст\w* (?:нет"
    r"|отсутствует)[^\n]{0,20}",
    re.IGNORECASE,
)


def says_none(text: str) -> bool:
    """Tell whether a field says, in words, that there is nothing to say."""
    plain = text.strip(" \n.!。()[]\"'`*<>").replace("’", "'")
    if not plain:
        return True
    short = len(plain) <= 24 and _NONE.fullmatch(plain)
    return bool(short and _is_bare(plain)) or bool(len(plain) <= 120 and _NO_TEXT.fullmatch(plain))


def _is_bare(plain: str) -> bool:
    """Tell a bare "none" from a sign that goes on: "No parking"."""
    first, _, rest = plain.partition(" ")
    return (
        not rest
        or first.lower() == "not"
        or rest.lower()
        in {
            "visible",
            "applicable",
            "vorhanden",
            "sichtbar",
            "visibile",
            "visível",
            "zichtbaar",
            "lesbar",
            "provided",
            "specified",
            "found",
            "detected",
            "erkennbar",
            "видно",
            "available",
            "present",
        }
    )


def clean_text_in_image(text: str, is_cut: bool = False) -> str:
    """Return the text as it stands in the picture, line breaks too; "" where there is none.

    Args:
        text: As the model gave it.
        is_cut: Whether the answer ended within it; then a loop is taken off, which else is left,
            as a picture may well repeat itself.
    """
    text = text.strip().strip("`").strip()
    if says_none(text) or is_placeholder(text):
        return ""
    if is_cut and loops(text):
        text = before_loop(text) or ""
    return text[:LONGEST_TEXT].rstrip()


def clean_setting(text: str) -> str:
    """Return the setting in a few words; "" where none is given, or an essay."""
    first = next(iter(sentences(unquoted(without_markdown(text)))), "")
    setting = " ".join(first.split()).rstrip(".。 ")
    is_none = says_none(setting) or is_placeholder(setting) or len(setting) > LONGEST_SETTING
    return "" if is_none else setting


CAPITAL_NOUNS = ("de", "lb")
"""German and Luxembourgish: in small letters their nouns are misspelt."""


def clean_tags(tags: Iterable[str], language: str = "") -> tuple[str, ...]:
    """Return tags, each once, in order; those as long as a sentence go.

    In lower case, but for a language whose nouns begin with a capital letter.
    """
    kept: dict[str, str] = {}
    for raw in tags:
        tag = re.sub(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+", "", raw).replace("_", " ")
        tag = " ".join(tag.strip(" \n\t#\"'`*.,;:。[]{}()<>“”").split())
        tag = tag if language in CAPITAL_NOUNS else tag.lower()
        is_one = 0 < len(tag) <= LONGEST_TAG and len(tag.split()) <= 4
        if (
            is_one
            and not says_none(tag.lower())
            and re.search(r"\w", tag)
            and not re.fullmatch(r"tag ?\d+|tags?|string", tag.lower())
        ):
            kept.setdefault(tag.lower(), tag)
        if len(kept) == MOST_TAGS:
            break
    return tuple(kept.values())
