"""Know words on how to describe a picture, which stand where a description should.

Small models give back their task in other words: "Mention the main subject", "One or two sentences
describing the photo", the same in another language. An instruction is told by its mood (imperative,
"should", "you must") together with a word of the trade (caption, sentence, picture), for a sign
"Do not enter" is a picture's; a blank form by having no word but such.
"""

import re

from mediaindex.captioners.sentences import head, hide_quotes, words

_TRADE = (
    r"(?:main (?:subject|object|focus|action|elements?|content)s?|subjects?|key (?:elements?"
    r"|details?"
    r"|objects?|features?)|most (?:important|prominent|notable)|images?|pictures?|photos?"
    r"|photographs?|scene|sentences?|captions?|descriptions?|words"
    r"|details?|opinions?|guess(?:es|ing)?|assumptions?|tags|keywords?|json|what (?:is|you|it|they"
    r"|the|can)|where (?:it|the)|names? of|objects? with|tone|language|simple|short|brief|concise)"
)
_DETERMINED = (
    r"(?:(?:me|us) )?(?:an?|the|this|that|these|all|any|every|each|in|only|what|who|where|how|one"
    r"|two|three|\d\S*|your|it|its|short|brief|clear|concise|detailed|simple|plain|no|using|up to"
    r"|exactly|valid|just|also|both|either|objects?|keywords?)\b"
)
_ENGLISH = re.compile(
    r"(?:(?:please|then|also|next|first|finally|now|and|always|never|do not|don't|just|try to"
    r"|remember to|be sure to|make sure to|you (?:should|must|need to|have to|are to|will))[,:]? )*"
    r"(?:"
    rf"(?:mention|include|avoid|describe|summari[sz]e|ensure|specify|explain|identify|provide"
    rf"|render"
    rf"|narrate|transcribe|generate|locate|detect|analy[sz]e|refrain from|pay attention to|compose"
    rf"|produce|make sure|highlight|emphasi[sz]e)\b[^.]{{0,80}}\b{_TRADE}"
    rf"|(?:focus on|use|list|name|look at|give|share|present|create|read|tell|find|offer|note|limit"
    rf"|return|output|answer|respond|reply|write|caption|state|consider|capture|stick to|keep|count"
    rf"|examine|relay|illustrate|convey) {_DETERMINED}[^.]{{0,80}}\b{_TRADE}"
    rf"|(?:start|begin) (?:with|by) [^.]{{0,80}}\b(?:describing|naming|stating|{_TRADE})\b"
    r"|keep (?:it|the \w+|your \w+|sentences|descriptions?) (?:short|brief|concise|simple|under|to)"
    r"|be (?:concise|specific|brief|objective|factual|descriptive|accurate|precise)\b"
    r"|stay (?:factual|objective|concise))"
    rf"|(?:then |also )?(?:describe|mention|identify|summari[sz]e|transcribe|specify) {_DETERMINED}"
    r"|(?:an?|the) (?:reader|viewer|listener|person) should (?:be able|understand|see|know)\b"
    r"|i(?:'d| would)? (?:like|want|need) you to\b|(?:this|it) is (?:an?|the) (?:prompt|instruction"
    r"|request|system message|template|placeholder)\b"
    r"|(?:do not|don't|never|avoid) (?:mention(?:ing)?|includ(?:e|ing)|guess(?:ing)?"
    r"|invent(?:ing)?|speculat(?:e|ing)|mak(?:e|ing) up|assum(?:e|ing)|infer(?:ring)?"
    r"|refer(?:ring)? to|interpret(?:ing)?|describ(?:e|ing)|(?:begin|start)(?:ning|ing)? (?:with"
    r"|the|your))\b"
    r"|(?:to|when|while|for|by|before|in) (?:describ|caption|writ|creat|generat)(?:e|ing)? "
    r"(?:an?|the|this|any|your|good|images?|photos?|pictures?)\b[^,.]{0,80}"
    r"\b(?:images?|pictures?|photos?|captions?|descriptions?|scene)\b"
    r"|(?:(?:an?|the|your|each|every|these|all) )?(?:good|great|useful|clear|strong|helpful|proper"
    r"|best|ideal|effective) (?:image |photo )?(?:captions?|descriptions?|alt texts?) (?:is|are"
    r"|has|have"
    r"|should|must|(?:name|tell|include|describe|mention|start|begin|cover|capture|give|focuse"
    r"|answer|help)s?)\b"
    r"|(?:(?:the|your|this|each|every|all) )?(?:(?:description|caption|response|output|summary"
    r"|text_in_image)s? (?:should|must|needs? to|ha(?:s|ve) to|ought to)\b"
    r"|(?:answer|sentence|tag|setting|value|key|json)s? (?:should|must|needs? to|ha(?:s"
    r"|ve) to) (?:be"
    r" (?:an?|in|one|two|short|brief|concise|lowercase|strings?)|have|include|contain|mention"
    r"|describe|not|start|use)\b)"
    r"|(?:it|they|this) (?:should|must) (?:be|have|include|contain|mention|start|not)\b[^.]{0,80}"
    r"\b(?:sentences?|words|descriptions?|captions?|json|concise|short|brief|lowercase)\b"
    r"|(?:this|it|doing so) (?:helps?|will help|ensures?) (?:others|people|readers?|viewers?"
    r"|users?|you|me"
    r"|us|that|the (?:reader|viewer|user|model)|search|blind)\b"
    rf"|you (?:(?:should|must|need to|have to|are to|will(?: be)?) (?:answer|describe|respond|be)"
    rf"|(?:describe|write|caption|are given|will be given|receive|look at)\b[^.]{{0,80}}\b{_TRADE})"
    r"|you are (?:an?|the) (?:ai|image|vision|language)\b|(?:this|the) (?:model|dataset|data set)"
    r" (?:was|is|contains|consists|has)\b[^.]{0,80}\b(?:images?|captions?|pictures?)\b"
    r"|you are (?:an?|the) [^.]{0,80}(?:assistant|captioner|model|archivist|system|expert|bot"
    r"|writer)"
    r"|(?:your|the|this|our) (?:task|job|role|assignment|objective|goal|aim) (?:is|was)"
    r" (?:to|for you)\b|(?:the|this|your) (?:prompt|request|task) (?:asks|requires|wants|says)\b"
    rf"|the (?:assistant|model|system|user|ai) (?:describes?|writes?|returns?|answers?|receives?"
    rf"|should|must|provides?|generates?|responds?|wants)\b[^.]{{0,80}}\b{_TRADE}"
    r"|(?:an?|the) (?:image|photo|picture|visual) (?:captioning|description|recognition) (?:model"
    r"|system|tool|generator|task|assistant)\b",
    re.IGNORECASE,
)
_ABROAD = {
    "de": (
        r"(?:bitte )?(?:beschreib(?:e|en sie)?|nenne|erwähne|schreibe?|antworte|fasse|verwende"
        r"|achte"
        r"|gib|erstelle|beginne|nennen sie|antworten sie)\b[^.]{0,80}\b(?:bild\w*|foto\w*"
        r"|s[aä]tze?n?"
        r"|hauptmotiv|motiv|json|beschreibung|details|szene|deutsch|was|haupt\w+)\b",
        r"(?:bitte )?(?:vermeide|(?:beginn|beschreib|nenn|erwähn|schreib|antwort|verwend|vermeid"
        r"|erstell)en sie)\b",
        r"du (?:beschreibst|bist ein|sollst|schreibst)\b|sie (?:beschreiben bilder"
        r"|sind ein assist)",
        r"um (?:ein|das) (?:foto|bild) [^.]{0,80}zu beschreiben|die beschreibung (?:soll|muss)",
    ),
    "fr": (
        r"(?:veuillez |merci de )?(?:décri(?:vez|s|re)|mentionne[zr]?|rédige[zr]?|répond(?:ez|s|re)"
        r"|résume[zr]?|utilise[zr]?|commence[zr]? par|indique[zr]?|donne[zr]?"
        r"|évite[zr]?)\b[^.]{0,80}"
        r"(?:image|photo|phrases?\b|sujet|json|description|scène|légende|lieu|détails|ce qu)",
        r"pour (?:bien )?décrire|tu (?:décris|es un)|vous (?:décrivez|êtes un)"
        r"|la (?:description|légende) doit",
    ),
    "es": (
        r"(?:por favor,? )?(?:describ[ea]n?|mencion[ae]|evit[ae]|escrib[ea]|responde|resume|usa"
        r"|comienza|comience"
        r"|indica|incluye|proporciona|da)\b[^.]{0,80}\b(?:im[aá]gen(?:es)?|fotos?|frases?|oraciones"
        r"|sujeto|json|descripción|escena|detalles|lugar|lo que)\b",
        r"no (?:inventes|menciones|describas|incluyas|uses)\b|para describir"
        r"|eres un (?:asistente|modelo)|la descripción debe|(?:tú )?describes (?:imágenes|fotos)",
    ),
    "it": (
        r"(?:per favore,? )?(?:descriv[ia]|menziona|evita|scrivi|rispond[ia]|riassumi|usa|inizia"
        r"|indica|includi|fornisci)\b[^.]{0,80}\b(?:immagin[ei]|foto|fras[ei]|soggetto|json"
        r"|descrizione"
        r"|scena|dettagli|luogo|ciò che)\b",
        r"non (?:inventare|menzionare)\b|per descrivere|sei un (?:assistente|modello)"
        r"|la descrizione deve",
    ),
    "pt": (
        r"(?:por favor,? )?(?:descrev[ae]|mencione|evite|escreva|responda|resuma|use|comece|indique"
        r"|inclua|forneça)\b[^.]{0,80}\b(?:image(?:m|ns)|fotos?|frases?|sujeito|json|descrição|cena"
        r"|detalhes|lugar|o que)\b",
        r"não (?:invente|mencione)\b|para descrever|você (?:descreve|é um assistente)"
        r"|a descrição deve",
    ),
    "nl": (
        r"(?:beschrijf|noem|vermeld|vermijd|schrijf|antwoord|gebruik|begin|geef|vat)\b[^.]{0,80}"
        r"\b(?:foto\w*|afbeelding\w*|zin(?:nen)?|onderwerp|json|beschrijving|scène|details|wat)\b",
        r"om een (?:foto|afbeelding) [^.]{0,80}te beschrijven|je (?:beschrijft|bent een)\b",
    ),
    "ru": (
        r"(?:пожалуйста,? )?(?:опиши|ответь|упомяни|напиши|избегай|используй|укажи|назови"
        r"|не придумывай|не упоминай|начинай|начни|начнит|добавь)(?:те|е)?\b|ответьте\b|(?:ты"
        r"|вы) описыва",
    ),
    "others": (
        r"(?:proszę )?(?:opisz|napisz|odpowiedz)\b|popiš|beskriv(?: den| dette| det| bilden"
        r"| billedet)?\b|kuvaile\b|descrie\b|[^.]{0,80}\b(?:açıkla|tanımla|betimle)(?:yın|yınız)?$"
        r"|опишіть|περιγράψτε|írd le\b",
        r"[^.]{0,80}(?:설명|묘사|서술|답변|대답|작성|언급|요약)[^.]{0,6}(?:세요|십시오|시오|하라)",
    ),
    "zh": (
        r"[请請](?!勿)[^。]{0,20}(?:描述|说明|說明|回答|概括|描写|图片|照片|图像|圖片)",
        r"用[^。]{1,8}[句字][^。]{0,80}描述|(?:描述|说明|概括)(?:一下)?[这該该图画照][^。]*$",
        r"你是一[个名位]|你(?:负责|需要)|你[^。]{0,12}描述|不要(?:提及|猜测|编造|使用|描述)|(?:回答|描述)(?:应|必须|需)",
    ),
    "ja": (
        r"[^。「」]*(?:説明|描写|記述|回答|述べ|記載|要約|答え|言及|出力|書い|避け|含め)"
        r"[^。「」]{0,6}(?:ください|下さい|なさい|こと)[。]?$",
        r"あなたは[^。]{0,80}(?:アシスタント|モデル|AI)",
    ),
}
_FOREIGN = re.compile(
    "|".join(pattern for patterns in _ABROAD.values() for pattern in patterns), re.IGNORECASE
)
_LEAD = re.compile(
    r"^(?:(?:instructions?|task|prompt|system|user|question|request|your task)\s*[:：]\s*)+",
    re.IGNORECASE,
)
_TASKS = re.compile(
    r"(?:caption|cap|describe|ocr|answer|segment|detect|question)(?: [a-z]{2})?"
    r"|(?:detect|segment) [\w ]+(?: ; [\w ]+)*|what does the (?:image|picture) describe\?"
    r"|what is the (?:text|region|caption)[^?]*\?",
    re.IGNORECASE,
)

_FORM_WORDS = frozenset(
    """a an the this that these which what it its one two three few some any your my or and to of in
    on with for as by at from about is are was be can been seen shown visible happening depicted
    taken going goes here insert add fill write describe describes describing summarizing
    summarising short brief detailed concise clear simple complete full general accurate main
    important most key overall single given provided attached above following sample example
    placeholder default stock generic uploaded figure fig attachment english german french spanish
    content contents where who subject subjects action image
    images picture pictures photo photos photograph pic img thumbnail scene something placeholder
    untitled alt text caption captions description descriptions summary sentence sentences string
    strings paragraph overview json object tag tags keyword keywords list title setting valid words
    location place todo tbd xxx lorem ipsum part field value
    ein eine einen einer der die das des dem im in zwei kurze kurzer beschreibung bild bildes bilder
    foto fotos beispielbild beispielfoto platzhalter sätze sätzen satz bildbeschreibung
    une un la le les de du l d en deux courte brève phrases phrase légende photographie exemple
    una el los breve corta descripción descripcion imagen foto ejemplo dos frases oraciones leyenda
    il lo due breve immagine descrizione esempio frasi didascalia della dell
    uma o do da duas curta descrição imagem exemplo legenda
    het een van afbeelding voorbeeld beschrijving korte twee zinnen
    это краткое описание изображения изображение изображении фото фотографии картинка
    пример""".split()
)
_TASK_WORDS = _FORM_WORDS | frozenset(
    """you we i they people reader user should must will would best only no not more than less make
    makes use using but vivid adjectives plain language first second third then name names see what
    help helps find later appear once uploaded format output keys key text_in_image respond answer
    describe described mention mentions include opinions opinion subject prompt words comma
    separated
    good great when how if also each every other always never do does don t just now
    so shows""".split()
)
_TASK_HEADS = frozenset(
    """describe mention opinions opinion adjectives prompt caption captions description descriptions
    sentence sentences json keywords text_in_image subject keys""".split()
)
_FORM_HEADS = frozenset(
    """description descriptions caption captions summary sentence sentences string json tags
    keywords overview paragraph beschreibung bildbeschreibung sätze sätzen légende phrases
    descripción descripcion frases oraciones descrizione frasi descrição beschrijving zinnen
    описание
    what where todo tbd xxx lorem insert""".split()
)
_FORM_NOUNS = _FORM_HEADS | frozenset(
    """image images picture pictures photo photos photograph pic img thumbnail scene text alt title
    figure fig attachment placeholder untitled bild bilder foto fotos beispielbild beispielfoto
    platzhalter photographie
    imagen immagine imagem afbeelding изображение изображении фото фотографии картинка words list
    object something tag keyword""".split()
)
_FORM_FAR_EAST = re.compile(
    r"(?:这|這|该|本)?是?(?:[一两二]?[张張幅])?(?:示例)?(?:图片|圖片|照片|图像|圖像|画像|写真|サンプル画像)"
    r"(?:的|の|です)?(?:一[个句])?(?:(?:简短|简要|详细|内容|簡潔な|簡単な|短い|詳細な)的?)*"
    r"(?P<head>描述|说明|標題|标题|説明文?|キャプション)?(?:です)?"
)


def is_instruction(sentence: str) -> bool:
    """Tell whether a sentence says how a picture is to be described."""
    plain = sentence.replace("’", "'").lstrip("\"'“„«*#-–•>0123456789.:) ")
    plain = _LEAD.sub("", plain)
    if _TASKS.fullmatch(head(plain).rstrip(" .")):
        return True
    said = set(words(plain))
    if (
        not plain.endswith((":", "："))
        and said & _TASK_HEADS
        and all(word in _TASK_WORDS or word.isdigit() for word in said)
    ):
        return True
    hidden = head(hide_quotes(plain))
    return bool(_ENGLISH.match(hidden) or _FOREIGN.match(hidden.rstrip(" .!")))


def is_blank_form(text: str) -> bool:
    """Tell whether a text is a form's blank: "A short description of the image"."""
    said = set(words(text))
    asian = _FORM_FAR_EAST.fullmatch(text.strip(" 。.!"))
    return bool(asian and asian["head"]) or (
        _has_form_words_only(said) and bool(said & _FORM_HEADS)
    )


def names_no_thing(text: str) -> bool:
    """Tell whether a text says no more than that there is a picture: "A photo.", "Image 1"."""
    said = set(words(text))
    asian = _FORM_FAR_EAST.fullmatch(text.strip(" 。.!"))
    if text.rstrip().endswith((":", "：")):
        return False  # announces something, and so is politeness
    return asian is not None or (_has_form_words_only(said) and bool(said & _FORM_NOUNS))


def _has_form_words_only(said: set[str]) -> bool:
    return all(word in _FORM_WORDS or word.isdigit() for word in said)
