from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.config import load_config
from mediaindex.daemon.timetable import Timetable, trigger
from mediaindex.errors import ConfigError

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "day"),
    [
        ("0 3 * * *", 22),
        ("0 3 * * 0", 22),
        ("0 3 * * 7", 22),
        ("0 3 * * 1", 23),
        ("0 3 * * mon", 23),
        ("0 3 * * 5-7", 22),
        ("0 3 * * 1-5", 23),
        ("0 3 * * 2,4", 24),
        ("0 3 * * 3/2", 25),
        ("0 3 1 * *", 1),
    ],
)
def test_times_mean_what_they_mean_in_crontab(cron: str, day: int) -> None:
    found = trigger(cron)
    due = found.get_next_fire_time(None, SATURDAY.astimezone(found.timezone))

    assert due is not None
    assert (due.day, due.hour) == (day, 3)


@pytest.mark.parametrize("cron", ["", "daily", "0 25 * * *", "0 3 * * 8", "0 3 * *", "x 3 * * *"])
def test_what_is_no_time_is_an_error_of_the_settings(cron: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f'sweep:\n  cron: "{cron}"\n')
    config = load_config(file, {"HOME": str(tmp_path)})

    with pytest.raises(ConfigError, match=r"sweep\.cron \(.*/config\.yaml line 2\)"):
        Timetable(config, {"sweep": lambda: None})
