"""Which files of a folder belong to which: sidecars, and the videos of live photos.

Decides from names alone; knows no disk. Names are compared without regard to case.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mediaindex.types import MediaKind

PHOTO_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .jp2 .j2k .jpf .jpx .jpc "
    ".heic .heif .hif .avif .avifs .jxl .mpo .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .raf "
    ".orf .rw2 .pef .srw .x3f .mrw .3fr .iiq".split(" ")
)
VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mp .mkv .webm .avi .mts .m2ts .ts .mpg .mpeg .wmv .3gp .flv .ogv .vob".split(
        " "
    )
)

LIVE_PHOTOS = frozenset(".heic .heif .jpg .jpeg".split(" "))
LIVE_VIDEOS = frozenset(".mov .mp4 .mp".split(" "))
"""A short video beside a photo of the same name is what it shows when pressed."""

TAKEOUT = "supplemental-metadata"
"""What Google puts between a name and `.json` since 2024; cut off where a name gets long."""

TAKEOUT_NAME_CHARACTERS = 46
"""Google cuts what stands before `.json` to so many characters."""

TAKEOUT_OF_NOTHING = frozenset(
    "metadata metadaten metadatos metadati metagegevens métadonnées metadane metadados "
    "print-subscriptions shared_album_comments user-generated-memory-titles".split(" ")
)
"""What Takeout writes of albums and accounts."""

EDITED = tuple(
    f"-{word}"
    for word in (
        "edited,effects,smile,mix,bearbeitet,modifié,editado,editada,ha editado,editat,modificato,"
        "bewerkt,redigeret,redigert,redigerad,muokattu,edytowane,upraveno,düzenlendi,измененный,"
        "編集済み,已修改,수정됨"
    ).split(",")
)
"""What Takeout puts behind the stem of an edited copy, which has no JSON of its own."""

NUMBERED = re.compile(r"\(\d+\)$")


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
    whole, stems = defaultdict(list), defaultdict(list)
    for name in media:
        whole[_folded(name)].append(name)
        stems[_split(_folded(name))[0]].append(name)
    finder = _Finder(whole, stems)
    sidecars = {}
    for name in names:
        if _kind(name) is None and (owners := finder.owners(name)) is not None:
            sidecars[name] = tuple(sorted(set(owners)))
    return Pairs(sidecars, dict(_companions(whole, stems)))


class _Finder:
    """Looks owners up by their folded names."""

    def __init__(self, whole: dict[str, list[str]], stems: dict[str, list[str]]) -> None:
        self._whole = whole
        self._stems = stems
        self._by_cut: dict[str, list[str]] = defaultdict(list)
        for folded, names in whole.items():
            if len(folded) > TAKEOUT_NAME_CHARACTERS and not _split(folded)[0].endswith(EDITED):
                self._by_cut[folded[:TAKEOUT_NAME_CHARACTERS]] += names

    def owners(self, name: str) -> list[str] | None:
        """Return what a sidecar belongs to; None if the name is not a sidecar's."""
        stem, suffix = _split(_folded(name))
        if suffix in (".xmp", ".aae", ".thm"):
            return self._of_stem(stem)
        return self._of_takeout(stem) if suffix == ".json" else None

    def _of_stem(self, stem: str) -> list[str]:
        # "a.jpg.xmp" is of the one file, "a.xmp" of every file with that stem (RAW and JPEG).
        return self._whole.get(stem) or self._stems.get(stem, [])

    def _of_takeout(self, stem: str) -> list[str] | None:
        bare, number = _numbered(stem)
        if bare in TAKEOUT_OF_NOTHING:
            return []
        inside = _without_takeout(bare)
        inner, suffix = _split(inside) if _kind(inside) is not None else (inside, "")
        # "a.jpg(1).json" is of "a(1).jpg".
        exact = f"{inner}{number}{suffix}"
        owners = self._whole.get(exact) or self._cut_off(inside, number) or self._of_stem(exact)
        copies = [copy for owner in owners or [exact] for copy in self._edited(_folded(owner))]
        known = owners or copies or suffix or bare.endswith(TAKEOUT)
        return [*owners, *copies] if known else None

    def _cut_off(self, inside: str, number: str) -> list[str]:
        """Return the file whose name was too long; none where it might be one of several."""
        longer = self._by_cut.get(inside, [])
        found = [name for name in longer if _numbered(_split(name)[0])[1] == number]
        return found if len(found) == 1 else []

    def _edited(self, owner: str) -> Iterator[str]:
        stem, number = _numbered(_split(owner)[0])
        for mark in EDITED:
            yield from self._stems.get(f"{stem}{mark}{number}", [])
            if number:
                yield from self._stems.get(f"{stem}{number}{mark}", [])


def _companions(
    whole: dict[str, list[str]], stems: dict[str, list[str]]
) -> Iterator[tuple[str, str]]:
    for stem, names in stems.items():
        photos = sorted(name for name in names if _suffix(name) in LIVE_PHOTOS)
        videos = [name for name in names if _suffix(name) in LIVE_VIDEOS]
        # Google Takeout takes "a.MP" out of "a.MP.jpg".
        videos += [name for name in whole.get(stem, []) if _suffix(name) in LIVE_VIDEOS]
        # Two photos of one stem (HEIC and an edited JPEG): the original is the one that moves.
        heic = [name for name in photos if _suffix(name) in (".heic", ".heif")]
        if photos and len(videos) == 1:
            yield videos[0], (heic or photos)[0]


def _without_takeout(stem: str) -> str:
    """Return a file's name from a JSON's, less `.supplemental-metadata` or what is left of it."""
    inside, dot, last = stem.rpartition(".")
    if dot and TAKEOUT.startswith(last) and (not last or _kind(inside) is not None):
        return inside
    return stem


def _kind(name: str) -> MediaKind | None:
    suffix = _suffix(name)
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    return "video" if suffix in VIDEO_SUFFIXES else None


def _suffix(name: str) -> str:
    # Pixel phones number edited copies behind the suffix: "a.MP~2".
    return _split(name)[1].lower().partition("~")[0]


def _numbered(stem: str) -> tuple[str, str]:
    """Return "a" and "(1)" for "a(1)"."""
    number = NUMBERED.search(stem)
    return (stem[: number.start()], number.group()) if number else (stem, "")


def _split(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem, f".{suffix}") if dot and stem else (name, "")


def _folded(name: str) -> str:
    # A Mac writes "é" as two characters.
    return unicodedata.normalize("NFC", name).lower()
