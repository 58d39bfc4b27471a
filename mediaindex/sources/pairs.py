"""Which files of a folder belong to which: sidecars, and the videos of live photos.

Decides from names alone; knows no disk.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mediaindex.types import MediaKind

PHOTO_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .bmp .heic .heif .hif .avif .jxl .jp2 .dng "
    ".cr2 .cr3 .nef .nrw .arw .raf .orf .rw2 .pef .srw .mpo".split(" ")
)
VIDEO_SUFFIXES = frozenset(
    ".mov .mp4 .m4v .mp .mkv .webm .avi .mts .m2ts .3gp .mpg .mpeg".split(" ")
)

LIVE_PHOTOS = frozenset(".heic .heif .jpg .jpeg".split(" "))
LIVE_VIDEOS = frozenset(".mov .mp4 .mp".split(" "))
"""A short video beside a photo of the same name is what it shows when pressed."""

TAKEOUT = "supplemental-metadata"
"""What Google puts between a name and `.json` since 2024; cut off where a name gets long."""

TAKEOUT_NAME_CHARACTERS = 46
"""Google cuts the name before `.json` to so many characters."""

EDITED = (
    "-edited -bearbeitet -modifié -editado -editada -modificato -bewerkt -redigeret -edytowane "
    "-編集済み -已修改 -수정됨"
).split(" ")
"""What Takeout puts behind the stem of an edited copy, which has no JSON of its own."""

NUMBERED = re.compile(r"\((\d+)\)$")


@dataclass(frozen=True)
class Pairs:
    """What belongs to what in one folder; names as given."""

    #: Owners of each sidecar; none where it belongs to nothing that is here.
    sidecars: dict[str, tuple[str, ...]]
    #: The photo of each live photo's video.
    companions: dict[str, str]


def pair_names(names: Collection[str]) -> Pairs:
    """Return which of the `names` of one folder are sidecars or companions, and whose.

    Takes time in proportion to the number of names.
    """
    media = [name for name in names if _kind(name) is not None]
    whole = {name.lower(): name for name in media}
    stems: dict[str, list[str]] = defaultdict(list)
    for name in media:
        stems[_split(name)[0].lower()].append(name)
    finder = _Finder(whole, stems)
    sidecars = {}
    for name in names:
        if _kind(name) is None and (owners := finder.owners(name)) is not None:
            sidecars[name] = tuple(sorted(set(owners)))
    return Pairs(sidecars, dict(_companions(stems)))


class _Finder:
    """Looks owners up by their names in lower case."""

    def __init__(self, whole: dict[str, str], stems: dict[str, list[str]]) -> None:
        self._whole = whole
        self._stems = stems
        self._by_cut: dict[str, list[str]] = defaultdict(list)
        for name in whole.values():
            self._by_cut[name.lower()[:TAKEOUT_NAME_CHARACTERS]].append(name)

    def owners(self, name: str) -> list[str] | None:
        """Return what a sidecar belongs to; None if the name is not a sidecar's."""
        stem, suffix = _split(name.lower())
        if suffix in (".xmp", ".aae", ".thm"):
            return self._of_stem(stem)
        if suffix == ".json":
            found = self._of_takeout(stem)
            return found if found or _is_takeout(stem) else None
        return None

    def _of_stem(self, stem: str) -> list[str]:
        # "a.jpg.xmp" is of the one file, "a.xmp" of every file with that stem (RAW and JPEG).
        if stem in self._whole:
            return [self._whole[stem]]
        return self._stems.get(stem, [])

    def _of_takeout(self, stem: str) -> list[str]:
        number = NUMBERED.search(stem)
        bare = stem[: number.start()] if number else stem
        inside = _without_takeout(bare)
        if number:  # "a.jpg(1).json" is of "a(1).jpg"
            inner, suffix = _split(inside)
            inside = f"{inner}{number.group()}{suffix}"
        exact = self._whole.get(inside)
        found = [exact] if exact else self._cut_off(inside)
        return [copy for owner in found for copy in (owner, *self._edited(owner))]

    def _cut_off(self, inside: str) -> list[str]:
        """Return the file whose name was too long: cut, with its suffix or a part of it lost."""
        if len(inside) < TAKEOUT_NAME_CHARACTERS - len(TAKEOUT) - 1:
            return []
        longer = self._by_cut.get(inside[:TAKEOUT_NAME_CHARACTERS], [])
        return longer or [
            name for name in self._stems.get(inside, []) if len(name) >= TAKEOUT_NAME_CHARACTERS
        ]

    def _edited(self, owner: str) -> Iterator[str]:
        stem, suffix = _split(owner.lower())
        for mark in EDITED:
            copy = self._whole.get(f"{stem}{mark}{suffix}")
            if copy:
                yield copy


def _companions(stems: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    for names in stems.values():
        photos = sorted(name for name in names if _suffix(name) in LIVE_PHOTOS)
        videos = [name for name in names if _suffix(name) in LIVE_VIDEOS]
        # Two photos of one stem (HEIC and an edited JPEG): the original is the one that moves.
        heic = [name for name in photos if _suffix(name) in (".heic", ".heif")]
        if photos and len(videos) == 1:
            yield videos[0], (heic or photos)[0]


def _without_takeout(stem: str) -> str:
    """Return a file's name from a JSON's, less `.supplemental-metadata` or what is left of it."""
    inside, dot, last = stem.rpartition(".")
    if dot and last and TAKEOUT.startswith(last) and _kind(inside) is not None:
        return inside
    return stem if not stem.endswith(".") else stem[:-1]


def _is_takeout(stem: str) -> bool:
    # Albums have a metadata.json of their own, which is of no file.
    bare = NUMBERED.sub("", stem)
    return bare in ("metadata", "metadaten", "métadonnées", "metadatos") or bare.endswith(TAKEOUT)


def _kind(name: str) -> MediaKind | None:
    suffix = _suffix(name)
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    return "video" if suffix in VIDEO_SUFFIXES else None


def _suffix(name: str) -> str:
    return _split(name)[1].lower()


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem, f".{suffix}") if dot and stem else (name, "")
