"""All that is known of one file, for `info`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mediaindex.store import immich
from mediaindex.store.captions import said
from mediaindex.store.files import paths_of_asset, sidecars_of_asset
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    EmbeddingRow,
    FileRow,
    JobRow,
    MomentRow,
    PlaceRow,
    ResultRow,
    SpaceRow,
    WordsRow,
)
from mediaindex.store.withheld import LOCKED, reason_of


@dataclass(frozen=True)
class Described:
    """What a model says of one moment, or why nothing it said was kept."""

    #: None: of the whole video.
    at_ms: int | None
    description: str
    tags: tuple[str, ...]
    text_in_image: str
    setting: str
    model: str
    made_at: datetime
    #: How long it took.
    duration_ms: int
    #: Why the last answer was not kept; older words may stand all the same.
    rejected: str | None


@dataclass(frozen=True)
class About:
    """What `info` tells of a file."""

    role: str
    #: None: not looked into yet.
    kind: str | None
    size_bytes: int
    missing_since: datetime | None
    #: Columns of the asset that say anything, by name; empty while the file is no asset.
    facts: dict[str, object]
    place: str | None
    #: (kind, text, source) of what people wrote.
    words: tuple[tuple[str, str, str], ...]
    #: Of the whole first, then in order of time.
    captions: tuple[Described, ...]
    #: The photo whose live video this is, where it lies.
    part_of: str | None
    #: Where the same bytes lie.
    paths: tuple[str, ...]
    sidecars: tuple[str, ...]
    #: (stage, version, when)
    done: tuple[tuple[str, str, datetime], ...]
    #: (stage, state, reason)
    unfinished: tuple[tuple[str, str, str], ...]
    moments: int
    #: Number of vectors by "model, kind".
    vectors: dict[str, int]
    #: Its page in Immich, for a browser; None: it is not there.
    immich_url: str | None = None
    #: Why it is not shown (see `store/withheld.py`); of one that is locked only the file is told.
    withheld: str | None = None


LEFT_OUT = frozenset(
    "id place_id kind size_bytes companion_of_id missing_since withheld".split(" ")
)


def about(session: Session, file: FileRow) -> About:
    """Return all that is known of a file; of one that is locked, that it is."""
    withheld = None if file.asset_id is None else reason_of(session, file.asset_id)
    if withheld == LOCKED:
        return _of_locked(file)
    asset = None if file.asset_id is None else session.get(AssetRow, file.asset_id)
    subject = JobRow.file_id == file.id
    if asset is not None:
        subject = subject | (JobRow.asset_id == asset.id)
    jobs = session.scalars(select(JobRow).where(subject))
    asset_id = 0 if asset is None else asset.id
    return About(
        role=file.role,
        withheld=withheld,
        kind=file.kind,
        size_bytes=file.size_bytes,
        missing_since=file.missing_since,
        facts={} if asset is None else _facts(asset),
        place=_place(session, asset),
        words=tuple(
            (row.kind, row.text, row.source)
            for row in session.scalars(
                select(WordsRow).filter_by(asset_id=asset_id).order_by(WordsRow.id)
            )
        ),
        captions=tuple(_captions(session, asset_id)),
        part_of=_part_of(session, asset),
        paths=tuple(str(path) for path in paths_of_asset(session, asset_id)),
        sidecars=tuple(str(path) for path in sidecars_of_asset(session, asset_id)),
        done=tuple(
            (row.stage, row.version, row.done_at)
            for row in session.scalars(select(ResultRow).filter_by(asset_id=asset_id))
        ),
        unfinished=tuple((job.stage, job.state, job.error or "") for job in jobs),
        moments=session.scalar(
            select(func.count(MomentRow.id)).where(MomentRow.asset_id == asset_id)
        )
        or 0,
        vectors=_vectors(session, asset_id),
        immich_url=immich.links(session, [asset_id]).get(asset_id),
    )


def _of_locked(file: FileRow) -> About:
    """Return what anybody sees who looks into the folder."""
    return About(
        role=file.role,
        withheld=LOCKED,
        kind=file.kind,
        size_bytes=file.size_bytes,
        missing_since=file.missing_since,
        facts={},
        place=None,
        words=(),
        captions=(),
        part_of=None,
        paths=(),
        sidecars=(),
        done=(),
        unfinished=(),
        moments=0,
        vectors={},
    )


def _facts(asset: AssetRow) -> dict[str, object]:
    values = {column.key: getattr(asset, column.key) for column in AssetRow.__table__.columns}
    return {
        name: value for name, value in values.items() if value is not None and name not in LEFT_OUT
    }


def _captions(session: Session, asset_id: int) -> Iterator[Described]:
    query = (
        select(CaptionRow, MomentRow.at_ms)
        .outerjoin(MomentRow, MomentRow.id == CaptionRow.moment_id)
        .where(CaptionRow.asset_id == asset_id)
        .order_by(MomentRow.at_ms)
    )
    for row, at_ms in session.execute(query):
        told = said(row)
        yield Described(
            at_ms=at_ms,
            **vars(told.caption),
            model=told.origin.model,
            made_at=told.made_at,
            duration_ms=told.origin.duration_ms,
            rejected=row.rejected,
        )


def _part_of(session: Session, asset: AssetRow | None) -> str | None:
    if asset is None or asset.companion_of_id is None:
        return None
    paths = paths_of_asset(session, asset.companion_of_id, missing=True)
    return str(paths[0]) if paths else None


def _place(session: Session, asset: AssetRow | None) -> str | None:
    place = (
        None if asset is None or asset.place_id is None else session.get(PlaceRow, asset.place_id)
    )
    if place is None:
        return None
    return ", ".join(part for part in (place.name, place.region, place.country) if part)


def _vectors(session: Session, asset_id: int) -> dict[str, int]:
    query = (
        select(SpaceRow.model_id, SpaceRow.kind, func.count(EmbeddingRow.id))
        .join(EmbeddingRow, EmbeddingRow.space_id == SpaceRow.id)
        .join(MomentRow, MomentRow.id == EmbeddingRow.moment_id)
        .where(MomentRow.asset_id == asset_id)
        .group_by(SpaceRow.id)
    )
    return {f"{model}, {kind}": n for model, kind, n in session.execute(query)}
