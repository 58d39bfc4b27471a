"""The real program in a process of its own, with folders of its own, and its end state."""

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from mediaindex.media.places import Gazetteer
from tests.acceptance import loaded
from tests.once import once

# All that must be the same however a run came to its end: no ids, no times.
STATE = {
    "files": """
        SELECT folder.path, file.name, file.size_bytes, file.role, file.kind, asset.sha256,
               file.missing_since IS NULL
        FROM file JOIN folder ON folder.id = folder_id LEFT JOIN asset ON asset.id = asset_id""",
    "assets": """
        SELECT sha256, kind, format, size_bytes, width_px, height_px, taken_at, taken_local,
               taken_offset_min, taken_source, latitude, longitude, place_id, camera_make,
               camera_model, lens, rating, missing_since IS NULL, companion_of_id IS NULL
        FROM asset""",
    "words": "SELECT sha256, words.kind, text, source FROM words JOIN asset ON asset.id = asset_id",
    "moments": """
        SELECT sha256, start_ms, end_ms, at_ms FROM moment JOIN asset ON asset.id = asset_id""",
    "vectors": """
        SELECT sha256, at_ms, space.model_id, space.kind, ordinal, hex(vector)
        FROM embedding JOIN space ON space.id = space_id
        JOIN moment ON moment.id = moment_id JOIN asset ON asset.id = asset_id""",
    "documents": """
        SELECT sha256, at_ms, person, names, place, facts, machine, seen
        FROM document JOIN asset ON asset.id = document.asset_id
        LEFT JOIN moment ON moment.id = moment_id""",
    "captions": """
        SELECT sha256, at_ms, description, tags, text_in_image, setting, model, version, rejected
        FROM caption JOIN asset ON asset.id = caption.asset_id
        LEFT JOIN moment ON moment.id = moment_id""",
    "fulltext": "SELECT count(*) FROM fulltext WHERE fulltext MATCH 'jpg OR jpeg OR png'",
    "results": "SELECT sha256, stage, version FROM result JOIN asset ON asset.id = asset_id",
    "jobs": """
        SELECT stage, state, error, coalesce(sha256, name) FROM job
        LEFT JOIN asset ON asset.id = job.asset_id LEFT JOIN file ON file.id = job.file_id""",
    "changes": "SELECT count(*) FROM index_change",
    "blocked": "SELECT stage, reason FROM blocked",
}


def gazetteer() -> Path:
    """Return the gazetteer in its compact form, which takes seconds to make, made once."""
    return once("places", lambda folder: Gazetteer.open(folder).close())


@dataclass
class Program:
    """`mediaindex` with its own state, cache and settings."""

    home: Path
    #: More environment: settings by `MEDIAINDEX__SECTION__KEY`.
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The gazetteer's compact form takes seconds to make and is the same for all.
        cache_dir = self.home / "cache"
        cache_dir.mkdir(parents=True, exist_ok=True)
        if not (cache_dir / "places").exists():
            (cache_dir / "places").symlink_to(gazetteer())

    @property
    def environment(self) -> dict[str, str]:
        """What the process sees: ours, and of the machine's only what programs need to run."""
        return {
            **loaded.of_the_machine(),
            "HOME": str(self.home),
            "MEDIAINDEX_STATE_DIR": str(self.home / "state"),
            "MEDIAINDEX_CACHE_DIR": str(self.home / "cache"),
            "MEDIAINDEX__EMBEDDER__USE": "colour",
            "MEDIAINDEX__CAPTION__USE": "off",
            **self.settings,
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command; the caller waits for it or kills it."""
        return subprocess.Popen(
            [sys.executable, "-m", "mediaindex", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, limit_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end.

        It need not load first, unless it is told what others than `mediaindex` read as they load.
        """
        if sys.platform == "linux" and all(
            key == "PATH" or key.startswith("MEDIAINDEX") for key in self.settings
        ):
            return loaded.run(arguments, self.environment, limit_s)
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def end_state(self) -> dict[str, list[tuple[object, ...]]]:
        """Return what is stored, in an order that does not depend on how it came about."""
        with closing(sqlite3.connect(self.home / "state" / "mediaindex.db")) as connection:
            found = {
                name: sorted(connection.execute(query), key=repr) for name, query in STATE.items()
            }
        previews = self.home / "cache" / "previews"
        found["previews"] = sorted(
            (str(path.relative_to(previews)), path.stat().st_size)
            for path in previews.rglob("*")
            if path.is_file()
        )
        return found
