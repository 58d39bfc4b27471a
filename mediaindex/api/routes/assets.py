"""What is known of one photo or video, and its pictures."""

import os
from dataclasses import asdict
from email.utils import formatdate
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from mediaindex.api.house import Here
from mediaindex.api.paths import on_disk, preview
from mediaindex.api.plain import Plain
from mediaindex.api.problems import NotFound
from mediaindex.api.shapes import AssetAnswer, MomentAnswer, MomentsAnswer
from mediaindex.search.shape import caption_as_json, shown_as_json
from mediaindex.store import moments
from mediaindex.store.about import about
from mediaindex.store.assets import asset_by_hash
from mediaindex.store.browse import file_of_content, moments_of
from mediaindex.store.captions import captions_of
from mediaindex.store.columns import shown
from mediaindex.store.files import find_file, path_of
from mediaindex.store.tables import FileRow
from mediaindex.store.withheld import is_locked

router = APIRouter(tags=["assets"])

LAST_ID = 2**63 - 1

JPEG_BEGINS = b"\xff\xd8"

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Hash of the content.")]
Id = Annotated[int, Path(ge=1, le=LAST_ID)]
AtMs = Annotated[int, Path(ge=0, le=LAST_ID)]


@router.get("/assets/{sha256}", response_model=AssetAnswer)
def asset(here: Here, sha256: Sha256) -> Plain:
    """Tell all that is known of a photo or video."""
    with here.service.database.read() as session:
        file = file_of_content(session, sha256)
        if file is None or is_locked(session, file.asset_id or 0):
            raise NotFound(f"no photo or video {sha256} is known")
        return Plain(_known(session, file))


@router.get("/assets/{sha256}/moments", response_model=MomentsAnswer)
def asset_moments(here: Here, sha256: Sha256) -> Plain:
    """List the moments of a photo (one) or video in order of time."""
    with here.service.database.read() as session:
        row = asset_by_hash(session, sha256)
        if row is None or is_locked(session, row.id):
            raise NotFound(f"no photo or video {sha256} is known")
        found = moments_of(session, row.id)
        captions = captions_of(session, [moment.id for moment in found])
        told = [
            {
                "moment_id": moment.id,
                "at_ms": moment.at_ms,
                "start_ms": moment.start_ms,
                "end_ms": moment.end_ms,
                "preview": preview(sha256, moment.at_ms),
                "caption": caption_as_json(captions.get(moment.id)),
            }
            for moment in found
        ]
        return Plain({"version": 1, "sha256": sha256, "kind": row.kind, "moments": told})


@router.get("/moments/{moment_id}", response_model=MomentAnswer)
def moment(here: Here, moment_id: Id) -> Plain:
    """Tell what is known of one moment, as a hit does."""
    with here.service.database.read() as session:
        found = moments.show(session, [moment_id], None).get(moment_id)
    if found is None or not found.paths:
        raise NotFound(f"no moment {moment_id} is known")
    where = {"sha256": found.sha256, "preview": preview(found.sha256, found.at_ms)}
    return Plain({"version": 1, **shown_as_json(found), **where})


@router.get(
    "/previews/{sha256}/{at_ms}",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "The picture."},
        304: {"description": "The picture you have is the one."},
    },
)
def preview_of(request: Request, here: Here, sha256: Sha256, at_ms: AtMs) -> Response:
    """Give the scaled picture of a moment, from the cache: its file need not be there."""
    previews = here.service.previews
    file = previews.path(sha256, at_ms)
    try:
        with file.open("rb") as opened:
            content, about_it = opened.read(), os.fstat(opened.fileno())
    except OSError:
        content = b""
    with here.service.database.read() as session:
        row = asset_by_hash(session, sha256)
        content = b"" if row is not None and is_locked(session, row.id) else content
    # After a power cut one may be empty.
    if not content.startswith(JPEG_BEGINS):
        raise NotFound("this moment has no preview; mediaindex makes it again when it works next")
    previews.look_at(file)
    tag = f'"{about_it.st_mtime_ns:x}-{about_it.st_size:x}"'
    headers = {
        "ETag": tag,
        # Kept, and asked for again each time: it may have been locked since.
        "Cache-Control": "private, no-cache",
        "Last-Modified": formatdate(about_it.st_mtime, usegmt=True),
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/jpeg", headers=headers)


@router.get("/info", response_model=AssetAnswer)
def info(
    request: Request,
    here: Here,
    path: Annotated[str, Query(min_length=1, description="Of a file, from / on.")],
) -> Plain:
    """Tell all that is known of a file."""
    file = on_disk(_exactly(request, path))
    with here.service.database.read() as session:
        row = find_file(session, file)
        if row is None:
            raise NotFound(f"{shown(str(file))} is not in the index")
        return Plain(_known(session, row))


def _exactly(request: Request, path: str) -> str:
    """Return a path with the bytes that were sent, UTF-8 or not."""
    query = request.scope["query_string"].decode("latin-1")
    sent: list[str] = parse_qs(query, errors="surrogateescape").get("path", [path])
    return sent[-1]


def _known(session: Session, file: FileRow) -> dict[str, Any]:
    found = asdict(about(session, file))
    for name in ("paths", "sidecars"):
        found[name] = [shown(path) for path in found[name]]
    if found["part_of"] is not None:
        found["part_of"] = shown(found["part_of"])
    return {"version": 1, "path": shown(str(path_of(session, file.id))), **found}
