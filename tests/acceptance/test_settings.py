"""Settings as the real program takes and shows them."""

from pathlib import Path

import yaml

from tests.acceptance.program import Program


def test_settings_are_shown_with_where_they_were_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("search:\n  limit: 7\nlibraries:\n  - path: /a\n    name: b\n")
    program = Program(tmp_path, {"MEDIAINDEX_CONFIG": str(file), "MEDIAINDEX__WORK__DECODERS": "3"})

    shown = program.run("config", "show").stdout

    lines = [line.strip() for line in shown.splitlines()]
    assert "limit: 7  # mine.yaml line 2" in lines
    assert "decoders: 3  # MEDIAINDEX__WORK__DECODERS" in lines
    assert f"cache_dir: {tmp_path}/cache  # MEDIAINDEX_CACHE_DIR" in lines
    assert "understand: true" in lines
    found = yaml.safe_load(shown)
    assert found["libraries"] == [{"path": "/a", "name": "b", "exclude": []}]


def test_model_that_means_nothing_is_told_by_any_command(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("embedder:\n  use: open_clip\n  model: fsat\n")
    program = Program(
        tmp_path, {"MEDIAINDEX_CONFIG": str(file), "MEDIAINDEX__EMBEDDER__USE": "open_clip"}
    )

    done = program.run("index", str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith("mediaindex: mine.yaml line 3: embedder.model: 'fsat' is no ")
