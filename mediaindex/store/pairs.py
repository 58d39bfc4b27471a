"""Which files belong to which: sidecars, and the videos of live photos."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from mediaindex.store.assets import link_companions
from mediaindex.store.ids import each
from mediaindex.store.jobs import forget_results
from mediaindex.store.tables import AssetRow, FileRow, PairRow

Pair = tuple[int, int]
"""A file's id and its owner's."""


def set_pairs(session: Session, folder_id: int, pairs: Mapping[tuple[str, str], str]) -> None:
    """Store which files of a folder belong to which, in place of what was known.

    The owners whose sidecars changed are read again. Of files that are gone with their owners is
    kept what was known: they may be back.

    Args:
        session: An open session; the caller commits.
        folder_id: The folder.
        pairs: `sidecar` or `companion`, by (file's name, owner's name).
    """
    names = select(FileRow.name, FileRow.id).where(FileRow.folder_id == folder_id)
    ids = dict(session.execute(names).all())
    known = _known(session, folder_id)
    wanted = {(ids[name], ids[owner]): kind for (name, owner), kind in pairs.items()}
    removed = [known[key] for key in known.keys() - wanted.keys()]
    added = [
        PairRow(file_id=file_id, owner_id=owner_id, kind=kind)
        for (file_id, owner_id), kind in wanted.items()
        if (file_id, owner_id) not in known
    ]
    for row in removed:
        session.delete(row)
    session.add_all(added)
    session.flush()
    read_again(session, {row.owner_id for row in (*removed, *added)})
    _unlink(session, [row.file_id for row in removed if row.kind == "companion"])
    for row in added:
        if row.kind == "companion":
            link_companions(session, row.file_id)


def read_again(session: Session, file_ids: Collection[int], *, present: bool = False) -> None:
    """Make `probe` due again for the assets of these files: their sidecars changed.

    Args:
        session: An open session; the caller commits.
        file_ids: The files.
        present: Leave out assets of which no file is there, or was till now: their sidecars went,
            or came back, with them.
    """
    files = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    query = select(AssetRow.id).where(AssetRow.id.in_(files))
    if present:
        query = query.where(AssetRow.missing_since.is_(None))
    for asset_id in session.scalars(query).all():
        forget_results(session, asset_id, ["probe"])


def owners_of(session: Session, file_ids: Collection[int]) -> Sequence[int]:
    """Return the ids of the files that these sidecars belong to."""
    return session.scalars(
        select(PairRow.owner_id).where(PairRow.file_id.in_(each(file_ids)))
    ).all()


def _known(session: Session, folder_id: int) -> dict[Pair, PairRow]:
    file, owner = aliased(FileRow), aliased(FileRow)
    query = (
        select(PairRow)
        .join(file, file.id == PairRow.file_id)
        .join(owner, owner.id == PairRow.owner_id)
        .where(
            # A file that moved alone has left its owner behind.
            or_(file.folder_id == folder_id, owner.folder_id == folder_id),
            or_(file.missing_since.is_(None), owner.missing_since.is_(None)),
        )
    )
    return {(row.file_id, row.owner_id): row for row in session.scalars(query)}


def _unlink(session: Session, file_ids: Collection[int]) -> None:
    """Let videos that lie beside no photo any more be hits of their own."""
    file = aliased(FileRow)
    tied = exists().where(
        PairRow.kind == "companion",
        PairRow.file_id == file.id,
        file.asset_id == AssetRow.id,
    )
    videos = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    session.execute(
        update(AssetRow).where(AssetRow.id.in_(videos), ~tied).values(companion_of_id=None)
    )
