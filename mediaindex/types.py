"""The nouns of the field, as plain frozen values that every floor may pass around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

# They stand apart because numpy takes a tenth of a second to load.
from mediaindex.shown import Caption as Caption
from mediaindex.shown import Origin as Origin
from mediaindex.shown import Said as Said
from mediaindex.shown import Shown as Shown

MediaKind = Literal["photo", "video"]

RGB = npt.NDArray[np.uint8]
"""One decoded picture, (height, width, 3), sRGB, upright (EXIF rotation already applied)."""

Vectors = npt.NDArray[np.float32]
"""Embeddings, (n, dim), each row of unit length, so a dot product is a cosine similarity."""

Keys = npt.NDArray[np.int64]
"""Ids of embedding rows, (n,). A key is never given twice, also not after a delete."""


FACETS = np.dtype(
    [
        ("taken_local", "<M8[us]"),
        ("latitude", "<f8"),
        ("longitude", "<f8"),
        ("place_id", "<i4"),
        ("rating", "i1"),
        ("month", "u1"),
        ("kind", "u1"),
        ("is_visible", "?"),
    ]
)
"""What filters compare of one asset, 32 bytes. Absent: NaT, NaN, place 0, rating -128, month 0; all
zero for an asset that is not there. A `kind` is its place in `KINDS`."""

KINDS = ("", "photo", "video")

NO_RATING = -128

FacetRecords = npt.NDArray[np.void]
"""Records of `FACETS`, (n,)."""


@dataclass(frozen=True)
class Frame:
    """One picture taken from an asset: the whole photo, or one moment of a video."""

    pixels: RGB
    #: Milliseconds from the start of the video; 0 for a photo.
    at_ms: int = 0


SpaceKind = Literal["picture", "text", "caption"]


@dataclass(frozen=True)
class Space:
    """One set of vectors that may be compared: of one model, made from pictures or from words."""

    id: int
    #: Names architecture *and* weights (`ViT-B-32/laion2b_s34b_b79k`).
    model_id: str
    kind: SpaceKind
    dim: int


@dataclass(frozen=True)
class Near:
    """What an index found, best first: `keys` int64 (n,), `scores` float32 (n,), cosines."""

    keys: Keys
    scores: npt.NDArray[np.float32]


DateSource = Literal["exif", "xmp", "takeout", "name", "mtime"]


@dataclass(frozen=True)
class TakenAt:
    """When the shutter opened."""

    #: Aware, UTC.
    utc: datetime
    #: Minutes east of UTC on the wall clock where it was taken; None where only assumed.
    offset_min: int | None
    #: Naive: what the wall clock said there. Date filters compare this.
    local: datetime
    source: DateSource


@dataclass(frozen=True)
class Position:
    """A place on earth, WGS 84, degrees."""

    latitude: float
    longitude: float
    altitude_m: float | None = None


WordsKind = Literal[
    "title", "description", "keyword", "person", "comment", "album", "place", "seen"
]
"""`place` and `seen` (what can be read in it) only as Immich tells them."""

IMMICH = "immich"
"""The source of what Immich says, which no file's reading takes back."""


@dataclass(frozen=True)
class PersonWords:
    """Something a person wrote about a picture. It outranks whatever a machine says."""

    kind: WordsKind
    text: str
    #: Where it stood: `exif`, `iptc`, `xmp` (inside the file), `sidecar`, `takeout`,
    #: `immich`.
    source: str


@dataclass(frozen=True)
class VideoColour:
    """How a video's numbers mean colours; names as ffmpeg has them, None where nothing says."""

    primaries: str | None = None
    transfer: str | None = None
    matrix: str | None = None
    is_full_range: bool = False
    #: The profile of a Dolby Vision stream; 5 has no picture that an ordinary player shows rightly.
    dolby_vision_profile: int | None = None

    @property
    def is_hdr(self) -> bool:
        """Whether it is brighter than a plain screen: PQ, HLG, or Dolby Vision on its own."""
        bright = ("smpte2084", "arib-std-b67")
        return self.transfer in bright or self.dolby_vision_profile == 5


@dataclass(frozen=True)
class VideoFacts:
    """What a video's container says of the pictures in it."""

    #: As the program that sniffs names it: `mp4`, `mov`, `mkv`, ...
    container: str
    #: Number of the stream to look at, as `-map 0:N` takes it; covers and thumbnails are others.
    stream: int
    video_codec: str
    #: Of the upright picture with square pixels.
    width_px: int
    height_px: int
    #: Quarter turns, clockwise, that a player makes to show it upright: 0, 90, 180 or 270.
    rotation_deg: int
    #: None where nothing in the file tells.
    duration_ms: int | None
    #: What the file calls its first moment; players and `at_ms` count from there.
    start_ms: int = 0
    #: How long after it the picture begins; the sound may be earlier.
    picture_after_ms: int = 0
    #: The average; None where it is not known.
    frames_per_s: float | None = None
    #: Whether some frames stand longer than others.
    has_variable_rate: bool = False
    #: None where the container does not count them.
    frame_count: int | None = None
    is_interlaced: bool = False
    colour: VideoColour = VideoColour()
    #: None: it is silent.
    audio_codec: str | None = None
    #: Names in lower case; the file's own, then those of the stream.
    tags: Mapping[str, str] = field(default_factory=dict)
    #: Why not all of it can be read; None for a file that is whole.
    partial: str | None = None


@dataclass(frozen=True)
class MotionClip:
    """The video inside a motion photo: where its bytes lie in the photo's file."""

    offset_bytes: int
    length_bytes: int


@dataclass(frozen=True)
class Metadata:
    """What a file and its sidecars say about a picture. Everything absent is None or empty."""

    #: Pixels of the upright picture.
    width_px: int | None = None
    height_px: int | None = None
    taken: TakenAt | None = None
    position: Position | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    #: 0 to 5; -1 is "rejected", as XMP has it.
    rating: int | None = None
    words: Sequence[PersonWords] = ()
    duration_ms: int | None = None
    #: Of a video only.
    video: VideoFacts | None = None
    #: Of a motion photo only: the clip that it carries.
    motion: MotionClip | None = None


@dataclass(frozen=True)
class Place:
    """A populated place of the gazetteer."""

    #: GeoNames id.
    id: int
    name: str
    #: First-level division ("Bavaria"), or None where the gazetteer has no name for it.
    region: str | None
    country: str
    #: ISO 3166-1 alpha-2.
    country_code: str
    latitude: float
    longitude: float
    population: int
    #: IANA name ("Europe/Lisbon").
    time_zone: str
    #: Other names and spellings, in any script.
    other_names: Sequence[str] = ()
