"""`mediaindex immich status`: the accounts, what of them is here, and what hinders."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from mediaindex import parts
from mediaindex.cli.output import counted, printable, put_json, put_wrapped, settings_of
from mediaindex.cli.reading import daemon_to_read
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.immich.standing import standing

TO_CONNECT = "No Immich is connected. To connect one: mediaindex immich connect URL --key-file FILE"

NOT_SHOWN = {
    "archived": "archived",
    "trashed": "in the trash",
    "hidden": "hidden",
    "unsure": "locked or gone from there",
}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.option(
    "--vanished", is_flag=True, help="List what Immich does not show any more: locked or deleted."
)
@click.pass_context
def immich_status(ctx: click.Context, as_json: bool, vanished: bool) -> int:
    """Show the accounts of Immich, what of them is here, and what hinders."""
    config = settings_of(ctx)
    daemon = daemon_to_read(config)
    found = found_accounts(config, daemon, vanished=vanished)
    if as_json:
        put_json(found)
        return 0
    if not found["accounts"]:
        click.echo(TO_CONNECT)
    for account in found["accounts"]:
        for line in lines_of(account, datetime.now(UTC)):
            put_wrapped(line)
    for line in (*_given_up(found), *_now(found["now"], found["accounts"])):
        put_wrapped(line)
    return 0


def found_accounts(
    config: Config, daemon: Daemon | None, *, vanished: bool = False
) -> dict[str, Any]:
    """Return the accounts as `/api/v1/immich` tells them; without a daemon `now` is None."""
    if daemon is not None:
        told: dict[str, Any] = daemon.get("/api/v1/immich", vanished=str(vanished).lower())
        return told
    if not config.database_path.exists():
        return {"version": 1, "accounts": [], "given_up": [], "left_alone": {}, "now": None}
    database = parts.store(config)
    try:
        return {**standing(database, vanished=vanished), "now": None}
    finally:
        database.close()


def lines_of(account: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield what is shown of an account.

    Args:
        account: As `immich.standing` tells it.
        now: UTC.
    """
    who, where = printable(account["person"]), printable(account["url"])
    yield f"{who} at {where}, Immich {account['version']}"
    if not account["writable"]:
        yield "  newer than this program knows: it is read only, and not written to"
    if account["trouble"]:
        yield f"  trouble: {printable(account['trouble'])}"
    yield f"  {_read(account, now)}"
    if account["full_at"] or account["assets"]:
        yield f"  {_matched(account)}"
    if withheld := _not_shown(account):
        yield f"  not shown: {', '.join(withheld)}"
    yield from _gone(account)
    yield from _written(account)


def _read(account: Mapping[str, Any], now: datetime) -> str:
    if not account["full_at"]:
        return "not read to the end yet; the daemon goes on, or mediaindex immich sync"
    full = _ago(account["full_at"], now)
    read = _ago(account["read_at"] or account["full_at"], now)
    return f"all of it was read {full} ago" + ("" if read == full else f", what changed {read} ago")


def _matched(account: Mapping[str, Any]) -> str:
    ways = {"path": account["by_path"], "content": account["by_checksum"]}
    by = ", ".join(f"{number:,} by {way}" for way, number in ways.items() if number)
    here = f"{account['matched']:,} of its {account['assets']:,} photos and videos are here"
    return f"{here} ({by})" if by else here


def _not_shown(account: Mapping[str, Any]) -> list[str]:
    """Return why how many are not shown; what is locked only where Immich said so."""
    counts = Counter(account["withheld"])
    counts["unsure"] = counts["locked"] - account.get("surely_locked", 0)
    counts["locked"] -= counts["unsure"]
    return [f"{n:,} {NOT_SHOWN.get(why, why)}" for why, n in sorted(counts.items()) if n > 0]


def _gone(account: Mapping[str, Any]) -> Iterator[str]:
    if account["held_back"]:
        yield (
            f"  {counted(account['held_back'], 'photo')} seem to be gone from Immich at once. If "
            "they were deleted there: mediaindex immich confirm --deleted; if they were locked: "
            "mediaindex immich confirm --locked"
        )
    if account["vanished"] and "vanished_paths" not in account:
        many = counted(account["vanished"], "photo")
        yield (
            f"  {many} cannot be seen there any more, and so may be locked; which: "
            "mediaindex immich status --vanished"
        )
    for path in account.get("vanished_paths", ()):
        yield f"  cannot be seen there any more: {printable(path)}"
    if account.get("vanished_paths"):
        yield "  To show one all the same: mediaindex immich show FILE"


def _written(account: Mapping[str, Any]) -> Iterator[str]:
    lost = account.get("lost", 0)
    if standing := account["written"] - lost:
        wiped = f", {account['wiped']:,} lost them there at some time" if account["wiped"] else ""
        yield f"  {counted(standing, 'photo')} with words of ours in Immich{wiped}"
    if lost:
        then = "it is" if lost == 1 else "they are"
        have = "has" if lost == 1 else "have"
        yield f"  {counted(lost, 'photo')} {have} lost our words; {then} looked at again"


def _given_up(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield where nothing more is written, and why."""
    for one in found.get("given_up", ()):  # a daemon of an older version does not tell
        which = "what was uploaded" if one["library"] is None else "a library"
        yield f"Given up: {which}, in {printable(one['folder'])}: {one['reason']}"
    for reason, number in Counter(found.get("left_alone", {})).most_common():
        yield f"{number:,} left alone: {reason}"


def _now(now: Mapping[str, Any] | None, accounts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the daemon does; None: there is none. What is told of an account is enough."""
    if now is None:
        return
    if now["is_reading"]:
        yield f"The daemon reads it now: {printable(now['doing'] or 'it has just begun')}"
    of_accounts = "; ".join(one["trouble"] for one in accounts if one["trouble"])
    if now["trouble"] and now["trouble"] != of_accounts:
        yield f"The daemon cannot read it: {printable(now['trouble'])}"
    if now["yield_trouble"] and now["yield_trouble"] not in (now["trouble"], of_accounts):
        yield printable(now["yield_trouble"])


def _ago(at: datetime | str, now: datetime) -> str:
    then = datetime.fromisoformat(at) if isinstance(at, str) else at
    age = max(timedelta(0), now - then)
    minutes = int(age.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(age.days, "day")
