"""What could not be read and may be now, by other bytes than those that were read."""

from sqlalchemy import and_, bindparam, delete, or_, select
from sqlalchemy.orm import Session

from mediaindex.store.tables import FileRow, FolderRow, JobRow

READING = ("probe", "decode", "frames")
"""The stages that read an asset's files. Where one was written anew just before, what it gave up
was not this asset."""


def resume(session: Session, library_id: int) -> None:
    """Make due at once what was put off of a library's files: it is back, and they can be read.

    What went wrong by itself waits on: attempts were counted.
    """
    files = select(FileRow.id).join(FolderRow).where(FolderRow.library_id == library_id)
    assets = select(FileRow.asset_id).join(FolderRow).where(FolderRow.library_id == library_id)
    session.execute(
        delete(JobRow).where(
            JobRow.state == "waiting",
            JobRow.attempts == 0,
            or_(JobRow.file_id.in_(files), JobRow.asset_id.in_(assets)),
        )
    )


def resume_asset(session: Session, asset_id: int) -> None:
    """Make due at once what could not be read of an asset: there is another file of it."""
    session.connection().execute(_RESUME_ASSET, {"of_asset": asset_id})


_GIVEN_UP = and_(JobRow.state == "failed", JobRow.stage.in_(READING))

_RESUME_ASSET = delete(JobRow).where(
    JobRow.asset_id == bindparam("of_asset"),
    or_(and_(JobRow.state == "waiting", JobRow.attempts == 0), _GIVEN_UP),
)


def doubt(session: Session, file_id: int) -> None:
    """Make due what was given up of a file's asset: the file has changed, maybe before that."""
    asset = select(FileRow.asset_id).where(FileRow.id == file_id).scalar_subquery()
    session.execute(delete(JobRow).where(JobRow.asset_id == asset, _GIVEN_UP))
