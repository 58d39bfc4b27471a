"""The commands that write to Immich and take it out again, as processes that may be killed."""

import json
import subprocess
import sys

from mediaindex.immich.checking import ENOUGH, check_written
from mediaindex.immich.writing import EDITED, WIPED
from mediaindex.marked import with_block
from tests.acceptance import loaded
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

WORDS = "A dog runs along a beach."


def start(beside: Beside, command: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start `mediaindex immich COMMAND`, with the settings of a test."""
    name = f"immich_{command}"
    main = f"import mediaindex.cli.main as m\nfrom mediaindex.cli.{name} import {name}\n"
    return subprocess.Popen(
        # As the group has it: errors and exit codes are told by `main`.
        [sys.executable, "-c", f"{main}m.cli = {name}\nm.main()", *arguments],
        env={
            **loaded.of_the_machine(),
            "HOME": str(beside.home),
            "MEDIAINDEX_STATE_DIR": str(beside.database.path.parent),
            "MEDIAINDEX_CACHE_DIR": str(beside.home / "cache"),
            "MEDIAINDEX__IMMICH__WRITE": json.dumps(beside.write),
            "MEDIAINDEX__IMMICH__WRITES_PER_MIN": "6000",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(beside: Beside, command: str, *arguments: str) -> tuple[int, str, str]:
    process = start(beside, command, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_off_by_default_it_says_how_to_see_first_and_sends_nothing(beside: Beside) -> None:
    beside.add("Anna")
    beside.write = ()

    code, _, err = run(beside, "write")

    assert code == 2
    assert "immich.write" in err
    assert "--dry-run" in err
    assert beside.server.requests == []


def test_a_dry_run_shows_a_difference_and_only_asks(beside: Beside) -> None:
    uuid = beside.add("Anna\nin Lisbon")
    beside.write = ()

    code, out, err = run(beside, "write", "--dry-run")
    _, told, _ = run(beside, "write", "--dry-run", "--json")

    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert "/photos/1.jpg (anna)" in lines
    assert "in Lisbon" in lines
    assert {"+[mediaindex]", f"+{WORDS}", "+ tag mediaindex/dog"} <= set(lines)
    assert "1 would be written; nothing was sent" in lines
    assert "\x1b" not in out
    [found] = [json.loads(line) for line in told.splitlines()]
    assert (found["uuid"], found["tags_on"]) == (uuid, ["mediaindex/dog", "mediaindex/beach"])
    assert found["description"] == with_block("Anna\nin Lisbon", WORDS)
    assert {one.method for one in beside.server.requests} == {"GET"}


def test_written_shown_as_done_and_put_back(beside: Beside) -> None:
    first, second = beside.add("Anna"), beside.add("Ben")
    assets = beside.server.assets

    code, out, err = run(beside, "write", "--limit", "1")
    assert code == 0, err
    assert (out + err).count("told Immich of 1 photo") == 1
    assert (assets[first].description, assets[second].tags != set()) == ("Anna", True)
    code, out, _ = run(beside, "write", "--json")
    assert (code, json.loads(out)["done"]) == (0, 1)
    assert run(beside, "write") == (0, "nothing to write\n", "")
    assert run(beside, "revert", "--yes")[0] == 2  # writing is on
    beside.write = ()
    assert run(beside, "revert")[0] == 2  # nobody said yes

    code, out, err = run(beside, "revert", "--yes")

    assert code == 0, err
    assert "put back what stood on 2 photos and videos" in out
    assert [assets[one].description for one in (first, second)] == ["Anna", "Ben"]


def test_status_tells_what_is_given_up_and_left_alone(beside: Beside) -> None:
    for number in range(ENOUGH):
        beside.add("Anna" if number else "")
    upload = beside.add("Ben", library=False)
    beside.run()
    first = next(iter(beside.server.assets.values()))
    beside.server.read_only = True
    beside.server.assets[upload].description += "\n[mediaindex] of mine"
    for asset in beside.server.assets.values():
        if asset.id == upload:
            asset.description = asset.description.replace("dog", "cat")
        else:
            asset.description, asset.tags = asset.file_description, set()
    beside.later()
    check_written(
        beside.config, beside.database, beside.client(), beside.account(), beside.now, ENOUGH + 1
    )

    code, out, err = run(beside, "status")
    _, told, _ = run(beside, "status", "--json")

    assert (code, err) == (0, "")
    out = " ".join(out.split())
    assert f"Given up: a library, in /photos: {WIPED}" in out
    assert f"1 left alone: {EDITED}" in out
    found = json.loads(told)
    assert found["given_up"] == [
        {"library": first.library_id, "folder": "/photos", "reason": WIPED}
    ]
    assert found["left_alone"] == {EDITED: 1}


def test_kill_9_in_the_middle_of_a_photo_loses_nothing(beside: Beside) -> None:
    uuid = beside.add(" Anna\r\n", tags=["travel"])
    beside.server.fail_next(1, Fault.silence().of("PUT /api/tags"))
    process = start(beside, "write")
    beside.server.wait_until(
        lambda: any(one.path == "/api/tags" for one in beside.server.requests), 30
    )
    process.kill()
    process.communicate()
    asset = beside.server.assets[uuid]
    assert (asset.description, asset.tags) == (with_block(" Anna\r\n", WORDS), {"travel"})

    assert run(beside, "write")[0] == 0

    assert asset.description == with_block(" Anna\r\n", WORDS)
    assert asset.tags == {"travel", "mediaindex/dog", "mediaindex/beach"}
    beside.write = ()
    assert run(beside, "revert", "--yes")[0] == 0
    assert (asset.description, asset.tags, asset.record) == (" Anna\r\n", {"travel"}, {})
