"""XMP sidecars, named as darktable, digiKam and Immich name them: photo.jpg.xmp.

Only a model's words stand in them. Programs put what a sidecar says in the place of what they know
(Immich replaces the description and all tags), so where a person wrote a description or keywords
these properties are left out, and ours stand only where no person writes.
"""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from mediaindex import __version__
from mediaindex.exporting import Mirror
from mediaindex.exporting.words import described, machine_alt_text, tags, written
from mediaindex.media.text import one_line
from mediaindex.media.xmp import DC, DIGIKAM, OURS, RDF, XML_LANGUAGE
from mediaindex.store.exports import Exported, ExportedMoment
from mediaindex.types import Said

META = "adobe:ns:meta/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
DYNAMIC_MEDIA = "http://ns.adobe.com/xmp/1.0/DynamicMedia/"
PREFIXES = {
    "x": META,
    "rdf": RDF,
    "dc": DC,
    "digiKam": DIGIKAM,
    "Iptc4xmpCore": IPTC_CORE,
    "xmpDM": DYNAMIC_MEDIA,
    "mediaindex": OURS,
}
for _prefix, _uri in PREFIXES.items():
    register_namespace(_prefix, _uri)

TICKS = "f1000"
"""Times in milliseconds, as xmpDM writes a rate (Adobe, XMP data types, Track and Marker)."""

# What XML 1.0 has no way to write, section 2.2.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def content(found: Exported) -> bytes | None:
    """Return a sidecar; None where no model said anything."""
    said = described(found)
    if said is None:
        return None
    meta = Element(_tag(META, "xmpmeta"), {_tag(META, "xmptk"): f"mediaindex {__version__}"})
    about = SubElement(SubElement(meta, _tag(RDF, "RDF")), _tag(RDF, "Description"))
    about.set(_tag(RDF, "about"), "")
    named = tags(found)
    if not written(found, ["description"]):
        _alternatives(about, _tag(DC, "description"), one_line(said.caption.description))
    if named and not written(found, ["keyword"]):
        _list(about, _tag(DC, "subject"), "Bag", named)
        # Immich reads tags from here; a slash would make one the child of another.
        _list(about, _tag(DIGIKAM, "TagsList"), "Seq", [tag.replace("/", "-") for tag in named])
    alt = machine_alt_text(found)
    if alt:
        _alternatives(about, _tag(IPTC_CORE, "AltTextAccessibility"), alt)
    _put(about, "version", "1")
    _put(about, "sha256", found.sha256)
    _put_said(about, said)
    if found.kind == "video":
        told = [moment for moment in found.moments if moment.said]
        _put_markers(about, told)
        _put_moments(about, told)
    indent(meta)
    packet: bytes = tostring(meta, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + packet + b"\n"


def _put_said(node: Element, said: Said) -> None:
    caption, origin = said.caption, said.origin
    _put(node, "description", caption.description)
    if caption.tags:
        _list(node, _tag(OURS, "tags"), "Bag", caption.tags)
    _put(node, "textInImage", caption.text_in_image)
    _put(node, "setting", caption.setting)
    _put(node, "model", origin.model)
    _put(node, "digest", origin.digest)
    _put(node, "promptVersion", origin.prompt_version)
    _put(node, "madeAt", said.made_at.isoformat())


def _put_markers(about: Element, told: list[ExportedMoment]) -> None:
    """Write the moments as a track of markers, for programs that cut videos."""
    if not told:
        return
    tracks = SubElement(SubElement(about, _tag(DYNAMIC_MEDIA, "Tracks")), _tag(RDF, "Bag"))
    track = _structure(tracks)
    SubElement(track, _tag(DYNAMIC_MEDIA, "trackName")).text = "mediaindex"
    SubElement(track, _tag(DYNAMIC_MEDIA, "trackType")).text = "Comment"
    SubElement(track, _tag(DYNAMIC_MEDIA, "frameRate")).text = TICKS
    markers = SubElement(SubElement(track, _tag(DYNAMIC_MEDIA, "markers")), _tag(RDF, "Seq"))
    for moment in told:
        marker = _structure(markers)
        length_ms = moment.end_ms - moment.start_ms
        SubElement(marker, _tag(DYNAMIC_MEDIA, "startTime")).text = str(moment.start_ms)
        SubElement(marker, _tag(DYNAMIC_MEDIA, "duration")).text = str(length_ms)
        said = "" if moment.said is None else moment.said.caption.description
        SubElement(marker, _tag(DYNAMIC_MEDIA, "comment")).text = one_line(said)


def _put_moments(about: Element, told: list[ExportedMoment]) -> None:
    if not told:
        return
    moments = SubElement(SubElement(about, _tag(OURS, "moments")), _tag(RDF, "Seq"))
    for moment in told:
        node = _structure(moments)
        _put(node, "startMs", str(moment.start_ms))
        _put(node, "endMs", str(moment.end_ms))
        _put(node, "atMs", str(moment.at_ms))
        if moment.said is not None:
            _put_said(node, moment.said)


def _structure(items: Element) -> Element:
    return SubElement(items, _tag(RDF, "li"), {_tag(RDF, "parseType"): "Resource"})


def _put(node: Element, name: str, text: str) -> None:
    if text:
        SubElement(node, _tag(OURS, name)).text = _allowed(text)


def _list(node: Element, tag: str, form: str, texts: Iterable[str]) -> None:
    items = SubElement(SubElement(node, tag), _tag(RDF, form))
    for text in texts:
        SubElement(items, _tag(RDF, "li")).text = _allowed(text)


def _alternatives(node: Element, tag: str, text: str) -> None:
    """Write a text of which there might be others in other languages."""
    items = SubElement(SubElement(node, tag), _tag(RDF, "Alt"))
    item = SubElement(items, _tag(RDF, "li"), {XML_LANGUAGE: "x-default"})
    item.text = _allowed(text)


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def _tag(space: str, name: str) -> str:
    return f"{{{space}}}{name}"


FORMAT = Mirror(".xmp", content)
