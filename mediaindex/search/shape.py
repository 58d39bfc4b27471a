"""An answer as programs read it, whichever door it goes out by."""

from typing import Any

from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer, Hit
from mediaindex.shown import Said, Shown, readable

JSON_VERSION = 1


def as_json(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return the answer in the documented shape, version 1."""
    return {
        "version": JSON_VERSION,
        "query": asked.text,
        "like": None if asked.like is None else str(asked.like),
        "notes": answer.notes,
        "model": answer.model_id,
        "no_good_match": answer.no_good_match,
        "hits": [hit_as_json(hit) for hit in answer.hits],
    }


def hit_as_json(hit: Hit) -> dict[str, Any]:
    """Return one hit; paths are fit to be printed, so not all of them lead to the file."""
    known = shown_as_json(hit.shown)
    return {
        "path": known["path"],
        "paths": known["paths"],
        "score": round(hit.score, 4),
        "weak": hit.weak,
        **known,
        "why": [
            {
                "by": r.by,
                "rank": r.rank,
                "similarity": r.similarity,
                "passage": r.passage,
                "source": r.source,
            }
            for r in hit.why
        ],
    }


def shown_as_json(shown: Shown) -> dict[str, Any]:
    """Return what is known of one moment, in the words of a hit."""
    paths = [readable(path) for path in shown.paths]
    return {
        "path": paths[0],
        "paths": paths,
        "asset_id": shown.asset_id,
        "moment_id": shown.moment_id,
        "kind": shown.kind,
        "at_ms": shown.at_ms,
        "start_ms": shown.start_ms,
        "end_ms": shown.end_ms,
        "taken_at": shown.taken_at,
        "taken_local": shown.taken_local,
        "taken_source": shown.taken_source,
        "place": shown.place,
        "latitude": shown.latitude,
        "longitude": shown.longitude,
        "camera": shown.camera,
        "width_px": shown.width_px,
        "height_px": shown.height_px,
        "rating": shown.rating,
        "words": shown.words,
        "immich_url": shown.immich_url,
        "caption": caption_as_json(shown.caption),
        "summary": caption_as_json(shown.summary),
    }


def caption_as_json(said: Said | None) -> dict[str, Any] | None:
    """Return what a model says, and who and when; None: nothing."""
    if said is None:
        return None
    return {
        "description": said.caption.description,
        "tags": said.caption.tags,
        "text_in_image": said.caption.text_in_image,
        "setting": said.caption.setting,
        "model": said.origin.model,
        "made_at": said.made_at,
    }
