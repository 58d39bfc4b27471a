"""What was put off because it could not be read."""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from mediaindex.store.tables import FileRow, FolderRow, JobRow


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
