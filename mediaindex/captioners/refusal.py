"""Tell a sentence that is about the conversation from one that is about the picture.

A refusal speaks of the model ("I cannot", "as an AI"), at the start of a sentence; a caption that
mentions "cannot", or a sign that says "Sorry, we are closed", does not begin so.
"""

import re
from typing import Literal

from mediaindex.captioners.sentences import head, hide_quotes

Kind = Literal["", "refusal", "chatter", "musing"]
"""What a sentence is: of the picture (""), a no, politeness, or thinking aloud."""

_IMAGE = r"(?:images?|pictures?|photos?|photographs?|screenshots?|attachments?)"
_BAR = r"(?:can(?:not|'t| not)|could(?: not|n't)|(?:un|not )able to|won't|will not)"
_DO = (
    r"(?:describe|identify|provide|assist|help|process|view|see|access|generate|fulfil+|comply"
    r"|analy[sz]e|determine|answer|recogni[sz]e|create|engage|continue|do (?:that|this))"
)

_REFUSALS = {
    "en": (
        rf"(?:i|we) (?:{_BAR}|(?:do not|don't|did not|didn't) (?:see|have|feel|think i|know|receive"
        r"|recognize|understand)|must (?:decline|refuse)|decline|refuse|apologi[sz]e"
        r"|would need|need (?:you|more|to see|an? )|am having trouble|have to (?:decline|refuse)"
        r"|still (?:cannot|can't)|(?:really |simply |just )?can(?:'t|not))",
        r"(?:i'm|i am|we're|we are) (?:so |very |really |truly |just |only )?(?:sorry|afraid|unable"
        r"|not (?:able|going|allowed|permitted|comfortable|capable|equipped|supposed|sure (?:what"
        r"|how|i)|programmed|designed)|having (?:trouble|difficulty)|an? (?:\w+[ -]){0,2}"
        r"(?:ai|model|assistant)|(?:here )?unable|programmed|designed|ready)",
        r"(?:my |our |please accept my )?apologies\b",
        r"(?:i am|i'm) \w+, (?:an?|the) [^.]{0,80}(?:model|assistant|ai|chatbot)\b",
        r"quality issues are too severe|images? (?:not found|unavailable|missing|failed to)\b",
        rf"sorry\b(?:[,!.]*\s*(?:but|i|i'm|this|that|for|about|the {_IMAGE}|no|as|there|unable|your"
        r"|cannot|can't)\b|[!.]*$|[,!.]*\s*we (?:cannot|can't|are unable))",
        r"as an? (?:\w+[ -]){0,3}(?:ai|language model|assistant|model)\b",
        rf"(?:it is|it's) (?:not (?:possible|appropriate)|impossible|against [^.]{{0,80}}"
        rf") [^.]{{0,80}}\b{_DO}",
        rf"(?:{_BAR}|failed to) {_DO}",
        rf"(?:this|the|your|that) (?:{_IMAGE}|request|content|prompt|file|link)\b[^.]{{0,40}}"
        r"(?:(?:cannot|can't|could not|couldn't) be (?:described|displayed|loaded|provided"
        r"|processed"
        r"|fulfilled|analy[sz]ed|opened|accessed|viewed|shown|seen|identified|completed)|violates"
        r"|may violate|(?:was not|wasn't|has not been|isn't|is not|did not|didn't|failed to"
        r"|does not"
        r"|doesn't)(?: appear to be| seem to be| be| been)? (?:provided|attached|included|load(?:ed"
        r"|ing"
        r")?|upload(?:ed)?|found|available|accessible|showing|come through|display(?:ed)?))",
        rf"(?:there (?:is|was|are|seems to be|appears to be) no|there (?:doesn't|does not) (?:seem"
        rf"|appear) to be an?|i see no) {_IMAGE}(?: (?:provided|attached|uploaded|here|in this"
        rf"|available"
        r"|to|for me)|[.,!]|$)",
        rf"no {_IMAGE} (?:(?:was|has been|is|were|have been) )?(?:provided|attached|uploaded"
        r"|available|found|supplied|shared|received|visible|detected|to)",
        rf"(?:it|there) (?:looks|seems|appears)(?: like| as if| that)? (?:you|there (?:is|was) no"
        rf"|there's no|the {_IMAGE} (?:did|was|is|has)|no {_IMAGE}|your)",
        rf"you (?:have not|haven't|did not|didn't|forgot|have only) [^.]{{0,80}}{_IMAGE}",
        r"(?:could|can|would) you (?:please )?(?:provide|upload|share|attach|describe|send|tell)",
        rf"(?:please )?(?:provide|upload|attach|share|send|re-?upload)\b[^.]{{0,80}}"
        rf"\b(?:{_IMAGE}|details"
        r"|context|information|it|version|url|link)\b",
        r"(?:it is|it's|this is) (?:against|not within|beyond) (?:my|our)",
        r"without (?:the|an?|seeing|being able|more) [^.]{0,80},? (?:i|it)\b[^.]{0,80}(?:not|can't"
        r"|impossible)",
        r"(?:the )?(?:image )?description (?:is )?(?:not available|unavailable)",
        r"no (?:image |photo |picture )?(?:description|caption) (?:is |was )?(?:available|possible"
        r"|generated|provided|found|given)",
        r"(?:my|our) (?:guidelines|policy|policies|programming|training)\b",
        rf"(?:this|the) (?:{_IMAGE}|content) (?:contains|may contain|appears to contain|depicts"
        rf"|includes)"
        r" (?:sensitive|explicit|inappropriate|harmful|offensive|graphic|adult) (?:content"
        r"|material)",
    ),
    "de": (
        r"(?:es )?tut mir (?:sehr )?leid",
        r"(?:ich bitte um )?(?:entschuldigung|verzeihung)|entschuldige?n?\b",
        r"(?:leider )?(?:ich )?(?:kann|bin|darf|habe|sehe|möchte|werde) (?:ich )?[^.]{0,80}"
        r"\b(?:nicht|kein\w*|außerstande|unmöglich)\b",
        r"leider (?:kann|ist es mir|bin|ist kein|darf|war|konnte|wurde|habe|sehe)",
        r"als (?:eine? )?(?:ki\b|ai\b|sprachmodell|künstliche|textbasiert)",
        r"bitte (?:lade|laden|stelle|stellen|gib|geben|sende|füge)\b",
        r"es (?:wurde|ist|gibt) kein (?:bild|foto)",
        r"es ist mir (?:leider )?nicht (?:möglich|erlaubt)",
    ),
    "fr": (
        r"(?:je suis )?(?:vraiment )?désolée?\b|je regrette,? (?:mais|de)",
        r"(?:je m'excuse|excusez|toutes mes excuses|pardon)",
        r"je (?:ne |n')(?:peux|suis|vois|dispose|pourrai|parviens|ai)",
        r"(?:malheureusement|hélas),? (?:je|il|l'image|cette)",
        r"en tant qu(?:e |')(?:ia|une? ia|intelligence|modèle|assistant)",
        r"(?:veuillez|merci de) (?:me )?(?:fournir|télécharger|joindre|partager)",
        r"il (?:ne )?m'est (?:pas possible|impossible)|aucune image n'",
    ),
    "es": (
        r"(?:lo siento|lo lamento|mis disculpas|disculp\w*|perdón|perdona|pido disculpas)",
        r"(?:yo )?no (?:puedo|me es posible|soy capaz|estoy (?:capacitad|autorizad)|tengo (?:la "
        r"capacidad|acceso)|veo ninguna|se (?:ha proporcionado|puede describir))",
        r"lamentablemente|desafortunadamente",
        r"como (?:un |una )?(?:modelo|ia\b|inteligencia|asistente)",
        r"por favor,? (?:proporcion|sub|adjunt|compart|envía|carga)",
    ),
    "it": (
        r"(?:mi (?:di)?spiace|spiacente|mi scuso|scusa(?:mi|te)?\b|siamo spiacenti)",
        r"(?:io )?non (?:posso|sono in grado|riesco|mi è possibile|vedo (?:alcuna|nessuna))",
        r"(?:purtroppo|sfortunatamente),? (?:non|io)",
        r"(?:come|in quanto|essendo) (?:un |una |un')?(?:modello|ia\b|intelligenza|assistente)",
        r"per favore,? (?:fornisci|carica|allega|condividi)",
    ),
    "pt": (
        r"(?:me |peço )?(?:desculp\w*|sinto muito|lamento)",
        r"(?:eu )?não (?:posso|consigo|sou capaz|estou (?:autorizad|apt|capacitad)|tenho (?:a cap"
        r"|permiss|acesso)|é possível (?:descrever|identificar|para mim)|vejo nenhuma)",
        r"infelizmente,? (?:não|eu|a imagem)",
        r"como (?:um |uma )?(?:modelo|ia\b|inteligência|assistente)",
        r"por favor,? (?:forne|envi|carreg|anex)",
    ),
    "nl": (
        r"het spijt me|sorry,? (?:maar|ik)\b|mijn excuses|excuses\b|helaas (?:kan|ben|is het mij"
        r"|mag)",
        r"ik (?:kan|ben|mag|zie|wil|heb)\b[^.]{0,80}\b(?:niet|geen)\b",
        r"als (?:een )?(?:ai\b|taalmodel|kunstmatige|tekstgebaseerd)",
        r"(?:upload|geef|stuur|deel) (?:alstublieft|de|een|alsjeblieft)[^.]{0,80}"
        r"(?:afbeelding|foto)",
    ),
    "ru": (
        r"(?:извини\w*|прости(?:те)?\b|прошу прощения|приношу извинения|мне (?:очень )?жаль)",
        r"(?:к сожалению|увы),?\s+(?:я|мне|не|это|изображение|описать)",
        r"(?:я )?не (?:могу|вижу|в состоянии|способ\w+|имею)",
        r"(?:как|будучи|я (?:-|—)|я) (?:ии\b|искусственн|языков|текстов|ai\b)",
        r"пожалуйста,? (?:загрузите|предоставьте|пришлите|прикрепите)",
    ),
    "ja": (
        r"(?:大変|誠に)?(?:申し訳|すみません|すいません|ごめん|恐れ入りますが|残念ながら)",
        r"(?:AI|ＡＩ|言語モデル)[^。]{0,12}(?:として|なので|ですので)",
        r"[^。「]{0,60}(?:説明|特定|識別|回答|お答え|お手伝い|提供|対応|分析|描写)[^。]{0,6}"
        r"(?:できません|できない|しかねます|致しかねます|いたしかねます)",
        r"(?:この)?(?:画像|写真)(?:が|は|を)[^。]{0,12}(?:見え|提供され|添付され|確認でき|表示)"
        r"[^。]{0,4}(?:ません|ない)",
        r"(?:画像|写真)を(?:提供|アップロード|添付|共有)して",
    ),
    "zh": (
        r"(?:非常|很|十分|真的)?(?:抱歉|对不起|對不起|不好意思)",
        r"(?:但)?我(?:无法|無法|不能|没有办法|沒有辦法|没法|不可以|看不到|不便)",
        r"(?:作为|作為|我是)(?:一个|一個|一名)?(?:AI|人工智能|人工智慧|语言模型|語言模型)",
        r"(?:无法|無法|不能)(?:为您|為您)?(?:提供|识别|識別|回答|描述|查看|协助|協助|处理|處理)",
        r"(?:请|請)(?:您)?(?:上传|上傳|提供|重新|发送)",
        r"(?:没有|沒有|未)(?:看到|提供|收到|检测到)[^。]{0,4}(?:图|圖|照片)",
    ),
    "others": (
        r"(?:tyvärr|förlåt|beklagar|jag (?:kan|är) (?:inte|ledsen))",
        r"(?:beklager|desværre|undskyld|jeg kan (?:ikke|desværre))",
        r"(?:przepraszam|przykro mi|niestety,? nie|nie mogę)",
        r"(?:omlouvám|bohužel,? ne|je mi líto|nemohu|nemůžu)",
        r"(?:죄송|미안|[^.]{0,30}(?:설명|식별|제공|도와)[^.]{0,8}수 없습니다)",
        r"(?:üzgünüm|maalesef|valitettavasti|anteeksi|sajnálom|din păcate|вибачте|на жаль)",
    ),
}
_LEAD = (
    r"(?:(?:oh|hi|hello|hey|well|unfortunately|however|but|and|so|therefore|regrettably|thank you"
    r"|thanks|aber|jedoch|mais|cependant|toutefois|pero|sin embargo|ma|mas|no entanto|maar|hallo"
    r"|hola|bonjour|ciao|olá|привет|но|однако|您好|你好)[,!.，！]?\s*)*"
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\W*{_LEAD}(?:{'|'.join(patterns)})", re.IGNORECASE)


_REFUSAL = _any(*(pattern for patterns in _REFUSALS.values() for pattern in patterns))
_REFUSAL_WITHIN = re.compile(
    r"\b(?:i|assistant|model|ai)(?: am|'m)? (?:cannot|can't|can not|unable to|not able to|won't"
    r"|will not|am not allowed to) (?:describe|identify|assist|provide|process|analy[sz]e|fulfil"
    r"|comply|view|see (?:this|the|your|any) (?:image|picture|photo))"
    r"|\btoo \w+ for me to (?:describe|see|identify|make)\b|\bpour que je (?:puisse|la|le)\b"
    r"|\b(?:some|any)thing (?:that )?(?:i can|i'm able to) (?:help|assist|do)\b"
    r"|\bkann ich [^.]{0,80}\b(?:nicht|nichts|keine?n?)\b|\bkan ik [^.]{0,80}\b(?:niet|geen)\b"
    r"|\bje ne (?:peux|suis|vois|pourrai)s? pas\b|\b(?:cette image|l'image) ne peut pas être\b"
    r"|\bno (?:puedo|es posible) (?:ayudar|describir|identificar|ver|proporcionar)"
    r"|\bnon (?:posso|è possibile) (?:aiutar|descriver|identificar|fornir)"
    r"|\bnão (?:posso|consigo|é possível) (?:ajudar|descrever|identificar|fornecer|ver)"
    r"|\bя не (?:могу|в состоянии)\b|我(?:无法|無法|不能)(?:提供|描述|识别|識別|查看|回答|帮)",
    re.IGNORECASE,
)
_QUOTES = re.compile(
    r"\b(?:reads?|reading|says?|saying|text|sign|titled|message|caption|words|steht|liest|dit|dice"
    r"|écrit|scritta|aufschrift|надпис\w*|написано)\b|写|書",
    re.IGNORECASE,
)
_CHATTER = _any(
    r"let me (?:describe|provide|give|help|assist)\b",
    r"(?:natürlich|gerne|klar)?[!,. ]*(?:ich (?:beschreibe|werde|helfe)\b)|je vais (?:vous "
    r"|te )?(?:décrire"
    r"|donner|fournir)|(?:voy a|puedo) describir|te describo|(?:ti )?descriv(?:o|erò)\b"
    r"|vou descrever"
    r"|ik (?:zal|ga)\b|я (?:опишу|сейчас)|我(?:来|將|将|可以)(?:为|為)?",
    r"(?:please )?(?:let me know|feel free|try (?:again|another|a different)|don't hesitate"
    r"|do not hesitate|keep in mind|note that"
    r" (?:i|this (?:is|description))|note: (?:i|this|the (?:above|json|description)))",
    r"if (?:you(?:'d| would| have| need| want|'re| are| could| can| provide)|there(?:'s| is) "
    r"anything|there are any)",
    rf"(?:please )?(?:make sure|ensure|double-check|check)\b[^.]{{0,80}}\b(?:file|upload\w*"
    rf"|link|url"
    rf"|format|connection|{_IMAGE})\b|try (?:taking|uploading|resizing|sharing|using|asking)",
    r"you (?:can|could|may|might)(?: also| then)? (?:use|try|upload|want|ask|check|provide|share"
    r"|consider|search|contact|visit)\b",
    r"(?:hello|hi|hey|welcome)(?: there| everyone)?[!.,]*$|my name is \w+ and i\b",
    r"(?:the|this|your) (?:task|request|process|operation) (?:has been|is|was) (?:success\w+ )?"
    r"(?:complete|done|finish|success)|task (?:is )?(?:complete|done|finish)",
    r"(?:supported|accepted|allowed) (?:file |image )?(?:formats?|types?) (?:are|is|include)\b"
    r"|drag (?:and|&) drop\b|(?:click|tap) (?:here )?to (?:upload|browse|enlarge|view|zoom)\b"
    r"|have a (?:great|nice|good|wonderful) (?:day|one)[!.]*$"
    r"|thank(?:s| you) for (?:your|the) (?:feedback|message|patience|understanding|help"
    r"|attention)\b",
    r"(?:bitte )?versuchen sie (?:es|bitte)|versuche es|essayez\b|(?:vous pouvez|veuillez) (?:de "
    r"|ess)"
    r"|(?:puedes?|intent[ae]) (?:intentar|probar|subir)",
    r"(?:would|do|did) you (?:like|want|need|have|mean)|is there anything|what (?:else )?(?:would"
    r"|can"
    r"|do you|is in|can be seen)|how (?:can|may) i|what's in",
    r"(?:i )?hope (?:this|that|it)|i(?:'m| am) (?:happy|here|glad|ready) to|i(?:'d"
    r"| would) be (?:happy"
    r"|glad)|happy to",
    r"i can (?:help|assist|try|provide|tell|offer|only|describe|certainly|definitely|still|answer"
    r"|generate|create|give)",
    r"(?:i'll|i will|i would|i've|i have) (?:describe|provide|analy[sz]e|do|try|give|help|create"
    r"|generate|follow|need|return|keep|answer|respond|use|make|now|wait|written|described"
    r"|provided|included|kept|formatted)",
    r"(?:thank you|thanks)(?: for| so)?\b[^.]{0,60}(?:image|picture|photo|sharing|question|asking)",
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|alright|got it|understood|no problem"
    r"|definitely|with pleasure|yes|no)(?: thing)?[!.,:]*$",
    r"(?:sure|certainly|of course|absolutely|okay|ok)[!,.]? (?:here|i|let|below|this is (?:the|a) "
    r"(?:description|json))\b",
    r"(?:here(?:'s| is| are)|below is|the following is|this is (?:the|my"
    r"|your))\b[^.:]{0,80}\b(?:description|caption"
    r"|json"
    r"|answer|summary|response|analysis|breakdown|details|output|object you)\b[^.]*[.:!]?$",
    r"based on (?:the|your|this) (?:provided |given |uploaded )?(?:image|picture"
    r"|photo)[^,]{0,20}[,:]?"
    r"\s*(?:here|i|below)\b",
    r"(?:the|this) (?:above |following )?(?:description|json|caption|response|answer|output|object)"
    r" (?:above |below )?(?:is(?! (?:written|printed|painted|shown|drawn|carved))|was|provides"
    r"|follows|contains|includes|captures|meets|has been)\b",
    r"(?:gerne|natürlich|klar|selbstverständlich|sicher)[!.,:]*(?:$|\s+(?:hier|ich)\b)",
    r"hier ist (?:die|eine|das)[^.:]{0,80}(?:beschreibung|json|antwort)[^.]*[.:!]?$",
    r"(?:wenn|falls) (?:du|sie|ihr)\b|lass mich wissen|lassen sie (?:mich|es)|ich (?:kann|helfe"
    r"|hoffe)"
    r" (?:ihnen|dir|gerne|aber|dass|jedoch)",
    r"(?:bien sûr|certainement|d'accord|avec plaisir)[ !.,:]*(?:$|voici)|voici (?:la|une|le|un)"
    r"[^.:]{0,80}(?:description|légende|json|réponse)[^.]*[.:!]?$|si vous\b|n'hésitez pas|puis-je"
    r"|je peux "
    r"(?:vous|cependant)",
    r"(?:claro|por supuesto|con gusto|desde luego)[ !.,:]*(?:$|aquí)|aquí (?:está|tienes"
    r"|hay)[^.:]{0,80}"
    r"(?:descripción|json|respuesta)[^.]*[.:!]?$|si (?:tienes|necesitas|quieres|desea|tiene"
    r"|necesita)"
    r"|¿(?:te|le|en qué|hay|puedo|quieres|desea)|puedo (?:ayudar|ofrecer)",
    r"(?:certo|certamente|ecco|va bene)[ !.,:]*(?:$|ecco)|ecco (?:la|una|il)[^.:]{0,80}"
    r"(?:descrizione"
    r"|json"
    r"|risposta)[^.]*[.:!]?$|se (?:hai|ha|vuoi|desidera|avete)\b|fammi sapere|posso (?:aiut|però)",
    r"(?:claro|certamente|com certeza)[ !.,:]*(?:$|aqui)|aqui está[^.:]{0,80}(?:descrição"
    r"|json|resposta)"
    r"[^.]*[.:!]?$|se (?:você|precisar|quiser|tiver)|posso (?:ajud|te)",
    r"(?:natuurlijk|zeker|graag)[ !.,:]*(?:$|hier)|hier is (?:de|een)[^.:]{0,80}"
    r"(?:beschrijving|json"
    r"|antwoord)[^.]*[.:!]?$|als (?:je|u) (?:nog|meer|vragen|wilt|een)|laat (?:het )?me weten",
    r"(?:конечно|разумеется|хорошо)[ !.,:]*(?:$|вот)|вот (?:описание|ответ|json)[^.]*[.:!]?$|если "
    r"(?:у вас|вам|вы|хотите|нужно)|дайте (?:мне )?знать|я могу (?:помочь|описать|попробовать)",
    r"(?:好的|当然|當然|没问题|沒問題|可以)[，,！!。.：:]*(?:$|以下|这|這|下面)|(?:以下"
    r"|下面)是[^。：:]{0,80}"
    r"(?:描述|说明|說明|JSON|回答)[^。]*[。：:]?$|(?:如果|如)(?:您|你)|希望(?:这|這|对|以上)"
    r"|有什么",
    r"(?:はい|もちろん(?:です)?|承知(?:しました|いたしました)|かしこまりました|了解(?:です"
    r"|しました))[、。,.!！]*"
    r"(?:$|以下)|以下(?:は|が|に)[^。：:]{0,80}(?:説明|キャプション|JSON|回答)[^。]*[。：:]?$"
    r"|他に(?:も)?(?:ご|何)"
    r"|何か(?:ご|お)|お役に立て",
)
_MUSING = re.compile(
    r"(?:(?:so|okay|ok|alright|all right|hmm+|wait|now|first|well|right|got it|good|actually|then"
    r"|next|but|also|and)[,.]?\s+)*(?:the user(?:'s)? (?:wants|asked|is|has|provided|needs|request"
    r"|prompt|gave|said)|let me (?:see|think|look|start|check|analy[sz]e|break|try|write"
    r"|count|draft|craft|put|examine|re)|let's (?:see|tackle|look|start|describe|think|break|check|"
    r"analy[sz]e|write|craft|draft)|(?:i|we) (?:need|have|should|must|want|ought) (?:to|make"
    r"|also"
    r"|describe|write|mention|include|keep|avoid|check|respond|answer|output|be)|maybe i"
    r"|i'm (?:going"
    r"|looking|trying|supposed) |i am (?:going|looking|trying|supposed) |my task"
    r"|looking at the image"
    r",? i|(?:hmm+|wait)[,.]|(?:okay|ok|alright)[,.] so\b)"
    r"|用户(?:要求|想|让|希望|需要)|我需要|让我|首先，?我|好的，?(?:用户|我)|嗯，"
    r"|(?:okay|also|gut), (?:der nutzer|ich muss)|der (?:nutzer|benutzer) (?:möchte|will|hat)",
    re.IGNORECASE,
)


def _refuses_within(sentence: str) -> bool:
    """Tell whether a sentence refuses further on: "Against policy: I cannot describe faces"."""
    found = _REFUSAL_WITHIN.search(hide_quotes(sentence))
    return found is not None and not _QUOTES.search(sentence[: found.start()])


_EXCUSE = re.compile(
    r"\b(?:i|you|your|me|my|privacy|guidelines?|polic(?:y|ies)|requests?|language model"
    r"|assist(?:ance)?|prompt"
    r"|ich|ihnen|ihre|dir|datenschutz|je|vous|votre|usted|privacidad|privacy|você|u|uw|вы|вам|我|您"
    r"|你|私)\b"
    r"|(?:sensitive|explicit|inappropriate|harmful|offensive|graphic|adult) (?:content|material"
    r"|nature)"
    r"|[我您你]|ご(?:質問|要望)|お手伝い|プライバシー|隐私",
    re.IGNORECASE,
)


_AFTER = re.compile(
    r",? (?:but|however|though|yet),? (?:i can (?:see|tell you(?: that)?|say(?: that)?"
    r"|describe) (?!what|it\b)"
    r"|i can [^:]{0,60}:|here(?:'s| is)[^:]{0,60}:"
    r"|(?:the|this) (?:image|picture|photo)\w* (?:shows|depicts|features|captures|appears to (?:be"
    r"|show))"
    r"|it (?:appears|seems|looks) (?:to be|to show|like)|there (?:is|are)(?= \w))\s*(?=\w)",
    re.IGNORECASE,
)


def after_refusal(sentence: str) -> str:
    """Return what a sentence goes on to tell: "I cannot say who, but it appears to be a beach"."""
    plain = sentence.replace("’", "'")
    found = _AFTER.search(plain) if kind_of(sentence) == "refusal" else None
    rest = sentence[found.end() :] if found else ""
    if len(rest.split()) < 3 or is_excuse(rest) or kind_of(rest):
        return sentence
    return rest[0].upper() + rest[1:]


def is_excuse(sentence: str) -> bool:
    """Tell whether a sentence beside a refusal speaks to the user or gives a reason for it."""
    return bool(_EXCUSE.search(hide_quotes(sentence, " ")))


def kind_of(sentence: str) -> Kind:
    """Return what a sentence is; "" for one about the picture, and for any that is not clear."""
    plain = sentence.replace("’", "'").replace("`", "'").strip()
    if plain[:1] in "\"“„«「'‘" and len(plain) > 1:
        return ""
    begins = head(plain)
    if _MUSING.match(begins):
        return "musing"
    if _REFUSAL.match(begins) or _refuses_within(plain):
        return "refusal"
    return "chatter" if _CHATTER.match(begins) else ""
