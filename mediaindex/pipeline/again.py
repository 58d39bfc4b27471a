"""What a person wants tried again."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex.store import captions, jobs
from mediaindex.store.columns import shown


def try_again(
    session: Session, stage: str | None, file_ids: Sequence[int] | None
) -> tuple[int, int]:
    """Make due again what failed or was put off; the caller commits.

    Args:
        session: An open session.
        stage: Only this stage's; None: every stage's. With `caption`, moments of which nothing
            worth keeping was said are described again too; files are, whatever was said of them.
        file_ids: Only those of these files; None: all.

    Returns:
        How many in all, and how many of them are described again though nothing went wrong.
    """
    again = _describe_again(session, file_ids) if stage == "caption" else 0
    return again + jobs.retry(session, stage=stage, file_ids=file_ids), again


def _describe_again(session: Session, file_ids: Sequence[int] | None) -> int:
    """Have these files described again, or all of which nothing worth keeping was said."""
    if file_ids is None:
        assets = captions.forget_rejected(session)
    else:
        assets = captions.describe_again(session, file_ids)
    for asset_id in assets:
        jobs.forget_results(session, asset_id, ("caption",))
    return len(assets)


def not_a_file(path: Path) -> str:
    """Return why nothing is tried again for a path that is no file of any library, for people."""
    if path.is_dir():
        return f"{shown(str(path))} is a folder: name the files in it, or say --failed for all"
    return f"{shown(str(path))} is in no library that is known"
