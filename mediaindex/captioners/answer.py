"""Take a raw answer apart: a JSON object in all the ways models write one, or plain text.

Broken JSON is mended by json-repair (MIT, pure Python, needs nothing else, released monthly). It
invents no content, but it closes what was cut off in the middle and makes lists of prose with
brackets; so it is shown only what surely begins an object, and what was cut is told apart here.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import json_repair

from mediaindex.captioners.echo import is_placeholder

Form = Literal["text", "json", "broken", "schema", "other"]
"""Plain text; JSON; JSON of which nothing can be read; the schema asked for; JSON of other things,
say of boxes."""


@dataclass(frozen=True)
class Answer:
    """What a raw answer says, not cleaned yet."""

    form: Form
    description: str = ""
    tags: tuple[str, ...] = ()
    text_in_image: str = ""
    setting: str = ""
    #: False: the answer was cut off within the description; "" then says nothing of the model.
    is_whole: bool = True
    #: Whether it was cut off within a string behind the description.
    is_cut: bool = False


_NAMES = {
    "description": """description descriptions caption captions desc imagedescription summary
        picturedescription imagecaption shortdescription detaileddescription photodescription
        sentence sentences content answer response output result scene overview alttext alt
        finalanswer detailedcaption moredetailedcaption beschreibung bildbeschreibung descripción
        descripcion descrizione descrição
        descricao légende beschrijving omschrijving omschrijvingen описание подпись 説明 描述
        图片描述 画像の説明 キャプション 説明文 opis popis beskrivning beskrivelse kuvaus
        açıklama 설명""",
    "tags": """tags tag keywords keyword labels label hashtags objects taglist schlagwörter
        schlagworte stichwörter stichworte etiketten étiquettes etiquettes motsclés balises
        etiquetas palabrasclave etichette parolechiave palavraschave trefwoorden теги метки
        ключевыеслова タグ キーワード 标签 標籤 关键词 關鍵詞 tagi taggar 태그""",
    "text_in_image": """textinimage text textinpicture textinphoto textintheimage
        textinthepicture visibletext imagetext ocr ocrtext readabletext detectedtext textvisible
        transcription textimbild sichtbarertext texte textedanslimage textevisible texto
        textoenlaimagen textovisible textonaimagem testo testonellimmagine testovisibile tekst
        tekstinafbeelding tekstindeafbeelding текст текстнаизображении текстнафото
        画像内のテキスト テキスト 文字 画像内の文字 图片中的文字 图中文字 文本 图像中的文本""",
    "setting": """setting settings location place scenery environment where scenesetting umgebung
        ort schauplatz lieu cadre décor lugar entorno escenario ubicación ambiente ambientazione
        luogo cenário local ambientação omgeving locatie setting место обстановка местоположение
        場所 設定 状況 场景 地点 环境 場景""",
}
_PART = {name: part for part, names in _NAMES.items() for name in names.split()}

DEEPEST = 20
"""Brackets within brackets; what nests deeper is no answer, and would be read without an end."""

MOST_QUOTES = 160
"""Quotation marks that json-repair is shown, which takes the square of them in time."""

_BEGINS = re.compile(
    r"""\{(?:\s*+(?://[^\n]{0,400}\n|/\*(?:[^*]|\*(?!/)){0,400}\*/|\{)){0,20}\s*+"""
    r"""(?:["'“”‘’`*]{1,20}+\s*+)?"""
    r"""(?:[\w$@][\w \-]{0,40})\s*(?:["'“”‘’`*]{1,20}+\s*+)?[:：=]"""
    r"""|\{\s*(?:""|'')\s*:"""
    r"""|\{\s*\}""",
    re.DOTALL,
)
_TAG = re.compile(r"<([a-z_]{3,20})>", re.IGNORECASE)
_STUMP = re.compile(r"""[\[{\s]*\{\s*["'“]?\w*["'”]?\s*""")
_BARE = re.compile(r"""\s*["“](?:description|caption|tags)["”]\s*:""", re.IGNORECASE)
_LABELLED = re.compile(
    r"^[\s*#>_\-•\d.)]*([^\W\d_](?:[\w ]|-(?=\w)){0,24}?)[*_\s]*[:：][*_ ]*(.*)$"
)
_LINE_PARTS = {"answer", "response", "content", "output", "scene", "result"}


def read(text: str) -> Answer:
    """Return what an answer says; `form` tells how it was written. Never raises.

    Args:
        text: The answer, thoughts and special tokens already taken off.
    """
    if _BARE.match(text):
        text = "{" + text.strip().strip(",")
        text += "" if text.endswith("}") else "}" if text.endswith(('"', "]")) else ""
    if re.match(r"""\s*(?:```\w*\s*)?\{\s*\\+["n]""", text):
        text = text.replace("\\n", "\n").replace(
            '\\"', '"'
        )  # JSON within a string, its quotes gone
    begins = _BEGINS.search(text)
    if begins is None:
        if _STUMP.fullmatch(_unfenced(text)):
            return Answer("broken", is_whole=False)
        if text.lstrip().startswith("{") and is_field_names(text):
            return Answer("broken", is_whole=False)
        tagged = dict[str, object](_tagged(text))
        if "description" in _parts(tagged):
            return _of(tagged, is_mended=False, is_cut=False)
        said = _said_as_string(text)
        return read(said) if said is not None else _read_lines(text)
    found = [_of(value, *cut) for value, *cut in _objects(text, begins.start())]
    good = [answer for answer in found if answer.form == "json" and answer.description.strip()]
    if good:
        return next((answer for answer in good if not is_placeholder(answer.description)), good[0])
    if re.search(r"\w", _unfenced(text[: begins.start()])) and not any(
        answer.form == "json" for answer in found
    ):
        return _read_lines(text[: begins.start()])
    return found[0] if found else Answer("broken", is_whole=False)


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands between tags, by their names: `<description>A dog.</description>`."""
    start = 0
    for tag in _TAG.finditer(text):
        end = text.find(f"</{tag[1]}>", tag.end()) if tag.start() >= start else -1
        if end >= 0:
            yield tag[1], text[tag.end() : end]
            start = end


def is_field_names(text: str) -> bool:
    """Tell whether a text is made of the names of our fields: "description, tags"."""
    pieces = [piece for piece in re.split(r"[,;:\n|/{}\[\]]+", text) if re.search(r"\w", piece)]
    return bool(pieces) and all(_part(piece) for piece in pieces)


def _said_as_string(text: str) -> str | None:
    """Return what a JSON string or a list of strings says that is all of the answer."""
    try:
        value = json.loads(_unfenced(text))
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value if isinstance(value, str) else None


def _unfenced(text: str) -> str:
    return re.sub(r"^\s*```\w*\s*|\s*```\s*$", "", text).strip()


def _objects(text: str, start: int) -> Iterator[tuple[object, bool, bool]]:
    """Yield what is written from `start` on: value, whether it was mended, whether cut off."""
    decoder = json.JSONDecoder(strict=False)
    while True:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            yield _mended(text[start:])
            return
        yield None if _is_deep(value) else value, False, False
        begins = _BEGINS.search(text, end)
        if begins is None:
            return
        start = begins.start()


def _mended(text: str) -> tuple[object, bool, bool]:
    """Return the first object of broken JSON, True, and whether its last string was cut off."""
    text = re.split(r"\n\s*```", _up_to(MOST_QUOTES, text), maxsplit=1)[0].rstrip("` \n")
    text = re.sub(r"(?<=[\"”])\s*：\s*", ": ", text)
    text = re.sub(r"(?<=[\"”\]])\s*，\s*(?=[\"“])", ", ", text)
    close = text.rfind("}")
    if close >= 0 and not re.search(r"[\"“”{\[]", text[close:]):
        text = text[: close + 1]
    is_cut = not text.endswith(("}", "]", '"', "'", "”", ",", "[", "{", ":"))
    if not is_cut and text.endswith(('"', "'", "”")):
        is_cut = bool(re.search(r"[:,\[{]\s*[\"'“”]$", text))
    if _nests_deep(text):
        return None, True, True
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError, AttributeError):
        return None, True, True
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), value)
    return value, True, is_cut


def _up_to(count: int, text: str) -> str:
    """Return `text` before the quotation mark that is one too many."""
    quotes = itertools.islice(re.finditer("[\"'“”]", text), count, None)
    one_too_many = next(quotes, None)
    return text[: one_too_many.start()] if one_too_many else text


def _nests_deep(text: str) -> bool:
    """Tell whether brackets stand in more brackets than any answer needs; unread, so quoted too."""
    depth = 0
    for bracket in re.findall(r"[\[{(\]})]", text):
        depth = depth + 1 if bracket in "[{(" else max(0, depth - 1)
        if depth > DEEPEST:
            return True
    return False


def _is_deep(value: object) -> bool:
    """Tell whether a value holds values that hold values, and so on, too often."""
    held = [value]
    for _ in range(DEEPEST + 1):
        within = (
            one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            for one in held
        )
        held = [*itertools.chain.from_iterable(within)]
    return bool(held)


def _of(value: object, is_mended: bool, is_cut: bool) -> Answer:
    if not isinstance(value, dict):
        return Answer("broken", is_whole=False)
    if _is_schema(value):
        return Answer("schema")
    if list(value) == [""] and isinstance(value[""], str):
        value = {"caption": value[""]}  # of Florence-2, whose key is a task token
    parts = _parts(value)
    held = parts.get("description")
    description = "" if _holds_objects(held) else _text_of(held)
    inner = _inner(value) if not description else None
    if inner is not None:
        return _of(inner, is_mended, is_cut)
    description = description or _text_of(held)
    last = list(value)[-1] if value else ""
    within = is_cut and _part(last) == "description"
    form = _form_of(value, parts)
    answer = Answer(
        form,
        description or (_all_text(value) if form == "other" else ""),
        tuple(_tags_of(parts.get("tags"))),
        _text_of(parts.get("text_in_image"), "\n"),
        _text_of(parts.get("setting"), ", "),
        is_whole=not within
        and not (is_mended and (not description or is_field_names(description))),
        is_cut=is_cut,
    )
    answer = replace(answer, tags=answer.tags[:-1]) if is_cut and _part(last) == "tags" else answer
    if _BEGINS.match(description.strip().removeprefix("```json").strip()):
        deeper = read(description)
        return deeper if deeper.description else answer
    return answer


def _all_text(value: Mapping[str, object]) -> str:
    """Return the strings of an object, for a refusal may stand under any key (`error`)."""
    return " ".join(item for item in value.values() if isinstance(item, str))


def _form_of(value: Mapping[str, object], parts: Mapping[str, object]) -> Form:
    """Tell an object that was meant as an answer from one of boxes and their labels."""
    has_box = any(re.search(r"box|point|coord|polygon", str(key).lower()) for key in value)
    is_ours = "description" in parts or (bool({"tags", "setting"} & set(parts)) and not has_box)
    return "json" if is_ours or not value else "other"


def _is_schema(value: Mapping[str, object]) -> bool:
    """Tell whether an object is a JSON schema rather than what one asks for."""
    properties = value.get("properties")
    if isinstance(properties, dict):
        return not any(isinstance(item, str) for item in properties.values())
    description = value.get("description")
    return "$schema" in value or (isinstance(description, dict) and "type" in description)


def _part(key: object) -> str:
    plain = re.sub(r"[\W_]+", "", str(key).lower())
    return _PART.get(plain, "")


def _parts(value: Mapping[str, object]) -> dict[str, object]:
    """Return the values under our names; of two keys that mean the same the nearer name wins."""
    parts: dict[str, object] = {}
    for key, item in value.items():
        part = _part(key)
        if part and (part not in parts or key == part or not parts[part]):
            parts[part] = item
    return parts


def _holds_objects(value: object) -> bool:
    """Tell whether a value is no text, nor a list of texts."""
    held = value[0] if isinstance(value, list) and value else value
    return held is None or isinstance(held, dict)


def _inner(value: Mapping[str, object]) -> dict[str, object] | None:
    """Return an object inside that has a description: `{"image": {"description": ...}}`."""
    for item in value.values():
        held = item[0] if isinstance(item, list) and item else item
        if isinstance(held, dict):
            parts = _parts(held)
            if "description" in parts or isinstance(held.get("properties"), dict):
                return held
    return None


def _text_of(value: object, between: str = " ") -> str:
    """Return a value as text: a list's items and an object's values joined, numbers as they are."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return between.join(filter(None, (_text_of(item, between) for item in value)))
    return str(value)


def _tags_of(value: object) -> Iterator[str]:
    """Yield tags from a list of them, from one string, or from an object."""
    if isinstance(value, str):
        for line in re.split(r"[,;\n、，；|·•]", value):
            words = line.split()
            yield from words if words and all(word[0] == "#" for word in words) else [line]
    elif isinstance(value, dict):
        named = next(
            (value[key] for key in ("name", "label", "tag", "value") if key in value), None
        )
        yield from _tags_of(named if named is not None else list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _tags_of(item)


def _read_lines(text: str) -> Answer:
    """Read plain text, in which lines such as "Tags: a, b" name our parts."""
    held: dict[str, list[str]] = {"description": []}
    part = "description"
    for line in text.split("\n"):
        labelled = _LABELLED.match(line)
        named = _part(labelled[1]) if labelled else ""
        heading = re.fullmatch(r"[\s#*_\d.)]*([^\W\d_][\w ]{0,24}?)[*_\s]*", line)
        is_heading = bool(heading) and line.lstrip().startswith(("#", "**"))
        if heading and is_heading and _part(heading[1]):
            part = _part(heading[1])
        elif labelled and named and _names_a_part(labelled[1], named, held):
            part = named
            held.setdefault(part, []).append(labelled[2])
        elif part in ("tags", "setting") and not line.strip() and any(held.get(part, [])):
            part = "description"
        else:
            held.setdefault(part, []).append(line)
    if not held["description"] and len(held) == 2 and re.search(r"\w(?: \S+){4}[.!]\s*$", text):
        return Answer("text", text.strip())  # "Tag: a game of children." is no list of tags
    return Answer(
        "text",
        "\n".join(held["description"]).strip(),
        tuple(tag for line in held.get("tags", []) for tag in _tags_of(_unlisted(line))),
        "\n".join(held.get("text_in_image", [])).strip(),
        " ".join(held.get("setting", [])).strip(),
    )


def _names_a_part(label: str, part: str, held: Mapping[str, list[str]]) -> bool:
    """Tell whether a line's label begins a part; a word like "Scene" does only at the top."""
    if label.strip().lower() in _LINE_PARTS:
        return not any(line.strip() for line in held["description"])
    return part != "text_in_image" or part not in held


def _unlisted(line: str) -> str:
    return re.sub(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+", "", line).strip("[]() `").replace('"', "")
