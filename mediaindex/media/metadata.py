"""All that a photo or a video and the files beside it say of it, without decoding a pixel."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from PIL import Image, ImageFile, IptcImagePlugin

from mediaindex import marked
from mediaindex.errors import RetryLater, Unusable
from mediaindex.media import takeout, xmp
from mediaindex.media.animation import facts_of, lasts
from mediaindex.media.dates import DateRules, Stamp, by_mtime, by_name, taken_at
from mediaindex.media.exif import ExifFacts, is_rubbish, read_exif, read_iptc
from mediaindex.media.formats import MEDIA_SUFFIXES, sniff_open
from mediaindex.media.motion import find_clip
from mediaindex.media.photo import DECODER_ERRORS, TURNED_BY_DECODER, Limits, open_picture
from mediaindex.media.reading import open_to_read
from mediaindex.media.takeout import TakeoutFacts
from mediaindex.media.timeline import read_timeline
from mediaindex.media.video import probe_video
from mediaindex.media.videotags import read_tags
from mediaindex.media.xmp import XmpFacts
from mediaindex.types import (
    DateSource,
    Metadata,
    MotionClip,
    PersonWords,
    Position,
    VideoFacts,
)

MAX_WORDS_CHARACTERS = 10_000
"""Longer texts are no descriptions but data that a program hid there."""

MOVING = frozenset(("jpeg", "heic"))
"""Formats of motion photos."""

T = TypeVar("T")
ZoneOf = Callable[[Position], str | None]


@dataclass(frozen=True)
class Inside:
    """What the file itself says."""

    #: Of the upright picture; None where the file could not be opened.
    size_px: tuple[int, int] | None = None
    #: Of a video: what its container's tags say.
    exif: ExifFacts = field(default_factory=ExifFacts)
    xmp: XmpFacts = field(default_factory=XmpFacts)
    iptc: tuple[PersonWords, ...] = ()
    video: VideoFacts | None = None
    motion: MotionClip | None = None


@dataclass(frozen=True)
class Sidecars:
    """What stands beside a photo; of each kind the one that is meant for it most exactly first."""

    xmp: tuple[XmpFacts, ...] = ()
    takeout: tuple[TakeoutFacts, ...] = ()
    #: Those that could not be read, each with the reason.
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Papers:
    """What was read, source by source, before it is decided what holds."""

    name: str
    mtime_ns: int
    inside: Inside
    beside: Sidecars

    @property
    def position(self) -> Position | None:
        """Where it was taken, by the first source that says."""
        xmps = (facts.position for facts in (*self.beside.xmp, self.inside.xmp))
        takeouts = (facts.position for facts in self.beside.takeout)
        return _first((self.inside.exif.position, *xmps, *takeouts))


def read_papers(path: Path, sidecars: Sequence[Path]) -> Papers:
    """Read what a photo or video and its sidecars say; broken tags and sidecars are passed by.

    Args:
        path: The photo or video; opened to read only.
        sidecars: XMP and Takeout JSON files beside it; others are passed by.

    Raises:
        RetryLater: The file cannot be read now, or ffprobe is not installed.
        Unusable: It is no regular file.
    """
    mtime_ns = path.stat().st_mtime_ns
    return Papers(path.name, mtime_ns, _read_inside(path), _read_sidecars(sidecars))


def settle(papers: Papers, rules: DateRules, zone_of: ZoneOf, now: datetime) -> Metadata:
    """Decide what holds of what the sources say. Touches nothing but `zone_of`.

    Args:
        papers: What was read.
        rules: Whom to believe about dates.
        zone_of: The IANA zone of a place, or None; asked only for a picture with a position.
        now: Dates after it are not believed.
    """
    exif, inside, video = papers.inside.exif, papers.inside.xmp, papers.inside.video
    beside, google, position = papers.beside.xmp, papers.beside.takeout, papers.position
    stamps: dict[DateSource, Iterable[Stamp]] = {
        "exif": exif.dates,
        # A person's correction beside the file outranks what is inside it.
        "xmp": [stamp for facts in (*beside, inside) for stamp in facts.dates],
        "takeout": [facts.taken for facts in google if facts.taken],
        "name": by_name(papers.name),
        "mtime": by_mtime(papers.mtime_ns),
    }
    taken = taken_at(
        stamps,
        rules,
        offset_min=exif.offset_min,
        place_zone=zone_of(position) if position else None,
        now=now,
    )
    make = exif.make or inside.make
    ratings = [facts.rating for facts in (*beside, inside)]
    said = [facts.words for facts in (*beside, inside)]
    said += [papers.inside.iptc, exif.words, *(facts.words for facts in google)]
    width, height = papers.inside.size_px or (None, None)
    return Metadata(
        width_px=width,
        height_px=height,
        taken=taken,
        position=position,
        camera_make=make,
        camera_model=_without_make(exif.model or inside.model, make),
        lens=exif.lens or _first(facts.lens for facts in (inside, *beside)),
        rating=_first((*ratings, exif.rating)),
        words=_distinct(one for words in said for one in words),
        duration_ms=video.duration_ms if video else None,
        video=video,
        motion=papers.inside.motion,
    )


def _read_sidecars(paths: Sequence[Path]) -> Sidecars:
    found, google, unread = [], [], []
    for path in sorted(paths, key=_is_of_a_stem):
        suffix = path.suffix.lower()
        try:
            if suffix == ".xmp":
                with open_to_read(path) as file:
                    found.append(xmp.read_xmp(file.read(xmp.MAX_BYTES), "sidecar"))
            elif suffix == ".json":
                google.append(takeout.read_takeout(path))
        except Unusable:
            continue  # a folder, say, that is named like a sidecar
        except RetryLater as error:
            unread.append(f"{path.name} {error}")
    return Sidecars(tuple(found), tuple(google), tuple(unread))


def _is_of_a_stem(sidecar: Path) -> bool:
    """Return True for "a.xmp", which is of all files of that stem; "a.jpg.xmp" is of one."""
    return Path(sidecar.stem).suffix.lower() not in MEDIA_SUFFIXES


def _read_inside(path: Path) -> Inside:
    with open_to_read(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sniff_open(file)
        if found is not None and found.kind == "photo":
            return _with_animation(file, found.name, _read_picture(file, found.name))
    return _read_video(path) if found is not None else Inside()


def _read_picture(file: BinaryIO, name: str) -> Inside:
    try:
        # Most camera RAW is a TIFF as far as its tags go.
        with open_picture(file, "tiff" if name == "raw" else name, Limits()) as picture:
            exif = read_exif(picture.getexif())
            inside = _inner_xmp(picture)
            iptc = _iptc(picture)
            width, height = picture.size
            motion = find_clip(file, inside.clip_from_end_bytes) if name in MOVING else None
    except DECODER_ERRORS:
        return Inside()
    if name == "raw":  # a TIFF's first picture is the camera's thumbnail
        return Inside(None, exif, inside, iptc)
    if exif.orientation >= 5 and name not in TURNED_BY_DECODER:
        width, height = height, width
    return Inside((width, height), exif, inside, iptc, motion=motion)


def _with_animation(file: BinaryIO, name: str, inside: Inside) -> Inside:
    timeline = read_timeline(file, name)
    if inside.size_px is None or not lasts(timeline):
        return inside
    return replace(inside, video=facts_of(name, timeline, inside.size_px))


def _read_video(path: Path) -> Inside:
    try:
        video = probe_video(path)
    except Unusable:  # its name and what lies beside it may still tell something
        return Inside()
    packet = video.tags.get("xmp", "").encode()
    video = replace(video, tags={tag: text for tag, text in video.tags.items() if tag != "xmp"})
    inside = xmp.read_xmp(packet, "xmp") if packet else XmpFacts()
    size = (video.width_px, video.height_px)
    return Inside(size, read_tags(video, path.name), inside, video=video)


def _inner_xmp(picture: Image.Image) -> XmpFacts:
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if packet is None:
        tags = getattr(picture, "tag_v2", {})
        packet = tags.get(700)
    if isinstance(packet, tuple):
        packet = bytes(packet)
    if isinstance(packet, str):
        packet = packet.encode()
    return xmp.read_xmp(packet, "xmp") if isinstance(packet, bytes) else XmpFacts()


def _iptc(picture: ImageFile.ImageFile) -> tuple[PersonWords, ...]:
    try:
        return read_iptc(IptcImagePlugin.getiptcinfo(picture))
    except DECODER_ERRORS:
        return ()


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _without_make(model: str | None, make: str | None) -> str | None:
    """Return "EOS 40D" for "Canon EOS 40D" by Canon."""
    if model and make and model.casefold().startswith(make.split()[0].casefold() + " "):
        return model[len(make.split()[0]) :].strip()
    return model


def _distinct(words: Iterable[PersonWords]) -> tuple[PersonWords, ...]:
    """Return a person's words that say something, each text once, in the order given.

    What we wrote into Immich comes back in its sidecars, and wherever a program puts them.
    """
    found: dict[str, PersonWords] = {}
    for one in words:
        text = marked.of_person(one.text).strip()
        if one.kind == "keyword" and marked.is_ours(text):
            continue
        if text and len(text) <= MAX_WORDS_CHARACTERS and not is_rubbish(text):
            key = text.casefold()
            # A person's name is often among the keywords too; that it is a person says more.
            if key not in found or (one.kind == "person" and found[key].kind == "keyword"):
                found[key] = PersonWords(one.kind, text, one.source)
    return tuple(found.values())
