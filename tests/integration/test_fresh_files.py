"""What arrives in the middle of an import comes before all that waits."""

import threading
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from mediaindex.pipeline.sweep import Library
from mediaindex.store import assets, jobs
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import files_due
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow, FileRow, JobRow
from tests.conftest import NOW
from tests.integration.test_runner import Step, run
from tests.sweeping import added, fill, jobs_of, look


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return added(database, tmp_path / "library")


def identify(database: Database, most: int) -> list[str]:
    """Look into so many files, in the order in which `identify` does; return their names."""
    with database.write() as session:
        due = files_due("identify")
        job = {"limit": most, "worker": "here:1", "now": NOW}
        ids = jobs.claim(session, "identify", "file", due, **job)  # type: ignore[arg-type]
        return [hold(session, file_id) for file_id in ids]


def hold(session: Session, file_id: int, content: str = "") -> str:
    """Say that a file holds a picture, its own if no content is given; return its name."""
    file = session.get_one(FileRow, file_id)
    sha256 = (content or file.name).rjust(64, "0")
    assets.identify_file(session, file_id, Identity(sha256, 1, "photo", "jpeg"), NOW)
    jobs.finish(session, "identify", "file", file_id)
    return file.name


def decoded(database: Database) -> list[str]:
    """Decode all that is due; return the names in the order in which that was done."""
    step = Step("decode")
    step.batch = step.width = 1
    run(database, step)
    with database.read() as session:
        query = select(FileRow.asset_id, FileRow.name)
        names = dict(session.execute(query).all())
    return [names[asset_id] for asset_id in step.worked]


def test_fresh_file_comes_before_those_of_the_import_that_are_identified_later(
    database: Database, library: Library
) -> None:
    fill(library, *(f"{number}.jpg" for number in range(8)))
    look(database, library)
    early = identify(database, 4)
    fill(library, "fresh.jpg")
    look(database, library)
    late = identify(database, 5)

    assert late[0] == "fresh.jpg"
    assert decoded(database) == ["fresh.jpg", *early, *late[1:]]


def test_one_that_is_looked_into_late_does_not_wait_for_all_the_rest(
    database: Database, library: Library
) -> None:
    fill(library, *(f"{number:02}.jpg" for number in range(40)))
    look(database, library)
    found = threading.Event()

    class Looking(Step):
        subject: Subject = "file"

        def due(self) -> Select[int]:
            return files_due(self.name)

        def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
            hold(session, subject_id)
            found.set()

    def decode(asset_id: int) -> None:
        if asset_id == 19:
            with database.write() as session:
                session.execute(delete(JobRow).where(JobRow.file_id == 30))
            assert found.wait(30)

    with database.write() as session:
        late = {"file_id": 30, "stage": "identify", "state": "failed", "updated_at": NOW}
        session.add(JobRow(**late))
    identify(database, 39)
    step = Step("decode", decode)
    step.batch = step.width = 1

    run(database, Looking("identify"), step)

    assert sorted(step.worked) == list(range(1, 41))
    assert step.worked.index(30) < step.worked.index(5)


def test_file_that_changed_is_as_fresh_as_any(database: Database, library: Library) -> None:
    fill(library, *(f"{number}.jpg" for number in range(4)))
    look(database, library)
    identify(database, 2)
    with database.write() as session:
        older = session.scalars(select(AssetRow.id).order_by(AssetRow.id)).first()
        changed = hold(session, older or 0, "changed")
    identify(database, 2)

    assert decoded(database)[0] == changed


def test_ids_that_are_taken_are_not_asked_for(database: Database, library: Library) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    with database.write() as session:
        for sha256 in "xyz":  # as an older version gave them
            made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
            session.add(AssetRow(sha256=sha256, **made))

    identify(database, 2)

    with database.read() as session:
        held = session.scalars(select(FileRow.asset_id).order_by(FileRow.id)).all()
    assert set(held) == {4, 5}


def test_what_could_not_be_read_is_due_again_when_there_is_another_file_of_it(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg")
    look(database, library)
    identify(database, 1)
    with database.write() as session:
        for stage, attempts in (("decode", 0), ("embed", 1)):  # what went wrong itself waits on
            waits = {"state": "waiting", "attempts": attempts, "updated_at": NOW}
            session.add(JobRow(stage=stage, asset_id=1, **waits))
    fill(library, "b.jpg")
    look(database, library)

    with database.write() as session:
        hold(session, 2, content="a.jpg")

    assert jobs_of(database) == ["embed"]


def test_what_was_given_up_of_a_file_that_had_just_changed_is_tried_again(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    with database.write() as session:
        for file_id in (1, 2):
            hold(session, file_id, content="same")
        failed = {"state": "failed", "updated_at": NOW}
        session.add_all(
            JobRow(stage=stage, asset_id=1, **failed) for stage in ("decode", "caption")
        )
    (library.root / "a.jpg").write_bytes(b"other bytes than those that were looked into")

    look(database, library)

    assert jobs_of(database) == ["caption"]
