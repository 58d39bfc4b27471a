"""What tests of describing share: a server that says something, some photos, the program."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.servers.answers import ChatRequest
from tests.servers.ollama import OllamaServer

PHOTOS = 6


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        server.answer = say
        yield server


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    chance = np.random.default_rng(7)
    for number in range(PHOTOS):
        pixels = chance.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((320, 240)).save(folder / f"{number:02}.jpg")
    return folder


@pytest.fixture
def program(tmp_path: Path, server: OllamaServer) -> Program:
    return Program(
        tmp_path / "home",
        {
            "MEDIAINDEX__CAPTION__USE": "ollama",
            "MEDIAINDEX__CAPTION__URL": server.url,
            "MEDIAINDEX__CAPTION__MODEL": server.models[0].name,
        },
    )


def caption(description: str, *tags: str, text: str = "", setting: str = "") -> str:
    return json.dumps(
        {
            "description": description,
            "tags": list(tags),
            "text_in_image": text,
            "setting": setting,
        }
    )


def say(request: ChatRequest) -> str:
    return caption("A girl in a red dress blows out four candles on a cake.", "birthday", "cake")


def rows(program: Program, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(program.home / "state" / "mediaindex.db")) as connection:
        return connection.execute(query).fetchall()


def descriptions(program: Program) -> list[object]:
    return [row[0] for row in rows(program, "SELECT description FROM caption")]


def found(program: Program, *words: str) -> list[str]:
    hits = json.loads(program.run("search", *words, "--json").stdout)["hits"]
    return [Path(hit["path"]).name for hit in hits if not hit.get("weak")]
