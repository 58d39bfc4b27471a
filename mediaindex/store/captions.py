"""What models say of moments and of whole videos."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, literal_column, or_, select, update
from sqlalchemy.orm import Session

from mediaindex.store.documents import refresh_caption
from mediaindex.store.ids import THESE, each, given, these
from mediaindex.store.tables import CaptionRow, EmbeddingRow, FileRow, MomentRow, SpaceRow
from mediaindex.types import Caption, Origin, Said


def save_caption(
    session: Session,
    asset_id: int,
    moment_id: int | None,
    version: str,
    found: Caption | str,
    origin: Origin,
    now: datetime,
) -> None:
    """Store what came of asking about a moment, with its full text.

    Args:
        session: An open session; the caller commits.
        asset_id: The moment's asset.
        moment_id: None: the words sum up the whole video.
        version: The version in force; with it the moment counts as asked about.
        found: The words; or why none are worth keeping, and then those of an older version stay.
        origin: How it came about.
        now: The time.
    """
    row = session.scalar(select(CaptionRow).where(*_of(asset_id, moment_id)))
    if row is None:
        row = CaptionRow(asset_id=asset_id, moment_id=moment_id)
        session.add(row)
    row.version = version
    row.rejected = found if isinstance(found, str) else None
    if isinstance(found, Caption) or not row.description:
        _write(row, found if isinstance(found, Caption) else Caption(""), origin, now)
    session.flush()
    if isinstance(found, Caption):
        _drop_vectors(session, asset_id, moment_id)
        refresh_caption(session, asset_id, moment_id, found)


def asked_about(session: Session, asset_id: int, versions: Sequence[str]) -> set[int | None]:
    """Return the moments of an asset that were asked about in these versions; None: the whole."""
    query = select(CaptionRow.moment_id).where(
        CaptionRow.asset_id == asset_id, CaptionRow.version.in_(versions)
    )
    return set(session.scalars(query))


def captions_of_asset(session: Session, asset_id: int) -> dict[int | None, Said]:
    """Return what is said of each moment of an asset, in order of time; None: of the whole."""
    query = (
        select(CaptionRow)
        .outerjoin(MomentRow, MomentRow.id == CaptionRow.moment_id)
        .where(CaptionRow.asset_id == asset_id, CaptionRow.description != "")
        .order_by(MomentRow.at_ms)
    )
    return {row.moment_id: said(row) for row in session.scalars(query)}


def captions_of(session: Session, moment_ids: Sequence[int]) -> dict[int, Said]:
    """Return what is said of each of these moments, of those of which anything is."""
    return said_of(session, moment_ids, ())[0]


def said_of(
    session: Session, moment_ids: Collection[int], asset_ids: Collection[int]
) -> tuple[dict[int, Said], dict[int, Said]]:
    """Return what is said of each of these moments, and of these videos as a whole.

    Of those of which anything is.
    """
    asked = these(moment_ids) | these(asset_ids, "assets")
    captions: dict[int, Said] = {}
    summaries: dict[int, Said] = {}
    for row in session.connection().execute(_SAID, asked):
        if row.moment_id is None:
            summaries[row.asset_id] = said(row)
        else:
            captions[row.moment_id] = said(row)
    return captions, summaries


# With the plus SQLite finds these by their assets; by the moments they lack they are all of a kind.
_WHOLE = literal_column("+caption.moment_id").is_(None)

_SAID: Select[*tuple[Any, ...]] = select(
    CaptionRow.moment_id,
    CaptionRow.asset_id,
    CaptionRow.description,
    CaptionRow.tags,
    CaptionRow.text_in_image,
    CaptionRow.setting,
    CaptionRow.model,
    CaptionRow.digest,
    CaptionRow.prompt_version,
    CaptionRow.server,
    CaptionRow.duration_ms,
    CaptionRow.tokens,
    CaptionRow.tokens_per_s,
    CaptionRow.made_at,
).where(
    or_(
        CaptionRow.moment_id.in_(THESE),
        and_(CaptionRow.asset_id.in_(given("assets")), _WHOLE),
    ),
    CaptionRow.description != "",
)


def forget_rejected(session: Session) -> list[int]:
    """Let the moments that have no words worth keeping be asked about again; returns the assets."""
    rejected = CaptionRow.rejected.is_not(None)
    ids = list(session.scalars(select(CaptionRow.asset_id).where(rejected).distinct()))
    session.execute(delete(CaptionRow).where(rejected, CaptionRow.description == ""))
    for row in session.scalars(select(CaptionRow).where(rejected)):
        row.version = ""
    session.flush()
    return ids


def describe_again(session: Session, file_ids: Sequence[int]) -> list[int]:
    """Let all be asked about again that is said of these files; returns the assets.

    What was said is searched until there are new words.
    """
    assets = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    of_them = CaptionRow.asset_id.in_(assets)
    ids = list(session.scalars(select(CaptionRow.asset_id).where(of_them).distinct()))
    session.execute(update(CaptionRow).where(of_them).values(version=""))
    return ids


def said(row: CaptionRow | Row[Any]) -> Said:
    """Return a row, or its columns, as the values that the rest of the program knows."""
    caption = Caption(row.description, tuple(row.tags.splitlines()), row.text_in_image, row.setting)
    origin = Origin(
        row.model,
        row.digest,
        row.prompt_version,
        row.server,
        row.duration_ms,
        row.tokens,
        row.tokens_per_s,
    )
    return Said(caption, origin, row.made_at)


def _of(asset_id: int, moment_id: int | None) -> tuple[ColumnElement[bool], ...]:
    same = CaptionRow.moment_id == moment_id if moment_id else CaptionRow.moment_id.is_(None)
    return CaptionRow.asset_id == asset_id, same


def _write(row: CaptionRow, caption: Caption, origin: Origin, now: datetime) -> None:
    row.description, row.setting = caption.description, caption.setting
    row.tags = "\n".join(" ".join(tag.split()) for tag in caption.tags)
    row.text_in_image = caption.text_in_image
    row.model, row.digest = origin.model, origin.digest
    row.prompt_version, row.server = origin.prompt_version, origin.server
    row.duration_ms, row.tokens = origin.duration_ms, origin.tokens
    row.tokens_per_s, row.made_at = origin.tokens_per_s, now


def _drop_vectors(session: Session, asset_id: int, moment_id: int | None) -> None:
    """Forget the vectors of a moment's older caption; the whole's are its first moment's."""
    spaces = select(SpaceRow.id).where(SpaceRow.kind == "caption")
    moments = [moment_id]
    if moment_id is None:
        first = select(MomentRow.id).filter_by(asset_id=asset_id).order_by(MomentRow.at_ms).limit(1)
        moments = list(session.scalars(first))
    session.execute(
        delete(EmbeddingRow).where(
            EmbeddingRow.space_id.in_(spaces), EmbeddingRow.moment_id.in_(moments)
        )
    )
