"""The commands that write to Immich and take it out again, as processes that may be killed."""

import json

from mediaindex.immich.checking import ENOUGH, check_written
from mediaindex.immich.writing import EDITED, WIPED
from mediaindex.marked import with_block
from tests.acceptance.program import Program
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

WORDS = "A dog runs along a beach."


def program(beside: Beside) -> Program:
    """Give the program over the database of a test, with its settings."""
    settings = {
        "MEDIAINDEX_STATE_DIR": str(beside.database.path.parent),
        "MEDIAINDEX__IMMICH__WRITE": json.dumps(beside.write),
        "MEDIAINDEX__IMMICH__WRITES_PER_MIN": "6000",
    }
    return Program(beside.home, settings)


def run(beside: Beside, command: str, *arguments: str) -> tuple[int, str, str]:
    done = program(beside).run("immich", command, *arguments)
    return done.returncode, done.stdout, done.stderr


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
    process = program(beside).start("immich", "write")
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


def test_connected_at_another_address_it_can_still_be_put_back(beside: Beside) -> None:
    uuid = beside.add("Anna", library=False)
    assert run(beside, "write")[0] == 0
    url = beside.server.url.replace("127.0.0.1", "localhost")
    arguments = (url, "--key-file", str(beside.home / "anna.key"), "--map", "/none=/nowhere")

    code, out, err = run(beside, "connect", *arguments, "--yes")

    assert code == 0, err
    out = " ".join(out.split())
    assert f"It is the Immich that was connected at {beside.server.url}" in out
    assert "None of the photos looked at lies in /none" in out
    beside.write = ()
    assert run(beside, "revert", "--yes")[0] == 0
    assert beside.server.assets[uuid].description == "Anna"
    assert len(json.loads(run(beside, "status", "--json")[1])["accounts"]) == 1


def test_of_an_unknown_version_yes_is_not_enough(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.server.version = "4.0.0"
    beside.write = ()

    code, _, err = run(beside, "revert", "--yes")

    assert code == 2
    assert "Immich 4.0.0 is newer" in err
    assert "--unknown-version" in err
    assert beside.server.assets[uuid].description != "Anna"
    assert "Immich 4.0.0 is newer" in run(beside, "revert")[2]  # which asks
    assert run(beside, "revert", "--yes", "--unknown-version")[0] == 0
    assert beside.server.assets[uuid].description == "Anna"


def test_what_is_left_and_who_is_off_is_told(beside: Beside) -> None:
    uuid = beside.add("Anna")
    theirs = beside.add("Ben", account_id=beside.connect("ben"), owner="ben")
    beside.run()
    asset = beside.server.assets[uuid]
    asset.description = asset.description.replace("dog", "wolf")
    beside.write = ()

    code, out, _ = run(beside, "revert", "--all", "--yes")

    assert code == 1
    assert "put back what stood on 1 photo or video" in out
    assert EDITED in out
    assert "mediaindex immich revert --edited" in " ".join(out.split())
    assert beside.server.assets[theirs].description == "Ben"
    beside.server.users["ben"].keys.clear()
    code, told, _ = run(beside, "revert", "--yes", "--edited", "--json")
    assert code == 3
    found = json.loads(told)
    assert (found["put_back"], found["left"]) == (1, [])
    assert [one["account"] for one in found["skipped"]] == ["ben"]
    code, out, err = run(beside, "write", "--dry-run")
    assert code == 3
    assert "refuses our key" in err
    assert "/photos/1.jpg (anna)" in out
