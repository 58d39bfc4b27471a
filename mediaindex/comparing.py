"""Show several models the same pictures, one model after the other, and measure them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from mediaindex import parts
from mediaindex.captioners.describe import Describer
from mediaindex.config import Config
from mediaindex.errors import ConfigError, RetryLater, Unusable
from mediaindex.installed import check, survey
from mediaindex.looking import Look, View, describer, look, photo_view
from mediaindex.remote import check_told
from mediaindex.sources.folder import Rules, walk
from mediaindex.store.counts import count_assets

OnLook = Callable[[str, int, int], None]
"""Told how far it is: the model, how many pictures it was shown, and of how many."""


@dataclass(frozen=True)
class Trial:
    """One model and what it said of each picture."""

    model: str
    looks: tuple[Look, ...]
    #: How many pictures its servers describe at the same time.
    at_once: int

    @property
    def seconds(self) -> list[float]:
        """How long each answer took, of those that came."""
        return [look.took_s for look in self.looks if look.took_s is not None]

    @property
    def mean_s(self) -> float | None:
        """The mean of them; None if none came."""
        return fmean(self.seconds) if self.seconds else None

    @property
    def median_s(self) -> float | None:
        """Their median; None if none came."""
        return median(self.seconds) if self.seconds else None

    @property
    def tokens_per_s(self) -> float | None:
        """The median of its speeds; None where the server does not tell."""
        found = [one.described.origin.tokens_per_s for one in self.looks if one.described]
        known = [speed for speed in found if speed]
        return median(known) if known else None

    @property
    def described(self) -> int:
        """Of how many pictures it said something worth keeping."""
        return sum(one.caption is not None for one in self.looks)

    def whole_s(self, moments: int) -> float | None:
        """Return how long it would take to describe so many moments; None if not known."""
        return None if self.mean_s is None else moments * self.mean_s / self.at_once


@dataclass(frozen=True)
class Comparison:
    """All that was found."""

    views: tuple[View, ...]
    trials: tuple[Trial, ...]
    #: How many moments the user's library has; 0 where nothing is indexed.
    moments: int


def compare(
    config: Config,
    models: Sequence[str],
    folder: Path,
    number: int,
    stop: threading.Event,
    on_look: OnLook = lambda _model, _done, _of: None,
) -> Comparison:
    """Show each model the same pictures: all to the first, then all to the next.

    So no model has to be loaded twice, and none is timed while another one is loaded.

    Args:
        config: The settings in force.
        models: As the server names them; each once.
        folder: Whose photos are shown, with the folders below it.
        number: At most so many.
        stop: Ends it soon when it is set.
        on_look: Told before each picture.

    Raises:
        ConfigError: Nobody describes pictures, or the folder has no photo.
        RetryLater: No server is there, or one of the models is on none.
    """
    tellers = [describer(config, model) for model in models]
    try:
        check(survey(config), models)
        shown = tuple(pick(config, folder, number))
        if not shown:
            raise ConfigError(f"{folder} has no photo that can be shown")
        trials = tuple(
            _tried(config, teller, model, shown, stop, on_look)
            for teller, model in zip(tellers, models, strict=True)
        )
    finally:
        for teller in tellers:
            teller.pool.close()
    return Comparison(shown, trials, _moments(config))


def pick(config: Config, folder: Path, number: int) -> Iterator[View]:
    """Yield up to `number` photos of a folder, evenly spread, in order of path.

    The same folder gives the same photos. What a sweep would pass by is passed by, and what no
    model is to be told of.
    """
    found: list[tuple[Path, View]] = []
    for path in even(_files(config, folder), number):
        if len(found) == number:
            break
        try:
            check_told(config, path)
            found.append((path, photo_view(config, path)))
        except (Unusable, RetryLater):
            continue  # no photo, or none that can be shown: the next one stands for it
    yield from (view for _, view in sorted(found, key=lambda pair: pair[0]))


def even(paths: Sequence[Path], number: int) -> Iterator[Path]:
    """Yield all paths in such an order that the first `number` lie evenly apart.

    The paths are cut into `number` stretches; the first of each comes first, then each second.
    """
    bounds = [len(paths) * cut // number for cut in range(number + 1)]
    stretches = [paths[begin:end] for begin, end in pairwise(bounds)]
    for place in range(max(map(len, stretches), default=0)):
        yield from (stretch[place] for stretch in stretches if place < len(stretch))


def _files(config: Config, folder: Path) -> list[Path]:
    section = config.settings.sweep
    rules = Rules(section.exclude, section.exclude_marker, section.hidden, section.follow_links)
    root = parts.absolute(folder)
    return sorted(
        root / found.path / file.name for found in walk(root, rules) for file in found.files
    )


def _tried(
    config: Config,
    teller: Describer,
    model: str,
    shown: Sequence[View],
    stop: threading.Event,
    on_look: OnLook,
) -> Trial:
    on_look(model, 0, len(shown))
    teller.pool.open()
    looks = []
    for number, view in enumerate(shown, start=1):
        on_look(model, number, len(shown))
        looks.append(look(config, teller, view, stop))
    return Trial(model, tuple(looks), teller.pool.slots)


def _moments(config: Config) -> int:
    if not config.database_path.exists():
        return 0
    database = parts.store(config)
    try:
        with database.read() as session:
            return count_assets(session)["moments"]
    finally:
        database.close()
