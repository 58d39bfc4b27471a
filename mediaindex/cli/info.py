"""`mediaindex info FILE`: all that is known of a file."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mediaindex.cli.hits import clock
from mediaindex.cli.output import printable, put_json, put_table, settings_of, size
from mediaindex.cli.reading import daemon_to_read
from mediaindex.cli.reasons import plain
from mediaindex.clients.daemon import NotKnown
from mediaindex.config import Config
from mediaindex.remote import as_about
from mediaindex.store.about import About, about
from mediaindex.store.database import open_database
from mediaindex.store.files import find_file

DATE_SOURCES = {
    "exif": "EXIF",
    "xmp": "XMP",
    "takeout": "Google Takeout",
    "name": "the file's name",
    "mtime": "the file's time",
}

WITHHELD = {
    "archived": "it is archived (found with is:archived)",
    "trashed": "it is in the trash (found with is:trashed)",
    "hidden": "it is hidden: a part of another picture",
    "locked": "it is locked, so nothing of it is told",
}

Row = tuple[str, str]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def info(ctx: click.Context, file: Path, as_json: bool) -> int:
    """Show everything that is known about FILE."""
    config = settings_of(ctx)
    path = file.expanduser()
    if path.is_dir():
        raise click.UsageError(f"{file} is a folder; name a file (for folders: mediaindex status)")
    path = path.parent.resolve() / path.name
    found = _found(config, path)
    if found is None:
        raise click.ClickException(
            f"{printable(str(file))} is not in the index. Either it lies in no library, it is "
            "excluded, or it is newer than the last run of: mediaindex index"
        )
    shown, known = found
    if as_json:
        put_json({"version": 1, "path": shown, **asdict(known)})
    else:
        click.secho(shown, bold=True)
        put_table(list(_rows(shown, known)))
    return 0


def _found(config: Config, path: Path) -> tuple[str, About] | None:
    """Return a file as it is shown, and what is known of it; None if it is in no library."""
    daemon = daemon_to_read(config)
    if daemon is None:
        known = _read(config, path)
        return None if known is None else (printable(str(path)), known)
    try:
        told = daemon.get("/api/v1/info", path=str(path))
    except NotKnown:
        return None
    return printable(str(path)), as_about(told)


def _read(config: Config, path: Path) -> About | None:
    if not config.database_path.exists():
        raise click.ClickException("nothing is indexed yet; try: mediaindex index ~/Pictures")
    database = open_database(config.database_path)
    try:
        with database.read() as session:
            row = find_file(session, path)
            return None if row is None else about(session, row)
    finally:
        database.close()


def _rows(path: str, known: About) -> Iterator[Row]:
    yield "what", _what(known)
    yield from _unseen(known)
    yield from _facts(known)
    for kind, text, source in known.words:
        yield kind, f"{printable(text)}  ({source})"
    yield from _captions(known)
    for other in map(printable, known.paths):
        if other != path:
            yield "also at", other
    if known.immich_url:
        yield "in Immich", printable(known.immich_url)
    if known.part_of:
        yield "part of", f"{printable(known.part_of)}  (the video of a live photo)"
    for sidecar in known.sidecars:
        yield "sidecar", printable(sidecar)
    yield from _work(known)


def _work(known: About) -> Iterator[Row]:
    """Yield what was done with it, and what is left to do."""
    if known.done:
        last = max(at for _, _, at in known.done)
        stages = ", ".join(stage for stage, _, _ in sorted(known.done, key=lambda done: done[2]))
        yield "done", f"{stages}; last on {last:%Y-%m-%d %H:%M} UTC"
    for space, count in known.vectors.items():
        yield "vectors", f"{count} by {space}"
    for stage, state, reason in known.unfinished:
        yield ("failed" if state == "failed" else "waiting"), f"{stage}: {printable(reason)}"


def _unseen(known: About) -> Iterator[Row]:
    """Yield why a search does not find it."""
    if known.withheld:
        yield "not shown", WITHHELD[known.withheld]
    if known.missing_since:
        yield "missing", f"since {known.missing_since:%Y-%m-%d %H:%M} UTC"


def _what(known: About) -> str:
    failed = any(state == "failed" for _, state, _ in known.unfinished)
    unknown = "could not be read" if failed else "not looked into yet"
    kind = known.kind or ("sidecar" if known.role == "sidecar" else unknown)
    facts = known.facts
    parts = [kind, str(facts.get("format", "")).upper()]
    if "width_px" in facts:
        parts.append(f"{facts['width_px']} x {facts['height_px']}")
    return ", ".join(part for part in [*parts, size(known.size_bytes)] if part)


def _facts(known: About) -> Iterator[Row]:
    facts: dict[str, Any] = known.facts
    if "taken_local" in facts:
        zone = _zone(facts.get("taken_offset_min"))
        source = DATE_SOURCES[facts["taken_source"]]
        yield "taken", f"{facts['taken_local']:%Y-%m-%d %H:%M:%S}{zone}, from {source}"
    if known.place:
        yield "place", known.place
    if "latitude" in facts:
        height = f", {facts['altitude_m']:.0f} m high" if "altitude_m" in facts else ""
        yield "position", f"{facts['latitude']:.5f}, {facts['longitude']:.5f}{height}"
    camera = [printable(facts[name]) for name in ("camera_make", "camera_model") if name in facts]
    if camera:
        yield "camera", " ".join(camera)
    if "lens" in facts:
        yield "lens", printable(facts["lens"])
    if "rating" in facts:
        yield "rating", "rejected" if facts["rating"] < 0 else f"{facts['rating']} of 5"
    yield from _moving(known)
    if "sha256" in facts:
        yield "sha256", facts["sha256"]


def _moving(known: About) -> Iterator[Row]:
    """Yield what is known of a video, and of a photo that carries one."""
    facts: dict[str, Any] = known.facts
    if "video_codec" in facts:
        length = [clock(facts["duration_ms"])] if "duration_ms" in facts else []
        yield (
            "video",
            ", ".join([*length, facts["video_codec"], facts.get("audio_codec", "silent")]),
        )
        yield "moments", f"{known.moments:,}"
    if "partial" in facts:
        yield "partial", printable(facts["partial"])
    if facts.get("has_motion"):
        yield "motion", "it carries a clip of its own, which is not looked into"


def _captions(known: About) -> Iterator[Row]:
    """Yield what models say, of the whole first; each with who said it, when and how fast."""
    for said in known.captions:
        of = "summary" if said.at_ms is None else "described"
        at = f"at {clock(said.at_ms)}: " if said.at_ms is not None and known.kind == "video" else ""
        if said.description:
            by = f"{said.model}, {said.made_at:%Y-%m-%d %H:%M} UTC, {said.duration_ms / 1000:.1f} s"
            yield of, f"{at}{printable(' '.join(said.description.split()))}  ({by})"
        if said.tags:
            yield "tags", printable(", ".join(said.tags))
        if said.setting:
            yield "setting", printable(said.setting)
        if said.text_in_image:
            yield "reads", f"{at}{printable(' / '.join(said.text_in_image.splitlines()))}"
        if said.rejected:
            where = "the whole video: " if said.at_ms is None else at
            yield "rejected", f"{where}{printable(plain(said.rejected))}"


def _zone(offset_min: int | None) -> str:
    if offset_min is None:
        return ""
    sign = "-" if offset_min < 0 else "+"
    hours, minutes = divmod(abs(offset_min), 60)
    return f" (UTC{sign}{hours:02}:{minutes:02})"
