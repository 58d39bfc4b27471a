"""What is done by the clock: sweeps, backups, upkeep, and a look at Immich."""

from collections.abc import Callable, Mapping

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from mediaindex.config import Config
from mediaindex.errors import ConfigError

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

LATE_S = 3600
"""What could not be done at its time (the machine slept) is done up to so much later."""

UPKEEP, TRIM = "30 5 * * sun", "15 * * * *"
"""When the store is put in order, and when the previews are held to their size."""

TICK = "* * * * *"
"""So often the timetable itself looks at the clock, which somebody may have set."""


class Timetable:
    """Runs jobs by the clock of this machine, each in a thread, none beside itself."""

    def __init__(self, config: Config, jobs: Mapping[str, Callable[[], None]]) -> None:
        """Make it; nothing runs yet.

        Args:
            config: Says when.
            jobs: What to do, by name: `sweep`, `backup`, `upkeep`, `trim`, `immich`, `immich_full`.

        Raises:
            ConfigError: A time in the settings cannot be understood.
        """
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_S}
        )
        settings = config.settings
        times = {
            "sweep": (("sweep", "cron"), settings.sweep.cron),
            "backup": (("backup", "cron"), settings.backup.cron),
            "immich": (("immich", "read_cron"), settings.immich.read_cron),
            "immich_full": (("immich", "full_cron"), settings.immich.full_cron),
            "upkeep": ((), UPKEEP),
            "trim": ((), TRIM),
        }
        for name, (keys, cron) in times.items():
            if cron is not None and name in jobs:
                self._scheduler.add_job(jobs[name], _trigger(config, keys, cron), id=name)
        self._scheduler.add_job(lambda: None, trigger(TICK), id="tick")

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Run nothing more; what has begun is not waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def trigger(cron: str) -> CronTrigger:
    """Return what fires at a time written as in crontab, by this machine's clock.

    Raises:
        ValueError: It cannot be understood.
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError(f"it has {len(fields)} parts, not 5")
    return CronTrigger.from_crontab(" ".join([*fields[:4], _weekdays(fields[4])]))


def _weekdays(field: str) -> str:
    """Name the days: in crontab 0 and 7 are Sunday, and here 0 would be Monday."""
    days: list[str] = []
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if not first.isdigit():
            days.append(part)
            continue
        end = int(last or (6 if step else first))
        if int(first) > 7 or end > 7:
            raise ValueError(f"there is no weekday {part}")
        days += [DAYS[day % 7] for day in range(int(first), end + 1, int(step or 1))]
    return ",".join(days)


def _trigger(config: Config, keys: tuple[str, ...], cron: str) -> CronTrigger:
    try:
        return trigger(cron)
    except ValueError as error:
        name, place = ".".join(keys), config.place_of(*keys)
        raise ConfigError(
            f"{name} ({place}): {cron!r} is no time as in crontab, such as '30 4 * * *': {error}"
        ) from error
