"""Take off what a model puts around its words: thoughts, tokens, markdown, filler."""

import re
import unicodedata

from mediaindex.captioners.regions import without_token_boxes

_THOUGHT = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis)"
_THOUGHT_OPENS = re.compile(
    rf"<(?P<tag>{_THOUGHT})>|(?P<kimi>◁think▷)|(?P<mistral>\[THINK\])"
    r"|<\|channel\|?>\s*(?:analysis|thought)",
    re.IGNORECASE,
)
_CLOSES = {
    "kimi": re.compile("◁/think▷"),
    "mistral": re.compile(r"\[/THINK\]", re.IGNORECASE),
    "channel": re.compile(r"(?=<\|channel\|?>\s*final|<channel\|>|<\|end\|>)", re.IGNORECASE),
}
_THOUGHT_ENDS = re.compile(rf"^.*</{_THOUGHT}>|^.*◁/think▷", re.DOTALL | re.IGNORECASE)
_THOUGHT_BEGINS = re.compile(rf"(?:<{_THOUGHT}>|◁think▷|\[THINK\]).*$", re.DOTALL | re.IGNORECASE)

_USER = re.compile(
    r"<\|im_start\|>\s*user|<start_of_turn>\s*user|<\|user\|>|<\|start_header_id\|>\s*user\s*"
    r"<\|end_header_id\|>|\[INST\]",
    re.IGNORECASE,
)
_ASSISTANT = re.compile(
    r"<\|im_start\|>\s*assistant|<start_of_turn>\s*model|<\|assistant\|>|<\|start_header_id\|>\s*"
    r"assistant\s*<\|end_header_id\|>|\[/INST\]",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"<\|[^|<>]{1,40}\|?>|</?(?:s|unk|pad|bos|eos|image|img|im_patch|im_start|im_end|ref|answer"
    r"|mask"
    r"|start_of_turn|end_of_turn|start_of_image|end_of_image|end_of_utterance"
    r"|fake_token_around_image"
    r"|global-img|image_soft_token|caption|detailed_caption|more_detailed_caption|grounding|phrase"
    r"|p"
    r"|delim|br|output|response|final_answer|tool_call|endoftext|IMG_CONTEXT|row_\d+_col_\d+)\s*/?>"
    r"|<0x[0-9A-Fa-f]{2}>|\[img-\d+\]|\[/?(?:IMG|IMG_BREAK|IMG_END|INST|AVAILABLE_TOOLS)\]"
    r"|\[end of text\]"
    r"|<<?/?SYS>?>|<(?:OD|OCR|CAPTION|MORE_DETAILED_CAPTION|DETAILED_CAPTION)>",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"(?:^|\n|(?<=[.!?。]))[ \t]*(?:#{1,4}\s*)?(?:\*\*)?"
    r"(?:(?P<user>USER|User|HUMAN|Human|Instruction|Question|QUESTION|Q|Frage|Pregunta|Domanda"
    r"|Pergunta|用户|问|質問)"
    r"|(?P<model>ASSISTANT|Assistant|AI|Bot|GPT|Answer|ANSWER|A|Response|Falcon|model|Réponse"
    r"|Antwort|Respuesta|Risposta|Resposta|助手|答|回答))"
    r"(?:\*\*)?\s*[:：]"
)

_GENERAL = re.compile(
    r"\b(?:capital of|who (?:wrote|invented|painted|discovered|is the (?:president|author|king"
    r"|queen))"
    r"|translate|(?:write|tell)(?: me)? an? (?:\w+ )?(?:poem|story|essay|joke|function|song"
    r"|letter|code"
    r"|email)|how (?:do|can|to) (?:i|you|we)\b|what year|what is the \w+est|meaning of"
    r"|square root|population of"
    r"|recipe|in which (?:country|year)|weather)\b|\d\s*[-+*/x×]\s*\d",
    re.IGNORECASE,
)
_OF_PICTURE = re.compile(
    r"\b(?:image|picture|photo\w*|see|shown?|describe|caption|visible|this|scene|wearing|doing"
    r"|depicted|look\w*)\b",
    re.IGNORECASE,
)
_IMG = re.compile(
    r"<img\b(?:[^<>]{0,300}?\balt\s*=\s*(?:\"(?P<alt>[^\"<]{0,600})\"|'(?P<other>[^'<]{0,600})'))?+"
    r"[^<>]{0,600}>",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"</?(?:span|b|i|u|em|strong|small|code|a|sup|sub|mark|q|cite)(?:\s[^<>]*)?>", re.IGNORECASE
)
_BLOCK = re.compile(
    r"</?(?:div|p|ul|ol|li|h[1-6]|figure|figcaption|section|article|main|body|blockquote|pre"
    r")(?:\s[^<>]*)?>",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\s]{0,1000}\)")
_BOLD = re.compile(r"(\*\*\*|\*\*|__|~~)(?=\S)(.{1,400}?)(?<=\S)\1", re.DOTALL)
_ITALIC = re.compile(r"(?<![\w*])[*_](?=\S)([^*_\n]+?)(?<=\S)[*_](?![\w*])")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+.*$|^\s*\*\*[^*\n]{1,60}\*\*\s*:?\s*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*+•‣▪◦]|\d{1,2}[.)])\s+", re.MULTILINE)
_WIDE = re.compile(r"\s{40,}")
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$", re.MULTILINE)

_ADJECTIVES = (
    r"(?:(?:provided|given|attached|uploaded|captivating|stunning|beautiful|vibrant|serene|vivid"
    r"|striking|described|above|whole|entire)\s+)?"
)
_NOUN = r"(?:image|picture|photo|photograph|pic)"
_SHOWS = (
    r"(?:(?:clearly|prominently|vividly|also|beautifully|primarily|mainly)\s+)?(?:shows|depicts"
    r"|displays|features|captures|portrays|presents|showcases|illustrates|contains|is showing"
    r"|is of|is(?= an? close-?up)|is an? (?:close-?up )?(?:photo|photograph|picture|image"
    r"|shot) (?:of|showing"
    r"|that shows)"
    r"|(?:appears|seems) to (?:show|depict|be|feature|capture|display)|is (?:depicting|featuring))"
)
_FILLERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:in|on|within) (?:this|the|that) {_ADJECTIVES}{_NOUN}(?: (?:provided|above"
        rf"|you shared))?,?\s+"
        r"(?:(?:we|you|one|i)(?: can| may)? (?:see|observe)\s+)?(?:(?:there is"
        r"|there's)(?= an? ))?\s*",
        rf"(?:the|this) {_ADJECTIVES}{_NOUN} (?:(?:that )?you(?:'ve| have)? (?:provided|shared"
        rf"|uploaded)"
        rf" )?{_SHOWS}\s+",
        rf"(?:this|it|that)(?: is|'s) (?:an? |the ){_ADJECTIVES}{_NOUN}\s+(?:of|showing|depicting"
        rf"|that"
        r" (?:shows|depicts)|featuring)\s+",
        rf"an? {_NOUN} (?:of|showing|depicting|featuring)\s+",
        r"(?:i|we|you|one) (?:can )?(?:see|observe)\s+(?=an? |the |two |three |several |some "
        r"|many )",
        r"(?:das|dieses) (?:bild|foto) (?:zeigt|stellt)\s+",
        r"(?:auf|in) (?:dem|diesem) (?:bild|foto) (?:sieht man|sehen wir|ist zu sehen:?)\s+",
        r"(?:l'|cette |la )(?:image|photo|photographie) (?:montre|représente|présente|illustre)\s+",
        r"(?:sur|dans) (?:cette |l'|la )(?:image|photo),?\s+(?:on (?:peut )?voi[rt]"
        r"|nous voyons)\s+",
        r"(?:la|esta) (?:imagen|foto|fotografía) (?:muestra|representa|presenta)\s+(?:a\s+(?=un))?",
        r"en (?:la|esta) (?:imagen|foto|fotografía),?\s+(?:se (?:ve|observa|muestra|puede ver)"
        r"|vemos)\s+",
        r"(?:l'|quest'|la |questa )(?:immagine|foto|fotografia) (?:mostra|raffigura"
        r"|rappresenta)\s+",
        r"nell(?:'|a )(?:immagine|foto),?\s+(?:si vede|vediamo|è raffigurat[oa])\s+",
        r"(?:a|esta) (?:imagem|foto|fotografia) (?:mostra|retrata|apresenta)\s+",
        r"(?:na|nesta) (?:imagem|foto),?\s+(?:vemos|vê-se|podemos ver)\s+",
        r"(?:de|deze) (?:afbeelding|foto) (?:toont|laat)\s+",
        r"op (?:de|deze) (?:afbeelding|foto) (?:zien we|is te zien:?)\s+",
        r"(?:на|эта|это) (?:этом |этой |данном )?(?:изображени[ие]|фото(?:графи[ия])?"
        r"|картинк[еа])\s+"
        r"(?:показан[аоы]?|изображ[её]н[аоы]?|видн[аоы]|мы видим|представлен[аоы]?)\s+",
        r"(?:这|這|该|該)?(?:张|張|幅)?(?:图片|圖片|照片|图像|图|画面)(?:中|里|上)?(?:展示|显示"
        r"|顯示|描绘|呈现|拍摄)"
        r"(?:的是|了|出)?[，,]?",
        r"(?:这|這|该|在)?(?:张|張|幅)?(?:图片|圖片|照片|图像|画面)(?:中|里|上)(?!的)[，,]?(?:可以看到"
        r"|我们看到|有)?",
        r"(?:この)?(?:画像|写真)(?:に|で)は、?",
    )
)
_LABEL = re.compile(
    r"\W{0,3}(?:(?:image |short |final |the )?(?:description|caption|answer|summary|output"
    r"|response)"
    r"|beschreibung|bildbeschreibung|descripción|descrizione|descrição|beschrijving|описание|描述"
    r"|説明|答案|说明)"
    r"\W{0,3}[:：]\W{0,2}\s*(?=\w|[\"“‘'])",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great|alright|got it|yes|gerne|natürlich"
    r"|klar|bien sûr"
    r"|claro|por supuesto|certo|certamente|natuurlijk|zeker|конечно|хорошо|好的|当然|当然可以|はい"
    r"|もちろん)"
    r"(?: thing)?[!,.。！，、]+\s*)?"
    r"(?:(?:based on [^,\n]{3,40}, )?(?:here(?:'s| is| are)|below is|the following is|this is"
    r"|hier ist|hier ist|voici"
    r"|aquí (?:está|tienes)|ecco|aqui está|вот|以下是|下面是|以下は)[^.:：\n]{0,120}[:：]\s*)",
    re.IGNORECASE,
)
_YES = re.compile(
    r"(?:sure(?: thing)?|certainly|of course|absolutely|gerne|natürlich|bien sûr|por supuesto"
    r"|конечно|好的|もちろん)"
    r"[!.。！]+\s+",
    re.IGNORECASE,
)


def without_thoughts(text: str) -> str:
    """Return the answer after the thinking, "" where it never came to an end."""
    text = _THOUGHT_ENDS.sub("", _without_whole_thoughts(text))
    return _THOUGHT_BEGINS.sub("", text)


def _without_whole_thoughts(text: str) -> str:
    """Return `text` without thoughts that begin and end, in one pass over it."""
    kept, start, endless = [], 0, set[str]()
    for opens in _THOUGHT_OPENS.finditer(text):
        kind = (opens["tag"] or opens.lastgroup or "channel").lower()
        if opens.start() < start or kind in endless:
            continue
        closes = _CLOSES.get(kind) or re.compile(f"</{kind}>", re.IGNORECASE)
        end = closes.search(text, opens.end())
        if end is None:
            endless.add(kind)
            continue
        kept.append(text[start : opens.start()])
        start = end.end()
    return "".join([*kept, text[start:]])


def without_tokens(text: str) -> str:
    """Return `text` without special tokens, boxes, and what no font can show.

    Turns of a chat told by tokens become lines such as `USER:`, for `first_turn`.
    """
    text = _ASSISTANT.sub("\nASSISTANT: ", _USER.sub("\nUSER: ", text))
    text = _TOKENS.sub("", without_token_boxes(text))
    if text.count("▁") > 2 or text.count("Ġ") > 2:
        text = re.sub("[▁Ġ]", " ", text).replace("Ċ", "\n")
    return storable(text).strip()


def storable(text: str) -> str:
    r"""Return `text` without what no database takes, no terminal should, and no font can show.

    JSON may spell any of it (`\u001b`), so that it is not there before the JSON is read. Two
    halves of a character, as json-repair reads `\ud83d\ude00`, become that character.
    """
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return squeezed("".join(char for char in text if char in "\n\t" or _is_shown(char)))


def squeezed(text: str) -> str:
    """Return `text` with no more white space in a row than patterns can bear."""
    return _WIDE.sub(lambda found: "\n" * min(2, found[0].count("\n")) or " ", text)


def _is_shown(char: str) -> bool:
    """Tell whether a character can be stored and seen; joiners of emoji and of scripts can."""
    return char in "\u200c\u200d" or (
        char != "\ufffd" and unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn", "Cf"}
    )


def without_markup(text: str) -> str:
    """Return `text` without HTML; of a picture its `alt` stays. Code as such is left alone."""
    boxed = re.fullmatch(r"\s*\$*\\boxed\{(?:\\text\{)?([^{}]*)\}+\$*\s*", text)
    text = _IMG.sub(lambda found: found["alt"] or found["other"] or "", boxed[1] if boxed else text)
    if not re.search(r"</\w+>", text):
        return text
    return re.sub(r"(?<=\s)\s+", "", _INLINE.sub("", _BLOCK.sub("\n", text))).strip()


def without_role(text: str) -> str:
    """Return `text` without the name of a role in front, which a chat template let through."""
    return re.sub(r"^(?:\s*(?:assistant|model|system|user)\s*(?:\n+|$))+", "", text)


def first_turn(text: str) -> str:
    """Return the model's first turn, where it went on and played both sides of a chat."""
    marks = [*_TURN.finditer(text)]
    if not marks:
        return text
    before = text[: marks[0].start()].strip()
    if before:
        return before
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    turns = zip(marks, ends, strict=True)
    said = [(mark["model"], text[mark.end() : end].strip()) for mark, end in turns]
    of_model = [turn for model, turn in said if model and turn]
    return of_model[0] if of_model else said[-1][1]


def answers_another(text: str) -> bool:
    """Tell whether a chat that the model made up is not of the picture: "Q: 2 + 2? A: Four."."""
    marks = [*_TURN.finditer(text)]
    if len(marks) < 2 or text[: marks[0].start()].strip() or marks[0]["model"]:
        return False
    asked = text[marks[0].end() : marks[1].start()]
    few = len(first_turn(text).split()) <= 2
    return bool(_GENERAL.search(asked)) or (few and not _OF_PICTURE.search(asked))


def without_markdown(text: str) -> str:
    """Return `text` without markdown; items of a list become lines, headings go."""
    text = re.sub(r"```\w*", "", text).replace("`", "")
    text = _HEADING.sub("", _RULE.sub("", text))
    text = _LINK.sub(r"\1", text)
    for _ in range(3):
        text = _ITALIC.sub(r"\1", _BOLD.sub(r"\2", text))
    text = re.sub(r"^\s*>+\s?", "", _BULLET.sub("", text), flags=re.MULTILINE)
    return re.sub(r"\*{2,}|_{3,}", "", text).strip()


def without_preamble(text: str) -> str:
    """Return `text` without "Sure! Here is a description:" and a label such as "Caption:"."""
    for begins in (_PREAMBLE, _YES, _LABEL):
        found = begins.match(text.replace("’", "'"))
        if found and text[found.end() :].strip():
            text = text[found.end() :].strip()
    return unquoted(text)


def unquoted(text: str) -> str:
    """Return `text` without quotation marks that stand around the whole of it."""
    pairs = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}
    closing = pairs.get(text[:1])
    whole = closing and len(text) > 2 and text.endswith(closing)
    if whole and closing and text[0] not in text[1:-1] and closing not in text[1:-1]:
        return text[1:-1].strip()
    return text


def is_filler(sentence: str) -> bool:
    """Tell whether a sentence is no more than "The image shows:"."""
    plain = sentence.replace("’", "'").rstrip(" :,.…") + " x"
    return any(
        (found := filler.match(plain)) and found.end() == len(plain) - 1 for filler in _FILLERS
    )


def without_filler(sentence: str) -> str:
    """Return a sentence without "The image shows" and its like in front, with a capital."""
    plain = sentence.replace("’", "'")
    for filler in _FILLERS:
        found = filler.match(plain)
        rest = sentence[found.end() :].strip() if found else ""
        if any(char.isalpha() for char in rest):
            return rest[0].upper() + rest[1:]
    return sentence
