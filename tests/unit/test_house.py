"""Lines of the house that no linter holds: how long a file and a function may be, and names."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "mediaindex").rglob("*.py"))

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "manager", "common", "misc"}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            yield f"{path.relative_to(ROOT)}: {node.name}", last - node.lineno + 1


def test_files_are_short_enough_to_be_read() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}

    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_functions_are_short_enough_to_be_read() -> None:
    lengths = dict(found for path in FILES for found in functions(path))

    assert {
        name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION
    } == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in FILES if path.stem in SAYS_NOTHING] == []
