"""A file holds other bytes now: what was not to be seen of it stays so until Immich is read again.

Immich may be off for days, and a photo that was turned by a quarter is still the same photo. A
whole other picture at the same path is withheld too until then.
"""

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import and_, bindparam, exists, false, func, or_, select, update
from sqlalchemy.orm import Session

from mediaindex.store.immich_paths import forms, mapped
from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow
from mediaindex.store.withheld import LOCKED


def stay_withheld(session: Session, file_id: int, before: int | None, asset_id: int) -> None:
    """Let the asset that a file holds from now on be withheld as what it held before.

    Args:
        session: An open session; the caller commits, together with what the file holds.
        file_id: The file.
        before: The asset that it held; None: none that is known.
        asset_id: The asset that it holds now.
    """
    there = session.connection()
    maps = there.scalars(_MAPS).all()
    if not maps:
        return  # nothing was ever withheld
    ours = "/".join(part for part in there.execute(_PATH, {"file": file_id}).one() if part)
    asked = {
        "file": file_id,
        "before": before,
        "now": asset_id,
        "paths": json.dumps(list(_theirs(ours, maps))),
    }
    if there.scalar(_IS_LOCKED, asked):
        there.execute(_WITHHOLD, {"of": asset_id, "reason": LOCKED})
        return
    reason = there.scalar(_REASON, asked)
    if reason is not None:
        there.execute(_WITHHOLD_SHOWN, {"of": asset_id, "reason": reason})


def _theirs(ours: str, maps: Sequence[str]) -> Iterator[str]:
    """Yield where Immich may have a path of ours, in every form."""
    for told in maps:
        pairs = [(theirs, mine) for theirs, mine in json.loads(told)]
        for theirs, mine in pairs:
            path = mapped(ours, [(mine, theirs)])
            # What lies below two folders of a map is where the longer one says.
            if path is not None and set(forms(mapped(path, pairs) or "")) & set(forms(ours)):
                yield from forms(path)


_ROW = ImmichAssetRow
_MAPS = select(ImmichAccountRow.path_map)
_PATH = (
    select(LibraryRow.root, FolderRow.path, FileRow.name)
    .join(FolderRow, FolderRow.library_id == LibraryRow.id)
    .join(FileRow, FileRow.folder_id == FolderRow.id)
    .where(FileRow.id == bindparam("file"))
)
_VANISHED = and_(_ROW.vanished_at.is_not(None), _ROW.is_trashed.is_(false()))
_LOCKED = and_(_ROW.is_shown.is_(false()), or_(_ROW.visibility == LOCKED, _VANISHED))
_PATHS = select(func.json_each(bindparam("paths")).table_valued("value").c.value)
_CONTENT = select(AssetRow.sha256).where(AssetRow.id == bindparam("now")).scalar_subquery()
_IS_LOCKED = select(
    or_(
        exists().where(AssetRow.id == bindparam("before"), AssetRow.withheld == LOCKED),
        exists().where(_ROW.file_id == bindparam("file"), _LOCKED),
        exists().where(_ROW.path.in_(_PATHS), _ROW.vanished_at.is_not(None), _LOCKED),
        exists().where(_ROW.sha256 == _CONTENT, _ROW.asset_id.is_(None), _LOCKED),
    )
)
# Of the rest only what stands for the file itself: a reading decides of that again.
_REASON = select(AssetRow.withheld).where(
    AssetRow.id == bindparam("before"),
    exists().where(_ROW.file_id == bindparam("file"), _ROW.asset_id == AssetRow.id),
)
_WITHHOLD = (
    update(AssetRow)
    .where(AssetRow.id == bindparam("of"), AssetRow.withheld.is_distinct_from(LOCKED))
    .values(withheld=bindparam("reason"))
)
_WITHHOLD_SHOWN = (
    update(AssetRow)
    .where(AssetRow.id == bindparam("of"), AssetRow.withheld.is_(None))
    .values(withheld=bindparam("reason"))
)
