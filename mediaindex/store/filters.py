"""Which assets a question is about, as SQL conditions; they act inside every retrieval."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from mediaindex.store.columns import folded
from mediaindex.store.named import Meant, has_meant, has_name
from mediaindex.store.tables import (
    FULLTEXT,
    AssetRow,
    DocumentRow,
    FileRow,
    FolderRow,
    LibraryRow,
    MomentRow,
)
from mediaindex.store.withheld import passes

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Conditions = list[ColumnElement[bool]]

KM_A_DEGREE = 111.195
"""Kilometres in one degree of latitude, on a sphere of 6,371 km."""


@dataclass(frozen=True)
class Circle:
    """Everything within `radius_km` of a point; degrees, WGS 84."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True)
class Dates:
    """From `start` to just before `end`, on the wall clock where the picture was taken.

    Either may be None: open on that side.
    """

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Filter:
    """What a hit must be. Fields that are empty ask for nothing; all that are set must hold.

    Of several values in one field, one is enough. Of several `dates`, all must hold (`after:` and
    `before:` are two), and so must all of several people, albums or tags: who names two people
    wants both in the picture.
    """

    #: `photo`, `video`.
    kinds: tuple[str, ...] = ()
    dates: tuple[Dates, ...] = ()
    #: Calendar months, 1 to 12, of any year ("in July").
    months: tuple[int, ...] = ()
    #: Folder names or paths below a library, case-insensitive; `*` stands for anything.
    folders: tuple[str, ...] = ()
    #: Parts of the camera's make, model or lens, case-insensitive.
    cameras: tuple[str, ...] = ()
    #: Names of libraries, case-insensitive.
    libraries: tuple[str, ...] = ()
    near: tuple[Circle, ...] = ()
    #: GeoNames ids of places.
    places: tuple[int, ...] = ()
    #: At least this many stars.
    rating: int | None = None
    #: Names of people, albums and tags, whole or whole words of them; see `named.says`.
    people: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: The same, looked up: each of these has to be there; see `names.looked_up`.
    meant: tuple[Meant, ...] = ()
    #: Only what somebody marked as a favourite.
    is_favourite: bool = False
    #: Only what is withheld for one of these reasons; see `withheld.passes`. Nothing else shows it.
    withheld: tuple[str, ...] = ()
    #: Expressions of full text (see `fulltext`) that must match something written of the asset.
    said: tuple[str, ...] = ()
    #: Expressions that must match what is written of the very moment, or of its asset as a whole.
    said_here: tuple[str, ...] = ()
    #: Expressions that must match nothing written of the moment or of its asset as a whole.
    unsaid: tuple[str, ...] = ()
    #: All but these assets.
    besides: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if every asset passes."""
        return self == Filter()


def conditions(wanted: Filter, *, listing: bool = False, missing: bool = False) -> Conditions:
    """Return what must hold of `AssetRow`, visibility included, for a query to add to its WHERE.

    What must hold of single moments of a video is more than this; see `spoken`.

    Args:
        wanted: The filter.
        listing: All that pass are asked for, and not which of a few do.
        missing: Files that are gone count as well; only together with `listing`.
    """
    has_file = partial(_is_of_a_file, missing=missing) if listing else _has_file
    return [
        _known(wanted.withheld) if missing else visible(wanted.withheld),
        *_any_of(wanted.kinds, lambda kind: AssetRow.kind == kind),
        *(_taken(dates) for dates in wanted.dates),
        *_any_of(wanted.months, _in_month),
        *_any_of(wanted.folders, lambda name: has_file(in_folder(name))),
        *_any_of(wanted.cameras, _camera),
        *_any_of(wanted.libraries, lambda name: has_file(_of_library(name))),
        *_any_of(wanted.near, _within),
        *([AssetRow.place_id.in_(wanted.places)] if wanted.places else []),
        *([AssetRow.rating >= wanted.rating] if wanted.rating is not None else []),
        *(has_name(operator, name) for operator, name in names_in(wanted)),
        *(has_meant(meant, listing=listing) for meant in wanted.meant),
        *([AssetRow.id.in_(_FAVOURITES)] if wanted.is_favourite else []),
        *(AssetRow.id.in_(assets_saying(words)) for words in (*wanted.said, *wanted.said_here)),
        *(AssetRow.id.not_in(assets_saying(words, whole=True)) for words in wanted.unsaid),
        *([AssetRow.id.not_in(wanted.besides)] if wanted.besides else []),
    ]


def spoken(wanted: Filter) -> Conditions:
    """Return what must hold of `MomentRow` besides `conditions`: what is said of it, and is not.

    What is said of an asset as a whole holds for each of its moments.
    """
    here = (
        or_(
            MomentRow.id.in_(_moments_saying(words)),
            AssetRow.id.in_(assets_saying(words, whole=True)),
        )
        for words in wanted.said_here
    )
    return [*here, *(MomentRow.id.not_in(_moments_saying(words)) for words in wanted.unsaid)]


def assets_saying(expression: str, *, whole: bool = False) -> Select[int]:
    """Return the query for the ids of all assets of which something written matches.

    Args:
        expression: In FTS5's own language.
        whole: Only what holds for the whole asset, and not for single moments of a video.
    """
    query = _saying(select(DocumentRow.asset_id), expression)
    if not whole:
        return query
    photos = select(AssetRow.id).where(
        AssetRow.id == DocumentRow.asset_id, AssetRow.kind == "photo"
    )
    return query.where(or_(DocumentRow.moment_id.is_(None), exists(photos)))


def _moments_saying(expression: str) -> Select[int | None]:
    query = _saying(select(DocumentRow.moment_id), expression)
    return query.where(DocumentRow.moment_id.is_not(None))


def _saying(query: Select[*Ts], expression: str) -> Select[*Ts]:
    return (
        query.select_from(FULLTEXT)
        .join(DocumentRow, DocumentRow.id == FULLTEXT.c.rowid)
        .where(matches(expression))
    )


def matches(expression: str) -> ColumnElement[bool]:
    """Return the condition that a row of the full text matches an expression of FTS5."""
    return _WHOLE.bool_op("MATCH")(expression)


_WHOLE: ColumnElement[str] = literal_column("fulltext")

MATCHES: ColumnElement[bool] = _WHOLE.bool_op("MATCH")(bindparam("expression"))
"""As `matches`, of the expression given when it is run."""


def in_folder(name: str) -> ColumnElement[bool]:
    """Return the condition that a `FolderRow` is, or lies in, one that `in:name` means."""
    # Between slashes on both sides, so that "in:lisbon" is a whole name and not a part of one.
    path = "/" + func.folded(FolderRow.path, type_=String) + "/"
    return path.like(f"%/{_pattern(folded(name.strip('/')))}/%", escape="\\")


def in_library(name: str) -> ColumnElement[bool]:
    """Return the condition that a `LibraryRow` is one that `library:name` means."""
    return func.folded(LibraryRow.name, type_=String).like(_pattern(folded(name)), escape="\\")


def lies_within(wanted: Filter) -> ColumnElement[bool]:
    """Return the condition that a `FolderRow` is one that the filter asks for."""
    return and_(
        true(), *_any_of(wanted.folders, in_folder), *_any_of(wanted.libraries, _of_library)
    )


def names_in(wanted: Filter) -> list[tuple[str, str]]:
    """Return the people, albums and tags that a filter asks for: operators and names."""
    asked = {"person": wanted.people, "album": wanted.albums, "tag": wanted.tags}
    return [(operator, name) for operator, names in asked.items() for name in names]


def visible(asked: Collection[str] = ()) -> ColumnElement[bool]:
    """Return the condition that an asset may be shown: it is there, or its library is offline.

    Args:
        asked: Those that are withheld for these reasons, and no others; see `withheld.passes`.
    """
    return and_(AssetRow.missing_since.is_(None), _known(asked))


# By the index of favourites, which are few.
_FAVOURITE = aliased(AssetRow)
_FAVOURITES = select(_FAVOURITE.id).where(_FAVOURITE.is_favourite.is_(true()))


def _known(asked: Collection[str]) -> ColumnElement[bool]:
    return and_(AssetRow.companion_of_id.is_(None), passes(asked))


def _any_of(values: Iterable[T], condition: Callable[[T], ColumnElement[bool]]) -> Conditions:
    found = [condition(value) for value in values]
    return [or_(*found)] if found else []


def _taken(dates: Dates) -> ColumnElement[bool]:
    bounds = []
    if dates.start is not None:
        bounds.append(AssetRow.taken_local >= dates.start)
    if dates.end is not None:
        bounds.append(AssetRow.taken_local < dates.end)
    return and_(AssetRow.taken_local.is_not(None), *bounds)


def _in_month(month: int) -> ColumnElement[bool]:
    return func.strftime("%m", AssetRow.taken_local) == f"{month:02}"


def _of_library(name: str) -> ColumnElement[bool]:
    return FolderRow.library_id.in_(select(LibraryRow.id).where(in_library(name)))


def _has_file(folder: ColumnElement[bool]) -> ColumnElement[bool]:
    # The folders first: there are far fewer of them than files.
    folders = select(FolderRow.id).where(folder).scalar_subquery()
    return exists().where(
        FileRow.asset_id == AssetRow.id,
        FileRow.missing_since.is_(None),
        FileRow.folder_id.in_(folders),
    )


def _is_of_a_file(folder: ColumnElement[bool], *, missing: bool) -> ColumnElement[bool]:
    folders = select(FolderRow.id).where(folder).scalar_subquery()
    known = select(FileRow.asset_id).where(
        FileRow.asset_id.is_not(None), FileRow.folder_id.in_(folders)
    )
    return AssetRow.id.in_(known if missing else known.where(FileRow.missing_since.is_(None)))


def _camera(name: str) -> ColumnElement[bool]:
    # One comparison for all three: where many assets have to be looked at, four take four times as
    # long.
    columns = (AssetRow.camera_make, AssetRow.camera_model, AssetRow.lens)
    make, model, lens = (func.coalesce(column, "") for column in columns)
    whole = make + " " + model + " " + lens
    return whole.like(f"%{_pattern(name)}%", escape="\\")


def _within(circle: Circle) -> ColumnElement[bool]:
    """Return the condition "inside the circle", on a flat map around its centre.

    Off by less than 1 % for circles up to some hundred kilometres outside the polar regions, and
    plain arithmetic, which every SQLite has.
    """
    shrink = max(math.cos(math.radians(circle.latitude)), 1e-6)
    north = AssetRow.latitude - circle.latitude
    # The way round the other side may be shorter; a place is at most 180 degrees away.
    straight = func.abs(AssetRow.longitude - circle.longitude)
    east = func.min(straight, 360 - straight) * shrink
    radius = circle.radius_km / KM_A_DEGREE
    box = AssetRow.latitude.between(circle.latitude - radius, circle.latitude + radius)
    return and_(box, north * north + east * east <= radius * radius)


def _pattern(name: str) -> str:
    for special in ("\\", "%", "_"):
        name = name.replace(special, "\\" + special)
    return name.replace("*", "%")
