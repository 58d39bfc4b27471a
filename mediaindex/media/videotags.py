"""What cameras, phones and people wrote into a video's container, as the facts EXIF would give.

Three clocks are in use. Apple writes the wall clock with its offset. Android writes UTC, and the
wall clock into the file's name; both together tell the zone. Many cameras write the wall clock and
call it UTC.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from operator import itemgetter

from mediaindex.media.dates import MAX_OFFSET_MIN, Stamp, by_name, parse_iso, parse_offset
from mediaindex.media.exif import ExifFacts
from mediaindex.types import PersonWords, Position, VideoFacts, WordsKind

Tags = Mapping[str, str]
"""Names in lower case."""

APPLE = "com.apple.quicktime."

WALL_CLOCKS = (f"{APPLE}creationdate", "com.apple.proapps.shootdate", "date_recorded")
"""Best first: the shutter of an iPhone, of an editor, of Matroska."""

OFFSETS = ("com.samsung.android.utc_offset", "samsung.android.utc_offset")

FIRST_YEAR = 1990
"""Nobody recorded such a file before; clocks that were never set say 1904, 1970 or 1980."""

WALL_CLOCK_CAMERAS = ("caep", "canon", "gopro", "niko")
"""What cameras that call their wall clock UTC write of themselves; "caep" is a Canon's brand."""

CLAIMS = ("make", "major_brand", "compatible_brands", "handler_name", "encoder")

NAMED_IN_UTC = "pxl_"
"""Pixel phones name their files by UTC."""

SLOW_MIN = 5
"""Names and containers are written so many minutes apart at most; zones differ by quarters."""

POSITIONS = (f"{APPLE}location.iso6709", "location", "location-eng")
MAKES = (f"{APPLE}make", "com.android.manufacturer", "make", "manufacturer")
MODELS = (f"{APPLE}model", "com.android.model", "model")
LENSES = (f"{APPLE}camera.lens_model", "lens_model", "lens")

WORDS: tuple[tuple[str, WordsKind], ...] = (
    (f"{APPLE}title", "title"),
    (f"{APPLE}displayname", "title"),
    ("title", "title"),
    (f"{APPLE}description", "description"),
    ("description", "description"),
    ("synopsis", "description"),
    ("summary", "description"),
    (f"{APPLE}comment", "comment"),
    ("comment", "comment"),
    (f"{APPLE}keywords", "keyword"),
    ("keywords", "keyword"),
)

MADE_BY_PROGRAMS = re.compile(
    r"https?://\S+|lav[cf][\d.]+.*|(video|sound|core media \w+)\s*handler|vid:\S+"
    r"|(created|made|captured|recorded|edited) (with|by|using) .*",
    re.IGNORECASE,
)
"""Titles and comments that editors, apps and download pages leave."""

ISO_6709 = re.compile(
    r"([+-])(\d\d)(\d\d)?(\d\d)?(\.\d+)?([+-])(\d{3})(\d\d)?(\d\d)?(\.\d+)?([+-]\d+(?:\.\d+)?)?"
)
"""+52.5163+013.3777+034.5/, or with minutes and seconds: +523058.7+0132239.7/."""


def read_tags(video: VideoFacts, name: str) -> ExifFacts:
    """Return what a video's tags say; whatever is broken is left out.

    Args:
        video: As `probe_video` read it.
        name: The file's; phones write the wall clock there.
    """
    tags = video.tags
    dates = tuple(_dates(video, name))
    return ExifFacts(
        dates=dates,
        position=next((found for name in POSITIONS if (found := _position(tags.get(name)))), None),
        make=_first(tags, MAKES),
        model=_first(tags, MODELS),
        lens=_first(tags, LENSES),
        rating=_rating(video),
        words=tuple(_words(tags)),
    )


def _dates(video: VideoFacts, name: str) -> Iterator[Stamp]:
    """Give the dates, most believed first."""
    for tag in WALL_CLOCKS:
        stamp = parse_iso(video.tags.get(tag, ""))
        if stamp is not None and stamp.at.year >= FIRST_YEAR:
            yield stamp
    edited = parse_iso(video.tags.get("date", ""))
    if edited is not None and edited.at.tzinfo is not None:
        yield edited
    created = parse_iso(video.tags.get("creation_time", ""))
    if created is not None and created.at.year >= FIRST_YEAR:
        yield _with_zone(created.at.replace(tzinfo=UTC), video, name)
    if edited is not None and edited.at.tzinfo is None:  # often only the year of an edition
        yield edited


def _with_zone(created: datetime, video: VideoFacts, name: str) -> Stamp:
    """Return the container's time with the zone that something else in the file tells."""
    offset = next((parse_offset(video.tags[tag]) for tag in OFFSETS if tag in video.tags), None)
    if offset is not None:
        return Stamp(created.astimezone(timezone(timedelta(minutes=offset))))
    if name.lower().startswith(NAMED_IN_UTC):
        return Stamp(created)
    named = next((stamp.at for stamp in by_name(name) if stamp.has_time), None)
    if named is not None and named.tzinfo is None:
        offset = _offset(named, created, video.duration_ms or 0)
        if offset == 0:  # the name tells a wall clock, so this is one too
            return Stamp(named)
        if offset is not None:  # the name tells when it began, the container often when it ended
            return Stamp(named.replace(tzinfo=timezone(timedelta(minutes=offset))))
    said = " ".join(video.tags.get(tag, "") for tag in CLAIMS).casefold()
    is_wall_clock = any(camera in said for camera in WALL_CLOCK_CAMERAS)
    return Stamp(created.replace(tzinfo=None) if is_wall_clock else created)


def _offset(began: datetime, created: datetime, duration_ms: int) -> int | None:
    """Return minutes east of UTC between a wall clock and UTC, written as it began or ended."""
    apart = (began - created.replace(tzinfo=None)).total_seconds() / 60
    both = (apart, apart + duration_ms / 60_000)
    offset, slow = min(
        ((_quarter(one), abs(one - _quarter(one))) for one in both), key=itemgetter(1)
    )
    return offset if slow <= SLOW_MIN and abs(offset) <= MAX_OFFSET_MIN else None


def _quarter(minutes: float) -> int:
    return round(minutes / 15) * 15


def _position(text: str | None) -> Position | None:
    found = ISO_6709.match((text or "").strip())
    if found is None:
        return None
    latitude, longitude = _degrees(*found.groups()[:5]), _degrees(*found.groups()[5:10])
    # 0, 0 lies in the sea; phones write it where they know nothing.
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude, longitude) == (0.0, 0.0):
        return None
    return Position(latitude, longitude, float(found[11]) if found[11] else None)


def _degrees(
    sign: str, degrees: str, minutes: str | None, seconds: str | None, fraction: str | None
) -> float:
    # The fraction is of the smallest unit that is written.
    unit = 3600 if seconds else 60 if minutes else 1
    value = int(degrees) + int(minutes or 0) / 60 + int(seconds or 0) / 3600
    value += float(fraction or 0) / unit
    return -value if sign == "-" else value


def _rating(video: VideoFacts) -> int | None:
    """Return a person's stars; MP4's own "rating" is whether it is fit for children."""
    stars = [video.tags.get(f"{APPLE}rating.user")]
    if video.container in ("mkv", "webm"):
        stars.append(video.tags.get("rating"))
    for text in stars:
        if text and re.fullmatch(r"[0-5](\.\d+)?", text.strip()):
            return round(float(text))
    percent = video.tags.get("wm/shareduserrating", "")
    # Windows writes 1, 25, 50, 75, 99 for one to five stars.
    return min(5, round(int(percent) / 25) + 1) if re.fullmatch(r"[1-9]\d?", percent) else None


def _words(tags: Tags) -> Iterator[PersonWords]:
    for tag, kind in WORDS:
        text = _tidy(tags.get(tag, ""))
        for part in re.split("[,;]", text) if kind == "keyword" else [text]:
            if part.strip() and not MADE_BY_PROGRAMS.fullmatch(part.strip()):
                yield PersonWords(kind, part.strip(), "tags")


def _first(tags: Tags, names: tuple[str, ...]) -> str | None:
    found = (_tidy(tags.get(name, "")) for name in names)
    return next((text for text in found if any(map(str.isalnum, text))), None)


def _tidy(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
