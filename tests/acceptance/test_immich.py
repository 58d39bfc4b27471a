"""`mediaindex immich`: as a person connects one, looks how it stands, and decides."""

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mediaindex.cli.immich import COMMANDS
from tests.acceptance.describing import say
from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal
from tests.immich import key_file
from tests.servers.faults import Fault
from tests.servers.immich import Immich
from tests.servers.ollama import OllamaServer

THEIRS = "/mnt/media/pictures"
READS = ("asset.read", "user.read", "album.read", "tag.read")
MADE = 30


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library") / "Photos"
    for number in range(MADE):
        folder = root / ("2019" if number % 2 else "2020")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (number * 8, 99, 9)).save(folder / f"IMG_{number:04}.jpg")
    return root


@pytest.fixture(scope="module")
def indexed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Program(tmp_path_factory.mktemp("home"))
    assert made.run("index", str(library)).returncode == 0
    return made.home / "state" / "mediaindex.db"


@pytest.fixture
def program(tmp_path: Path, indexed: Path) -> Program:
    """Give a program of its own that knows the library."""
    made = Program(tmp_path / "home")
    (made.home / "state").mkdir()
    (made.home / "state" / "mediaindex.db").write_bytes(indexed.read_bytes())
    return made


@pytest.fixture(params=["3.1.0"])
def immich(request: pytest.FixtureRequest, library: Path) -> Iterator[Immich]:
    with Immich(request.param) as server:
        server.add_user("anna")
        fill(server, library)
        yield server


def fill(server: Immich, library: Path, owner: str = "anna") -> None:
    for file in sorted(library.rglob("*.jpg")):
        path = f"{THEIRS}/{file.relative_to(library)}"
        server.add(path, owner=owner, size_bytes=file.stat().st_size)


def of(server: Immich, name: str) -> str:
    """Return the uuid of a photo by its name."""
    (found,) = (one.id for one in server.assets.values() if one.path.endswith(name))
    return found


def key_of(server: Immich, folder: Path, permissions: tuple[str, ...] = READS) -> str:
    return str(key_file(folder, server.add_user("anna", permissions)))


def told(program: Program, *arguments: str) -> Any:
    done = program.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def connected(program: Program, server: Immich, folder: Path, *more: str) -> str:
    done = program.run(
        "immich", "connect", server.url, "--key-file", key_of(server, folder), "--yes", *more
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("immich", ["1.132.3", "2.3.1", "3.1.0", "3.2.0"], indirect=True)
def test_connecting_finds_the_folders_and_reads_all_of_it(
    program: Program, immich: Immich, library: Path, tmp_path: Path
) -> None:
    immich.assets[of(immich, "IMG_0003.jpg")].people = ("Ben",)

    out = connected(program, immich, tmp_path)

    assert f"{THEIRS}  {library}" in " ".join(out.split("\n")).replace("   ", "  ")
    assert f"{MADE} of {MADE}" in out
    assert f"{MADE} photos and videos, {MADE} of them here" in out
    assert program.run("search", "person:ben", "--paths").stdout.endswith("IMG_0003.jpg\n")
    assert len(immich.requests) <= 20


def test_nothing_is_kept_of_what_is_not_confirmed(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    key = key_of(immich, tmp_path)

    code, _ = at_terminal(program, "immich", "connect", immich.url, "--key-file", key, typed="n\n")

    assert code == 130
    assert told(program, "immich", "status")["accounts"] == []


def test_key_is_shown_nowhere_and_kept_nowhere(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    key = key_of(immich, tmp_path)
    secret = Path(key).read_text().strip()
    Path(key).chmod(0o644)

    done = program.run("immich", "connect", immich.url, "--key-file", key, "--yes")

    assert done.returncode == 0
    assert "every user of this machine can read the key: chmod 600" in done.stderr
    assert secret not in done.stdout + done.stderr
    state = program.home / "state"
    assert not [file for file in state.iterdir() if secret.encode() in file.read_bytes()]
    assert stat.S_IMODE(Path(key).stat().st_mode) == 0o644


def test_permissions_are_told_with_what_they_are_for(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    out = connected(program, immich, tmp_path)

    lines = dict(line.split(maxsplit=2)[1::-1] for line in out.splitlines() if "." in line[:30])
    assert lines["asset.read"] == "yes"
    assert lines["asset.upload"] == "no"
    assert lines["asset.update"] == "-"
    assert "nothing is uploaded" in out
    assert max(map(len, out.partition("Which of its folders")[0].splitlines())) <= 80


def test_key_that_cannot_read_is_refused_with_all_that_it_lacks(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    key = key_of(immich, tmp_path, ("album.read",))

    done = program.run("immich", "connect", immich.url, "--key-file", key, "--yes")

    assert done.returncode == 2
    assert "lacks asset.read and user.read" in done.stderr


def test_immich_that_is_off_or_refuses_the_key_changes_nothing(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    key = str(key_file(tmp_path, "wrong"))
    refused = program.run("immich", "connect", immich.url, "--key-file", key, "--yes")
    immich.stop()
    off = program.run("immich", "connect", immich.url, "--key-file", key, "--yes")

    assert (refused.returncode, off.returncode) == (3, 3)
    assert "refuses our key" in refused.stderr
    assert f"there is no Immich at {immich.url}" in off.stderr
    assert told(program, "immich", "status")["accounts"] == []


@pytest.mark.parametrize("immich", ["1.106.4"], indirect=True)
def test_immich_that_is_too_old_is_refused(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    key = key_of(immich, tmp_path)

    done = program.run("immich", "connect", immich.url, "--key-file", key, "--yes")

    assert done.returncode == 2
    assert "1.106.4" in done.stderr
    assert "older than" in done.stderr


@pytest.mark.parametrize("immich", ["3.7.0"], indirect=True)
def test_immich_that_is_newer_is_read_only(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    out = connected(program, immich, tmp_path)

    assert "newer than this program knows: it is read only" in out
    assert told(program, "immich", "status")["accounts"][0]["writable"] is False
    assert not [one for one in immich.requests if one.method in ("PUT", "DELETE", "PATCH")]


def test_where_nothing_is_ours_it_says_what_to_check(program: Program, tmp_path: Path) -> None:
    with Immich("3.1.0") as server:
        server.add_user("anna")
        for name in ("2019/07/walrus.jpg", "2020/seal.jpg"):
            server.add(f"/mnt/other/{name}", owner="anna", size_bytes=7)
        key = key_of(server, tmp_path)
        for more in ((), ("--map", "/mnt/other=/srv/none")):
            done = program.run("immich", "connect", server.url, "--key-file", key, "--yes", *more)
            assert done.returncode == 1
            assert "--map /mnt/other=/your/folder" in done.stderr
    assert told(program, "immich", "status")["accounts"] == []


def test_folders_may_be_named_and_web_pages_lie_elsewhere(
    program: Program, immich: Immich, library: Path, tmp_path: Path
) -> None:
    pair = f"{THEIRS}/2019={library}/2019/"
    connected(program, immich, tmp_path, "--map", pair, "--web-url", "https://photos.home/")

    (account,) = told(program, "immich", "status")["accounts"]
    assert account["by_path"] == MADE // 2
    hits = told(program, "search", "IMG_0003")["hits"]
    assert hits[0]["immich_url"] == f"https://photos.home/photos/{of(immich, 'IMG_0003.jpg')}"
    # The same once more changes what is said, and keeps the rest.
    connected(program, immich, tmp_path)
    (account,) = told(program, "immich", "status")["accounts"]
    assert (account["by_path"], account["web_url"]) == (MADE, "https://photos.home")
    for wrong in ("photos=/srv", "/mnt=srv", "/mnt"):
        done = program.run(
            "immich", "connect", immich.url, "--key-file", str(tmp_path / "key"), "--map", wrong
        )
        assert done.returncode == 2
        assert "--map takes two folders" in done.stderr


def test_several_people_are_several_accounts(
    program: Program, immich: Immich, library: Path, tmp_path: Path
) -> None:
    immich.add_user("ben")
    immich.add(f"{THEIRS}/2019/IMG_0001.jpg", owner="ben", people=["Dora"], size_bytes=None)
    connected(program, immich, tmp_path)
    key = key_file(tmp_path, immich.add_user("ben", READS), "key of ben")
    done = program.run("immich", "connect", immich.url, "--key-file", str(key), "--yes")
    assert done.returncode == 0

    people = [one["person"] for one in told(program, "immich", "status")["accounts"]]
    assert people == ["anna", "ben"]
    assert "IMG_0001.jpg" in program.run("search", "person:dora", "--paths").stdout
    assert told(program, "immich", "disconnect", "ben", "--yes")["disconnected"] == "ben"
    assert program.run("search", "person:dora", "--paths").stdout == ""
    known = program.run("immich", "disconnect", "ben", "--yes")
    assert known.returncode == 2
    assert f"connected: anna ({immich.url})" in known.stderr


def test_what_changed_is_read_and_what_vanished_is_not_shown(
    program: Program, immich: Immich, library: Path, tmp_path: Path
) -> None:
    connected(program, immich, tmp_path)
    immich.lock(of(immich, "IMG_0007.jpg"))
    assert "IMG_0007.jpg" in program.run("search", "IMG_0007", "--paths").stdout

    (read,) = told(program, "immich", "sync", "--full")["reads"]
    assert (read["vanished"], read["is_full"]) == (1, True)
    assert "IMG_0007.jpg" not in program.run("search", "IMG_0007", "--paths").stdout
    out = program.run("immich", "status", "--vanished").stdout
    assert "not shown: 1 locked" in out
    assert str(library / "2019" / "IMG_0007.jpg") in out

    other = program.run("immich", "show", str(library / "2019" / "IMG_0009.jpg"))
    assert (other.returncode, other.stdout) == (1, "")
    done = program.run("immich", "show", str(library / "2019" / "IMG_0007.jpg"), "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "IMG_0007.jpg" in program.run("search", "IMG_0007", "--paths").stdout


def test_library_that_went_from_immich_waits_for_a_person(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    connected(program, immich, tmp_path)
    for uuid in list(immich.assets)[:25]:
        immich.purge(uuid)

    read = program.run("immich", "sync", "--full")

    assert (read.returncode, "mediaindex immich confirm" in read.stdout) == (1, True)
    out = program.run("immich", "status").stdout
    assert "25 photos seem to be gone from Immich at once" in " ".join(out.split())
    assert program.run("immich", "confirm").returncode == 2
    assert told(program, "immich", "confirm", "--deleted", "--yes")["confirmed"] == {"anna": 25}
    (account,) = told(program, "immich", "status")["accounts"]
    assert (account["held_back"], account["withheld"], account["matched"]) == (0, {}, MADE - 25)
    nothing = program.run("immich", "confirm", "--locked", "--yes")
    assert (nothing.returncode, nothing.stdout) == (0, "")


def test_what_was_interrupted_is_resumed(program: Program, immich: Immich, tmp_path: Path) -> None:
    key = key_of(immich, tmp_path)
    immich.fail_next(1, Fault.silence().of("GET /api/albums"))
    process = program.start("immich", "connect", immich.url, "--key-file", key, "--yes")
    try:
        immich.wait_until(lambda: any(one.path == "/api/albums" for one in immich.requests), 60)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 130
    assert "interrupted; the next reading goes on" in err
    assert "not read to the end yet" in program.run("immich", "status").stdout
    assert told(program, "immich", "sync")["reads"][0]["is_full"]
    assert "all of it was read" in program.run("immich", "status").stdout


def test_trouble_is_told_where_people_look(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    connected(program, immich, tmp_path)
    immich.stop()

    done = program.run("immich", "sync")
    assert done.returncode == 3
    assert f"there is no Immich at {immich.url}" in done.stdout
    assert done.stderr == ""
    assert "trouble: there is no Immich" in program.run("immich", "status").stdout
    assert "bad  Immich of anna: there is no Immich" in program.run("doctor").stdout
    assert program.run("search", "IMG_0003", "--paths").returncode == 0


def test_what_is_logged_stands_on_lines_of_its_own(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    connected(program, immich, tmp_path)
    immich.fail_next(50, Fault.refuse(500).of("GET /api/albums"))
    program.settings = {**program.settings, "MEDIAINDEX__LOG__LEVEL": "info"}

    _, screen = at_terminal(program, "immich", "sync", "--full")

    [line] = [line for line in screen.split("\n") if " was not read" in line]
    assert line.count("\x1b[K") > 1  # there was a note
    assert re.match(r"\d{4}-\d\d-\d\d .* INFO ", line.rpartition("\x1b[K")[2])


def test_captions_let_immich_have_the_card_first(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    connected(program, immich, tmp_path)
    anna = immich.users["anna"]
    anna.is_admin, anna.keys = True, dict.fromkeys(anna.keys, ("all",))
    immich.queues["smartSearch"]["waiting"] = 1204
    with OllamaServer() as ollama:
        ollama.answer = say
        program.settings = {
            **program.settings,
            "MEDIAINDEX__CAPTION__USE": "ollama",
            "MEDIAINDEX__CAPTION__URL": ollama.url,
            "MEDIAINDEX__CAPTION__MODEL": ollama.models[0].name,
            "MEDIAINDEX__IMMICH__YIELD_GPU": "true",
        }
        waits = program.run("index").stdout
        assert "caption waits: Immich is preparing its search: 1,204 to go" in waits
        assert ollama.requests == []
        immich.queues["smartSearch"]["isPaused"] = True
        assert f"caption: {MADE} done" in program.run("index").stdout


def found_by_doctor(program: Program) -> set[tuple[str, str]]:
    findings = json.loads(program.run("doctor", "--json").stdout)["findings"]
    return {(one["state"], one["said"]) for one in findings if "Immich" in one["what"]}


def test_doctor_looks_at_key_version_clock_and_folders(
    program: Program, immich: Immich, tmp_path: Path
) -> None:
    assert found_by_doctor(program) == set()
    connected(program, immich, tmp_path)
    here = f"{MADE} of its {MADE} photos and videos are here"
    known = found_by_doctor(program)
    assert {("ok", f"3.1.0 at {immich.url}"), ("ok", here)} < known
    noted = sorted((said for state, said in known if state == "note"), reverse=True)
    assert len(noted) == 2
    assert noted[0].startswith("its key lacks asset.upload: which photos are locked")
    assert noted[1] == "its key lacks asset.statistics: noticing within minutes what was locked"

    immich.version, immich.ahead_s = "4.0.0", 3600
    key = tmp_path / "key"
    key.write_text(immich.add_user("ben"))
    key.chmod(0o644)
    program.settings = {
        **program.settings,
        "MEDIAINDEX__IMMICH__WEBHOOK_SECRET": "abcdef0123456789",
    }
    said = "\n".join(f"{state}: {words}" for state, words in found_by_doctor(program))
    for part in (
        "bad: its key is that of ben now; connect again",
        "note: its clock is 60 minutes ahead of this machine's",
        "note: every user of this machine can read its key: chmod 600",
        "serve.listen opens no TCP",
    ):
        assert part in said


def test_hits_lead_to_immich(program: Program, immich: Immich, tmp_path: Path) -> None:
    connected(program, immich, tmp_path)
    page = f"{immich.url}/photos/{of(immich, 'IMG_0003.jpg')}"
    immich.purge(of(immich, "IMG_0005.jpg"))
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    opener.chmod(0o755)
    program.settings = {**program.settings, "PATH": f"{opener.parent}:{os.environ['PATH']}"}

    shown = program.run("search", "IMG_0003", "-n1")
    assert f"          {page}\n" in shown.stdout
    for words in (
        ("IMG_0003", "--open", "immich"),
        ("--open", "immich", "IMG_0003"),
        ("--open=immich", "IMG_0003"),
        ("IMG_0003", "--open"),
        ("--open", "IMG_0003"),
        ("--open", "file", "IMG_0003"),
    ):
        assert program.run("search", "-n1", *words).returncode == 0
    opened = (tmp_path / "opened").read_text().splitlines()
    assert opened[:3] == [page] * 3
    assert [Path(one).name for one in opened[3:]] == ["IMG_0003.jpg"] * 3

    told(program, "immich", "disconnect", immich.url, "--yes")
    lost = program.run("search", "IMG_0003", "-n1", "--open", "immich")
    assert lost.returncode == 1
    assert "is not in Immich, as far as is known" in lost.stderr
    assert "photos/" not in lost.stdout


def test_every_command_explains_itself(program: Program) -> None:
    told_of = program.run("immich", "--help").stdout
    for name in COMMANDS:
        assert name in told_of
