"""Vectors and the spaces they live in. Triggers write an `index_change` for every row."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from mediaindex.store.change_tables import IndexChangeRow
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.tables import EmbeddingRow, MomentRow, SpaceRow
from mediaindex.types import Keys, Space, SpaceKind, Vectors

STORED = np.dtype("<f2")
"""Half precision: a cosine moves by less than 0.0005, and the file is half the size."""


SUMMARY = 1000
"""The ordinal from which on a caption's vector is of the summary of its whole video, which its
first moment carries; its own come before."""


def open_space(session: Session, model_id: str, kind: SpaceKind, dim: int) -> Space:
    """Return the space of a model's vectors of one kind, made if new."""
    found = find_space(session, model_id, kind)
    if found is not None:
        return found
    row = SpaceRow(model_id=model_id, kind=kind, dim=dim)
    session.add(row)
    session.flush()
    return Space(row.id, model_id, kind, dim)


def find_space(session: Session, model_id: str, kind: SpaceKind) -> Space | None:
    """Return the space of a model's vectors of one kind, or None if it has none."""
    asked = {"model": model_id, "kind": kind}
    row = session.connection().execute(_SPACE, asked).one_or_none()
    return None if row is None else Space(row.id, model_id, kind, row.dim)


def spaces_of(session: Session, model_id: str) -> dict[SpaceKind, Space]:
    """Return the spaces of a model's vectors by their kind."""
    return {space.kind: space for space in spaces(session) if space.model_id == model_id}


def spaces(session: Session) -> list[Space]:
    """Return every space, oldest first."""
    rows = session.connection().execute(_SPACES)
    return [Space(row.id, row.model_id, cast("SpaceKind", row.kind), row.dim) for row in rows]


_SPACE = select(SpaceRow.id, SpaceRow.dim).where(
    SpaceRow.model_id == bindparam("model"), SpaceRow.kind == bindparam("kind")
)
_SPACES = select(SpaceRow.id, SpaceRow.model_id, SpaceRow.kind, SpaceRow.dim).order_by(SpaceRow.id)


def drop_space(session: Session, space_id: int) -> None:
    """Forget a space and its vectors; the caller drops it from the indexes."""
    session.execute(delete(EmbeddingRow).where(EmbeddingRow.space_id == space_id))
    session.execute(delete(SpaceRow).where(SpaceRow.id == space_id))
    session.execute(delete(IndexChangeRow).where(IndexChangeRow.space_id == space_id))


def in_space(space: Space) -> ColumnElement[bool]:
    """Return the condition that a vector is of a space, for queries that go by keys.

    The sum keeps SQLite from going through the whole space instead, which it takes for quicker.
    """
    return EmbeddingRow.space_id + 0 == space.id


def replace_embeddings(
    session: Session,
    space: Space,
    moment_ids: Sequence[int],
    owners: Sequence[int],
    vectors: Vectors,
    summed_up: Vectors | None = None,
) -> None:
    """Store vectors of moments in one space, in place of any these moments had there.

    Args:
        session: An open session; the caller commits.
        space: Where they belong.
        moment_ids: The moments to be replaced, also those that get no vector now.
        owners: Which moment each vector is of; length n.
        vectors: float32 (n, dim), unit rows.
        summed_up: float32 (m, dim), unit rows: of the summary that the first of `moment_ids`
            carries; see `SUMMARY`.
    """
    session.execute(
        delete(EmbeddingRow).where(
            EmbeddingRow.space_id == space.id, EmbeddingRow.moment_id.in_(each(moment_ids))
        )
    )
    counted: dict[int, int] = {}
    rows = []
    for moment_id, vector in zip(owners, vectors, strict=True):
        counted[moment_id] = counted.get(moment_id, -1) + 1
        rows.append(_row(space, moment_id, counted[moment_id], vector))
    for number, vector in enumerate(summed_up if summed_up is not None else ()):
        rows.append(_row(space, moment_ids[0], SUMMARY + number, vector))
    if rows:
        session.execute(insert(EmbeddingRow), rows)


def drop_text_vectors(session: Session, asset_id: int) -> None:
    """Forget the vectors of an asset's words, of every model: the words are gone."""
    session.execute(
        delete(EmbeddingRow).where(
            EmbeddingRow.space_id.in_(select(SpaceRow.id).where(SpaceRow.kind == "text")),
            EmbeddingRow.moment_id.in_(select(MomentRow.id).where(MomentRow.asset_id == asset_id)),
        )
    )


def moments_with_vectors(session: Session, space: Space, moment_ids: Sequence[int]) -> set[int]:
    """Return which of these moments have any vector in a space."""
    query = select(EmbeddingRow.moment_id).where(
        in_space(space), EmbeddingRow.moment_id.in_(each(moment_ids))
    )
    return set(session.scalars(query))


def of_summaries(session: Session, keys: Sequence[int]) -> set[int]:
    """Return which of these vectors are of a summary, and so of a whole video."""
    return set(session.connection().scalars(_OF_SUMMARIES, these(keys)))


_OF_SUMMARIES = select(EmbeddingRow.id).where(
    EmbeddingRow.id.in_(THESE), EmbeddingRow.ordinal >= SUMMARY
)


def read_vectors(session: Session, space: Space, keys: Sequence[int]) -> tuple[Keys, Vectors]:
    """Return those of `keys` that exist, ascending, and their vectors, float32 (n, dim)."""
    rows = session.connection().execute(_VECTORS, these(keys) | {"space": space.id}).all()
    return _arrays(space, rows)


IN_SPACE = EmbeddingRow.space_id + 0 == bindparam("space")
"""As `in_space`, of the space given when it is run."""

_VECTORS = (
    select(EmbeddingRow.id, EmbeddingRow.vector)
    .where(IN_SPACE, EmbeddingRow.id.in_(THESE))
    .order_by(EmbeddingRow.id)
)


def all_vectors(
    session: Session, space: Space, batch: int = 4096
) -> Iterator[tuple[Keys, Vectors]]:
    """Yield every vector of a space in batches, ascending by key; memory stays flat."""
    last = 0
    while True:
        query = (
            select(EmbeddingRow.id, EmbeddingRow.vector)
            .where(in_space(space), EmbeddingRow.id > last)
            .order_by(EmbeddingRow.id)
            .limit(batch)
        )
        rows = session.execute(query).all()
        if not rows:
            return
        yield _arrays(space, rows)
        last = rows[-1][0]


def count_vectors(session: Session, space: Space) -> int:
    """Return how many vectors a space has."""
    query = select(func.count(EmbeddingRow.id)).where(EmbeddingRow.space_id == space.id)
    return session.scalar(query) or 0


def sample_vectors(session: Session, space: Space, limit: int) -> Vectors:
    """Return up to `limit` vectors, float32 (n, dim), spread evenly over the space."""
    total = count_vectors(session, space)
    every = max(1, total // limit)
    numbered = (
        select(EmbeddingRow.id, func.row_number().over(order_by=EmbeddingRow.id).label("n"))
        .where(EmbeddingRow.space_id == space.id)
        .subquery()
    )
    chosen = select(numbered.c.id).where(numbered.c.n % every == 0).limit(limit)
    query = select(EmbeddingRow.id, EmbeddingRow.vector).where(EmbeddingRow.id.in_(chosen))
    return _arrays(space, session.execute(query).all())[1]


def pending_changes(session: Session, after: int, limit: int) -> Sequence[IndexChangeRow]:
    """Return the oldest changes with ids above `after`."""
    query = select(IndexChangeRow).where(IndexChangeRow.id > after).order_by(IndexChangeRow.id)
    return session.scalars(query.limit(limit)).all()


def forget_changes(session: Session, up_to: int) -> None:
    """Forget the changes with ids up to and including `up_to`."""
    session.execute(delete(IndexChangeRow).where(IndexChangeRow.id <= up_to))


def count_changes(session: Session) -> int:
    """Return how many changes the indexes have not been told of."""
    return session.scalar(select(func.count(IndexChangeRow.id))) or 0


def _row(space: Space, moment_id: int, ordinal: int, vector: Vectors) -> dict[str, object]:
    blob = vector.astype(STORED).tobytes()
    return {"space_id": space.id, "moment_id": moment_id, "ordinal": ordinal, "vector": blob}


def _arrays(space: Space, rows: Sequence[tuple[int, bytes]]) -> tuple[Keys, Vectors]:
    keys = np.fromiter((key for key, _ in rows), dtype=np.int64, count=len(rows))
    halves = np.frombuffer(b"".join(blob for _, blob in rows), dtype=STORED)
    vectors = halves.reshape(len(rows), space.dim).astype(np.float32)
    # Rounding to half precision leaves lengths off by some 0.0005.
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, 1e-6)
    return keys, vectors
