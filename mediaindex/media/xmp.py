"""XMP: inside a file or beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

import defusedxml
from defusedxml.ElementTree import fromstring

from mediaindex import marked
from mediaindex.media.dates import Stamp, parse_iso
from mediaindex.media.text import one_line
from mediaindex.types import PersonWords, Position, WordsKind

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
DC = "http://purl.org/dc/elements/1.1/"
XMP = "http://ns.adobe.com/xap/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
AUX = "http://ns.adobe.com/exif/1.0/aux/"
EXIF_EX = "http://cipa.jp/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
MICROSOFT_PERSON = "http://ns.microsoft.com/photo/1.2/t/Region#"
MWG_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"

OURS = "urn:x-mediaindex:export:1.0/"
"""Of what we export; names nothing on any network, so nobody else can come to own it."""

GOOGLE_CAMERA = "http://ns.google.com/photos/1.0/camera/"
GOOGLE_ITEM = "http://ns.google.com/photos/1.0/container/item/"
GOOGLE_CONTAINER = "http://ns.google.com/photos/1.0/container/"

MAX_BYTES = 4_000_000

DATES = ((EXIF, "DateTimeOriginal"), (PHOTOSHOP, "DateCreated"), (XMP, "CreateDate"))
"""Best first."""

WORDS: tuple[tuple[str, str, WordsKind], ...] = (
    (DC, "title", "title"),
    (DC, "description", "description"),
    (TIFF, "ImageDescription", "description"),
    (PHOTOSHOP, "Headline", "title"),
    (EXIF, "UserComment", "comment"),
    (DC, "subject", "keyword"),
    (DIGIKAM, "TagsList", "keyword"),
    (LIGHTROOM, "hierarchicalSubject", "keyword"),
    (MICROSOFT, "LastKeywordXMP", "keyword"),
    (IPTC_EXT, "PersonInImage", "person"),
)


@dataclass(frozen=True)
class XmpFacts:
    """What an XMP packet says."""

    dates: tuple[Stamp, ...] = ()
    position: Position | None = None
    rating: int | None = None
    lens: str | None = None
    make: str | None = None
    model: str | None = None
    words: tuple[PersonWords, ...] = ()
    #: How far before the end of a motion photo its clip begins.
    clip_from_end_bytes: int | None = None


def read_xmp(packet: bytes, source: str) -> XmpFacts:
    """Return what an XMP packet says; nothing for one that is broken or hostile.

    Args:
        packet: The XML, with or without the packet's wrapping; UTF-8 or with a mark of order.
        source: Where it stood, for the words: `xmp` or `sidecar`.
    """
    try:
        root = fromstring(_trimmed(packet))
    except (ParseError, defusedxml.DefusedXmlException, ValueError, LookupError):
        return XmpFacts()
    tree = _Tree(root)
    stamps = (parse_iso(text) for space, name in DATES for text in tree.texts(space, name))
    return XmpFacts(
        dates=tuple(stamp for stamp in stamps if stamp is not None),
        position=_position(tree),
        rating=_rating(tree),
        lens=tree.first((AUX, "Lens"), (EXIF_EX, "LensModel"), (EXIF, "LensModel")),
        make=tree.first((TIFF, "Make")),
        model=tree.first((TIFF, "Model")),
        words=tuple(_words(tree, source)),
        clip_from_end_bytes=_clip_from_end(root, tree),
    )


class _Tree:
    """Finds properties, be they written as elements or as attributes."""

    def __init__(self, root: Element) -> None:
        self._root = root

    def texts(self, space: str, name: str) -> list[str]:
        """Return a property's values; of one in several languages, the default one only."""
        tag = f"{{{space}}}{name}"
        found = []
        for node in self._root.iter():
            if tag in node.attrib:
                found.append(node.attrib[tag])
            elif node.tag == tag:
                found += _values(node)
        # What is ours is told by where lines begin, so before all is made one line.
        return [text for text in map(one_line, map(marked.of_person, found)) if text]

    def first(self, *properties: tuple[str, str]) -> str | None:
        """Return the first value there is of these."""
        return next((text for space, name in properties for text in self.texts(space, name)), None)


def _values(node: Element) -> list[str]:
    languages = node.find(f"{{{RDF}}}Alt")
    if languages is not None:
        items = list(languages)
        default = [item for item in items if item.get(XML_LANGUAGE) == "x-default"]
        return [item.text or "" for item in (default or items)[:1]]
    items = node.findall(f"{{{RDF}}}Bag/{{{RDF}}}li") + node.findall(f"{{{RDF}}}Seq/{{{RDF}}}li")
    return [item.text or "" for item in items] if items else [node.text or ""]


def _words(tree: _Tree, source: str) -> Iterator[PersonWords]:
    # What a model said and we exported is no person's, also where another program kept it.
    exported = {*tree.texts(OURS, "description"), *tree.texts(OURS, "tags")}
    exported |= {text.replace("/", "-") for text in exported}
    leaves = _leaves_of_ours(tree)
    for space, name, kind in WORDS:
        for text in tree.texts(space, name):
            if text in exported or (kind == "keyword" and marked.is_ours(text)):
                continue
            if (space, name) == (DC, "subject") and text in leaves:
                continue
            # digiKam writes "Places/Lisbon", Lightroom "Places|Lisbon".
            parts = (
                re.split(r"[|/]", text) if name in ("TagsList", "hierarchicalSubject") else [text]
            )
            for part in parts:
                yield PersonWords(kind, part.strip(), source)
    for space, name in ((MWG_REGIONS, "Name"), (MICROSOFT_PERSON, "PersonDisplayName")):
        for text in tree.texts(space, name):
            yield PersonWords("person", text, source)


def _leaves_of_ours(tree: _Tree) -> set[str]:
    """Return the last parts of our tags, where a program lists those as keywords by themselves.

    digiKam does, and writes the tree in Lightroom's way as well; Immich does neither. Without that
    sign, a keyword that is like a tag of ours is a person's.
    """
    paths = filter(marked.is_ours, tree.texts(LIGHTROOM, "hierarchicalSubject"))
    return {re.split(r"[|/]", path)[-1] for path in paths}


def _rating(tree: _Tree) -> int | None:
    text = tree.first((XMP, "Rating"))
    try:
        rating = round(float(text)) if text else None
    except (ValueError, OverflowError):
        return None
    return rating if rating is not None and -1 <= rating <= 5 else None


def _clip_from_end(root: Element, tree: _Tree) -> int | None:
    """Return what Google's phones say of a motion photo, in the old form or the new."""
    old = tree.first((GOOGLE_CAMERA, "MicroVideoOffset"))
    if old is not None:
        return _count(old)
    items = list(root.iter(f"{{{GOOGLE_CONTAINER}}}Item"))
    clips = [
        place for place, item in enumerate(items) if _attribute(item, "Semantic") == "MotionPhoto"
    ]
    if not clips:
        return None
    # The items lie one behind the other, each with its padding, the last at the file's end.
    behind = items[clips[0] :]
    return sum(
        _count(_attribute(item, name)) or 0 for item in behind for name in ("Length", "Padding")
    )


def _attribute(item: Element, name: str) -> str:
    tag = f"{{{GOOGLE_ITEM}}}{name}"
    return (item.get(tag) or item.findtext(tag) or "").strip()


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else None


def _position(tree: _Tree) -> Position | None:
    latitude = _degrees(tree.first((EXIF, "GPSLatitude")), 90)
    longitude = _degrees(tree.first((EXIF, "GPSLongitude")), 180)
    if latitude is None or longitude is None or (latitude, longitude) == (0.0, 0.0):
        return None
    return Position(latitude, longitude)


def _degrees(text: str | None, most: int) -> float | None:
    """Return XMP's "38,42.5N" or "38,42,30N" (degrees, minutes, seconds) as degrees."""
    found = re.fullmatch(
        r"(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])", (text or "").strip()
    )
    if found is None:
        return None
    value = float(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
    if value > most:
        return None
    return -value if found[4] in "SW" else value


def _trimmed(packet: bytes) -> bytes:
    packet = packet[:MAX_BYTES].rstrip(b"\0 \r\n\t")
    end = packet.rfind(b"</x:xmpmeta>")
    if end != -1:  # cameras leave rubbish behind it
        packet = packet[: end + len(b"</x:xmpmeta>")]
    return packet.lstrip(b"\0 \r\n\t")
