from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mediaindex.store import blocked, jobs
from mediaindex.store.due import LEASE, Work, assets_due, at, files_due
from mediaindex.store.tables import AssetRow, BlockedRow, FileRow, JobRow, LibraryRow
from tests.conftest import NOW, AddAsset

DECODE = Work("decode", "768px", kinds=("photo",), after=())
EMBED = Work("embed", "model-a", kinds=("photo",), after=("decode", "frames"))
LATER = NOW + timedelta(days=1)


def claim(session: Session, work: Work = DECODE, after_id: int = 0, limit: int = 9) -> list[int]:
    return jobs.claim(
        session,
        work.stage,
        "asset",
        assets_due(work),
        ids=(after_id, 99),
        limit=limit,
        worker="here:1",
        now=NOW,
    )


def test_what_is_leased_is_not_given_twice(session: Session, add_asset: AddAsset) -> None:
    ids = [add_asset(f"{name}.jpg") for name in "abc"]

    assert claim(session, limit=2) == [ids[2], ids[1]]
    assert claim(session) == ids[:1]
    assert claim(session) == []


def test_lease_names_its_holder_until_the_job_ends(session: Session, add_asset: AddAsset) -> None:
    first, second = add_asset("a.jpg"), add_asset("b.jpg")
    claim(session, limit=1)

    assert jobs.leases(session, "decode", "asset", [first, second]) == {second: "here:1"}
    jobs.forget_results(session, second, ["decode"])
    assert jobs.leases(session, "decode", "asset", [first, second]) == {}


def test_job_that_is_gone_does_not_stumble(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()

    assert not jobs.stumble(
        session, "decode", "asset", asset_id, reason="?", wait=timedelta(0), now=NOW
    )
    assert session.scalars(select(JobRow)).all() == []


def test_lease_that_ran_out_is_free_again(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    claim(session)

    later = NOW + LEASE + timedelta(seconds=1)

    assert session.scalars(assets_due(DECODE), at(later)).all() == [asset_id]


def test_done_is_due_again_only_in_another_version(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    claim(session)
    jobs.mark_done(session, asset_id, "decode", "768px", NOW, redo=())

    assert claim(session) == []
    assert claim(session, Work("decode", "1024px", ("photo",), ())) == [asset_id]


def test_stage_waits_for_the_one_before_it(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    assert claim(session, EMBED) == []

    jobs.mark_done(session, asset_id, "decode", "768px", NOW, redo=())

    assert claim(session, EMBED) == [asset_id]


def test_new_result_makes_what_worked_from_the_old_one_due(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    jobs.mark_done(session, asset_id, "decode", "768px", NOW, redo=())
    jobs.mark_done(session, asset_id, "embed", "model-a", NOW, redo=())

    jobs.mark_done(session, asset_id, "decode", "1024px", NOW, redo=("embed",))

    assert claim(session, EMBED) == [asset_id]


@pytest.mark.parametrize(
    "columns", [{"missing_since": NOW}, {"kind": "video"}], ids=["missing", "another kind"]
)
def test_what_the_stage_cannot_work_at_is_not_due(
    session: Session, add_asset: AddAsset, columns: dict[str, object]
) -> None:
    add_asset(**columns)

    assert claim(session) == []


def test_failed_stays_failed_until_a_person_says_retry(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    claim(session)
    jobs.fail(session, "decode", "asset", asset_id, reason="cut off", now=NOW)

    assert session.scalars(assets_due(DECODE), at(LATER)).all() == []
    assert jobs.retry(session) == 1
    assert claim(session) == [asset_id]


def test_postponed_waits_and_counts_no_attempt(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    claim(session)
    until = NOW + timedelta(minutes=5)

    jobs.postpone(session, "decode", "asset", asset_id, reason="share is off", until=until, now=NOW)

    assert claim(session) == []
    assert session.scalars(assets_due(DECODE), at(until)).all() == [asset_id]
    assert session.scalars(select(JobRow.attempts)).one() == 0
    assert jobs.next_retry(session, ["decode"], NOW) == until


def test_stumbling_is_tried_again_a_finite_number_of_times(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    claim(session)

    given_up = [
        jobs.stumble(session, "decode", "asset", asset_id, reason="?", wait=timedelta(0), now=NOW)
        for _ in range(jobs.MAX_ATTEMPTS)
    ]

    assert given_up == [False] * (jobs.MAX_ATTEMPTS - 1) + [True]
    assert session.scalars(assets_due(DECODE), at(LATER)).all() == []


def test_interrupted_work_is_free_at_once_and_is_no_attempt(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    claim(session)

    assert jobs.release_leases(session) == 1
    assert claim(session) == [asset_id]
    assert session.scalars(select(JobRow.attempts)).one() == 0


def test_attempts_outlive_an_interruption(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    claim(session)
    jobs.stumble(session, "decode", "asset", asset_id, reason="?", wait=timedelta(0), now=NOW)
    jobs.claim(
        session,
        "decode",
        "asset",
        select(AssetRow.id),
        limit=1,
        worker="w",
        now=LATER,
    )

    jobs.release_leases(session)

    assert session.scalars(select(JobRow.attempts)).one() == 1


def test_retry_can_be_of_one_stage(session: Session, add_asset: AddAsset) -> None:
    asset_id = add_asset()
    for stage in ("decode", "probe"):
        claim(session, Work(stage, "1", ("photo",), ()))
        jobs.fail(session, stage, "asset", asset_id, reason="cut off", now=NOW)

    assert jobs.retry(session, stage="probe") == 1
    assert session.scalars(select(JobRow.stage)).all() == ["decode"]


def test_blocked_stage_remembers_since_when(session: Session) -> None:
    blocked.block(session, "embed", "no weights", NOW)
    blocked.block(session, "embed", "still no weights", LATER)

    row = session.scalars(select(BlockedRow)).one()
    assert (row.reason, row.since) == ("still no weights", NOW)
    blocked.unblock(session, "embed")
    session.expire_all()
    assert session.scalars(select(BlockedRow)).all() == []


@pytest.mark.parametrize(("stage", "is_due"), [("decode", False), ("embed", True)])
def test_only_work_that_needs_the_file_waits_for_a_library_that_is_offline(
    session: Session, add_asset: AddAsset, stage: str, is_due: bool
) -> None:
    asset_id = add_asset("a.jpg", "nas")
    copied = add_asset("b.jpg", "nas")
    here = add_asset("c.jpg", "here")
    folder_id = session.scalars(select(FileRow.folder_id).filter_by(asset_id=here)).one()
    copy = {"name": "b.jpg", "size_bytes": 1, "mtime_ns": 0, "role": "media", "found_at": NOW}
    session.add(FileRow(folder_id=folder_id, asset_id=copied, kind="photo", **copy))
    session.scalars(select(LibraryRow).filter_by(name="nas")).one().offline_reason = "no network"
    work = DECODE if stage == "decode" else EMBED
    for each in (asset_id, copied, here) if stage == "embed" else ():
        jobs.mark_done(session, each, "decode", "768px", NOW, redo=())
    session.flush()

    assert session.scalars(assets_due(work), at(NOW)).all() == [
        *([asset_id] if is_due else []),
        copied,
        here,
    ]


def test_copy_that_is_gone_makes_no_asset_of_an_offline_library_due(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset("a.jpg", "nas")
    add_asset("c.jpg", "here", missing_since=NOW)
    session.execute(update(FileRow).where(FileRow.name == "c.jpg").values(asset_id=asset_id))
    session.execute(update(FileRow).where(FileRow.name == "c.jpg").values(missing_since=NOW))
    assert claim(session) == [asset_id]
    jobs.release_leases(session)
    session.execute(update(LibraryRow).where(LibraryRow.name == "nas").values(offline_reason="x"))

    assert claim(session) == []


def test_file_of_a_library_that_is_offline_is_not_due_until_it_is_back(
    session: Session, add_asset: AddAsset
) -> None:
    for library in ("nas", "here"):
        add_asset(f"{library}.jpg", library)
    session.execute(update(FileRow).values(kind=None, asset_id=None))
    due = files_due("identify")
    assert len(session.scalars(due, at(NOW)).all()) == 2
    nas = update(LibraryRow).where(LibraryRow.name == "nas")

    session.execute(nas.values(offline_reason="no network"))
    names = select(FileRow.name).where(FileRow.id.in_(due))
    assert session.scalars(names, at(NOW)).all() == ["here.jpg"]
    session.execute(nas.values(offline_reason=None))
    assert len(session.scalars(due, at(NOW)).all()) == 2


def test_what_a_wrong_clock_put_off_for_years_is_due_all_the_same(
    session: Session, add_asset: AddAsset
) -> None:
    asset_id = add_asset()
    until = NOW + timedelta(days=365)
    jobs.postpone(session, "decode", "asset", asset_id, reason="?", until=until, now=NOW)

    assert claim(session) == [asset_id]
    assert jobs.next_retry(session, ["decode"], NOW) is None
