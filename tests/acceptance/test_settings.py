"""Settings as the real program takes and shows them."""

from pathlib import Path

import yaml

from mediaindex.captioners.prompting import load_prompts
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
    (library,) = found["libraries"]
    assert (library["path"], library["name"], library["exclude"]) == ("/a", "b", [])
    assert (library["watch"], library["sentinel"]) == ("auto", None)


def test_model_that_means_nothing_is_told_by_any_command(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("embedder:\n  use: open_clip\n  model: fsat\n")
    program = Program(
        tmp_path, {"MEDIAINDEX_CONFIG": str(file), "MEDIAINDEX__EMBEDDER__USE": "open_clip"}
    )

    done = program.run("index", str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith(f"mediaindex: {file} line 3: embedder.model: 'fsat' is no ")


def test_prompts_are_written_to_begin_with_and_never_over_others(tmp_path: Path) -> None:
    program, folder = Program(tmp_path), tmp_path / "my prompts"

    done = program.run("config", "prompts", str(folder))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Wrote 9 prompts into {folder}\n")
    assert "describe.txt  " in done.stdout
    assert "$facts $language $sentences" in done.stdout
    ours = load_prompts(None, language="en", sentences=2)
    assert load_prompts(folder, language="en", sentences=2) == ours

    for path in folder.iterdir():
        path.unlink() if path.name != "describe.txt" else path.write_text("Mine: $language")
    again = program.run("config", "prompts", str(folder))

    assert again.returncode == 2
    assert again.stderr == (
        f"mediaindex: {folder} has describe.txt already; nothing is overwritten\n"
    )
    assert [path.read_text() for path in folder.iterdir()] == ["Mine: $language"]


def test_prompts_are_not_written_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")

    done = Program(tmp_path).run("config", "prompts", str(tmp_path / "a"))

    assert done.returncode == 2
    assert done.stderr.startswith(f"mediaindex: cannot write prompts into {tmp_path}/a: ")
