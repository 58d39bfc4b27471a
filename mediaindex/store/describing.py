"""How describing goes: how many moments have words, which have none and why, and how fast it is."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from mediaindex.store.columns import shown
from mediaindex.store.files import paths_of_asset
from mediaindex.store.tables import AssetRow, CaptionRow, JobRow, MomentRow
from mediaindex.store.withheld import told

RECENT = 1000
"""So many captions tell how fast each server is."""


@dataclass(frozen=True)
class Standing:
    """Of the moments that can be described, which are; each counts once, and the parts add up.

    Those of missing files and of the videos of live photos do not count, nor do those of files that
    cannot be decoded any more, or that no model is to be told of.
    """

    total: int
    #: With words of the version in force.
    described: int
    #: Asked about in the version in force, and nothing worth keeping was said.
    rejected: int
    #: With words of an older version, and not asked about in the one in force.
    older: int
    #: Why answers were rejected, and how often, most often first.
    reasons: tuple[tuple[str, int], ...]

    @property
    def lacking(self) -> int:
        """How many were not asked about in the version in force."""
        return self.total - self.described - self.rejected


@dataclass(frozen=True)
class Rejection:
    """A moment of which nothing worth keeping was said."""

    path: str
    #: None: it is a photo.
    at_ms: int | None
    #: A reason of the guard's, and what told: `refusal: I cannot ...`.
    reason: str


@dataclass(frozen=True)
class Timing:
    """How long one caption took, and on which server."""

    server: str
    duration_ms: int
    tokens_per_s: float | None


def standing(session: Session, version: str) -> Standing:
    """Return how far describing is in this version."""
    # One look at all captions: their rows are wide, and grouping them takes three times as long.
    is_current, is_rejected = CaptionRow.version == version, CaptionRow.rejected.is_not(None)
    # What told stands behind a colon.
    reason = func.substr(CaptionRow.rejected, 1, func.instr(CaptionRow.rejected + ":", ":") - 1)
    states = select(
        func.count().filter(is_current, ~is_rejected),
        func.count().filter(~is_current, CaptionRow.description != ""),
        func.group_concat(reason, "\n").filter(is_current, is_rejected),
    ).where(CaptionRow.moment_id.is_not(None), CaptionRow.asset_id.not_in(_beside()))
    described, older, said = session.execute(states).one()
    reasons = Counter((said or "").splitlines())
    total = select(func.count(MomentRow.id)).where(MomentRow.asset_id.not_in(_beside()))
    return Standing(
        total=session.scalar(total) or 0,
        described=described,
        rejected=reasons.total(),
        older=older,
        reasons=tuple(reasons.most_common()),
    )


def rejections(session: Session, version: str, limit: int) -> list[Rejection]:
    """Return up to `limit` moments of which nothing worth keeping was said, the last ones first."""
    query = (
        select(CaptionRow.asset_id, AssetRow.kind, MomentRow.at_ms, CaptionRow.rejected)
        .join(AssetRow, AssetRow.id == CaptionRow.asset_id)
        .join(MomentRow, MomentRow.id == CaptionRow.moment_id)
        .where(
            CaptionRow.version == version,
            CaptionRow.rejected.is_not(None),
            CaptionRow.asset_id.not_in(_beside()),
        )
        .order_by(CaptionRow.id.desc())
        .limit(limit)
    )
    return [
        Rejection(_path(session, asset_id), at_ms if kind == "video" else None, reason or "")
        for asset_id, kind, at_ms, reason in session.execute(query)
    ]


def timings(session: Session, models: Collection[str]) -> list[Timing]:
    """Return how long the last captions of these models took, newest first."""
    last = (
        select(
            CaptionRow.model,
            CaptionRow.server,
            CaptionRow.duration_ms,
            CaptionRow.tokens_per_s,
        )
        .order_by(CaptionRow.made_at.desc())
        .limit(RECENT)
    )
    return [
        Timing(server, duration_ms, tokens_per_s)
        for said_by, server, duration_ms, tokens_per_s in session.execute(last)
        if said_by in models
    ]


def _beside() -> Select[int]:
    """Return the query for the assets whose moments nobody describes.

    They are gone, or part of a live photo, or can be decoded no longer, or no model is to be told
    of them. All others that have
    moments have previews, or get them back.
    """
    failed = select(JobRow.asset_id).where(
        JobRow.stage.in_(("decode", "frames")),
        JobRow.state == "failed",
        JobRow.asset_id.is_not(None),
    )
    return select(AssetRow.id).where(
        or_(
            AssetRow.missing_since.is_not(None),
            AssetRow.companion_of_id.is_not(None),
            ~told(),
            AssetRow.id.in_(failed),
        )
    )


def _path(session: Session, asset_id: int) -> str:
    paths = paths_of_asset(session, asset_id)
    return shown(str(paths[0])) if paths else f"asset {asset_id}"
