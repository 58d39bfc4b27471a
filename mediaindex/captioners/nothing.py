"""Know a whole answer that says nothing of a picture: a rating, a watermark, a file name, code."""

import re

from mediaindex.captioners.instruction import names_no_thing

_NONE = re.compile(
    r"none|n/?a|null|nil|nothing|undefined|无|無|没有|なし|нет|keine?|aucune?", re.IGNORECASE
)
_WORDS = re.compile(
    r"(?:yes|no|ok|safe|unsafe(?:\s+S\d+)?|true|false|unknown|unanswerable|unsuitable(?: image)?"
    r"|loading|processing|please wait"
    r"|undefined|nothing|image|photo|none of the above|not applicable|done|continue|finished"
    r"|picture|description|caption|error|untitled|ja|nein|oui|non|sí|да|нет|はい|いいえ|是|否"
    r"|json|xml|yaml|html|markdown|english|german|french|spanish|italian|chinese|japanese|russian"
    r"|(?:yes|no),? (?:it|he|she|they|there|that|this|i)(?:'s)? ?(?:is|are|was|were|does|do|did|has"
    r"|have|can)?(?: not|n't)?(?: correct| right| true)?"
    r"|(?:ja|nein),? (?:das|es) (?:ist|sind)[^.,:]{0,20}|(?:oui|non),? (?:c'est"
    r"|ce n'est)[^.,:]{0,12}"
    r"|(?:sí|no),? (?:no )?(?:lo )?es[^.,:\w]?(?: correcto| así)?"
    r"|(?:yes|no),? i (?:can|will|do|did)\b[^.]*|(?:the |this )?statement is (?:true|false)"
    r"|(?:the )?(?:correct |right |best |final )?(?:answer|option|choice)(?: is)?:? "
    r"(?:option )?\(?[A-Ea-e]\)?)",
    re.IGNORECASE,
)
_YES = re.compile(r"^(?:yes|no|sure|ok),\s+", re.IGNORECASE)
_RATING = re.compile(
    r"(?:(?:the |my |overall )*(?:rating|score|confidence|quality|aesthetics?|probability|rank)"
    r"(?: score)?(?: (?:of|for) (?:this|the) \w+)?\s*(?:is|of|:|=)?\s*|i(?:'d| would)? (?:rate"
    r"|give|score) (?:this|the|it)\b[^.\d]*)"
    r"\d+(?:[.,]\d+)?\s*(?:%|(?:/|out of)\s*\d+)?(?: ?(?:stars?|points?))?",
    re.IGNORECASE,
)
_AGENCY = (
    r"(?:shutter ?stock|getty ?images|i ?stock(?: ?photo)?|alamy(?: stock photo)?|dreamstime"
    r"|depositphotos|adobe ?stock|123rf|unsplash|pexels|pixabay|flickr|freepik|big ?stock"
    r"|stock photo|watermark|all rights reserved)"
)
_WATERMARK = re.compile(
    rf"(?:(?>{_AGENCY}|(?:https?://)?(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|de|io|co)\S*"
    r"|©|\bby\b|\(c\)|[|\-–,.:·]|\d+)\s*+)++",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"(?:©|\([cC]\)|[Cc]opyright\b)\s*(?:©|by|\d{4}|[A-Z])[^.]*"
    r"|(?:Photo|Image|Picture|Photograph)s? (?:by|via|[Cc]redit:?|[Cc]ourtesy of"
    r"|[Ss]ource:?) (?:the )?"
    r"[A-Z]\w*(?: (?:[A-Z]\w*|on|of|via|the|and|/|-))*|(?:Credit|Source|Courtesy)s?: ?[A-Z].*"
    r"|(?:Foto|Bild|Photo|Image|Text)s?: [A-Z][^./]{1,40}/[^./]{1,40}"
    r"|(?:CC|Creative Commons)[ -](?:BY|0|Attribution)\b.*"
    r"|(?:This|The) (?:image|photo|picture|work|file|software|material)\w* (?:is|are"
    r"|was) (?:licensed"
    r"|released|made available|protected by (?:copyright|law)|copyrighted|provided [\"“]as is"
    r"|in the public domain)\b.*"
    r"|(?:Licensed|Released|Distributed) under\b.*|[Aa]ll rights reserved"
    r"|Permission is hereby granted\b.*"
    r"|(?:No part of )?(?:This|this) (?:image|photo|picture|publication|work) may not be (?:used"
    r"|reproduced|copied|distributed)\b.*",
    re.DOTALL,
)
_WEB_PAGE = re.compile(
    r"(?:we use cookies|subscribe to (?:our|my)|by (?:using|accessing|downloading) (?:this|our)"
    r"|sign up (?:for|to)|log in to|please enable javascript|follow us on)\b.*",
    re.DOTALL | re.IGNORECASE,
)
_CODE = re.compile(
    r"<function=|action: \w+|<(?:!doctype|html|div|svg|\?xml)|(?:def \w+|print|console\.log)\("
    r"|import \w+(?:$|\s+as\b)"
    r"|from [\w.]+ import\b|(?:const|let|var) \w+ ?=|function \w*\(|#include\b"
    r"|select [\w*, ]+ from \w+(?:;| where|$)"
    r"|\w+(?:\.\w+)*\(\s*\w+ ?=|traceback \(|\\(?:begin|documentclass|includegraphics)\b"
    r"|\w+(?:\.\w+)+\(|data:\w+/|https?://\S+$|(?:see|visit|image|link|source|url)\W+(?:https?://"
    r"|www\.)\S+"
    r"|error\b[:!]|(?:\w+(?:Error|Exception)): |[45]\d\d (?:internal|bad|not|service|gateway|too"
    r"|forbidden|unauthorized)\b|(?:connection (?:refused|reset|timed)|request timed out"
    r"|rate limit|out of memory|model (?:is )?(?:loading|not found))"
    r"|[\w ]{1,20} [01]?\.\d+$",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"\S+\.(?:jpe?g|png|gif|webp|heic|mp4|mov|tiff?|bmp|avif)\W*"
    r"|(?:IMG|DSC|DSCN|DSCF|PXL|VID|MVIMG|P|DJI|GOPR|photo|image|screenshot)[_-]?\d[\w\- .]*",
    re.IGNORECASE,
)


def says_none(text: str) -> bool:
    """Tell whether a description is a word for an empty field."""
    return bool(_NONE.fullmatch(text.strip(" \n.\"'")))


def is_answer_to_nothing(text: str) -> bool:
    """Tell whether a text is a word or a number that answers some other question."""
    plain = text.replace("’", "'").strip(" .!。\n\"'()")
    return bool(
        _WORDS.fullmatch(plain) or _RATING.fullmatch(plain) or names_no_thing(_YES.sub("", plain))
    )


def is_credit(sentence: str) -> bool:
    """Tell whether a sentence says whose a picture is, or what one may do with it."""
    plain = sentence.strip(" .!\n\"'")
    return bool(_CREDIT.fullmatch(plain) or _WEB_PAGE.match(plain) or _WATERMARK.fullmatch(plain))


def is_code_or_file(text: str) -> bool:
    """Tell whether a text is code, an error's, a link or a file's name."""
    return bool(_CODE.match(text) or _FILE.fullmatch(text))
