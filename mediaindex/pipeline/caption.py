"""Stage: previews -> a model's words on each moment, and on each video as a whole."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.captioners.describe import Described, Describer
from mediaindex.captioners.schedule import Schedule
from mediaindex.errors import BrokenOff, Faulty, RetryLater, ServerBusy
from mediaindex.immich.busy import LOOK_AGAIN_S
from mediaindex.media.jpeg import jpeg_for_model
from mediaindex.media.previews import PreviewMissing, PreviewStore
from mediaindex.pipeline.stage import PREVIEWED, Blocked, Redo
from mediaindex.store import captions, jobs
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.due import Work, assets_due
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow, PlaceRow
from mediaindex.store.withheld import may_be_told

CHUNK = 4
"""So many moments of one video are asked about at a time, for each question that may be on its way.

What is found is stored after each such part, so a kill in the middle of a film loses that at most.
"""


T = TypeVar("T")

GRACE_S = 8.0
"""So long an answer may take yet when the run is to end: an end within ten seconds is expected."""

LOOK_S = 1.0


MayTell = Callable[[int], bool]
"""Whether a model may be told of an asset now: asked of the store, from any thread."""


@dataclass(frozen=True)
class Scene:
    """An asset, as far as it is to be described."""

    asset_id: int
    sha256: str
    kind: str
    #: The stage that makes its previews.
    previewed_by: str
    #: (moment id, at_ms) of those that were not asked about, in order of time.
    moments: tuple[tuple[int, int], ...]
    #: `at_ms` of all its moments.
    times: tuple[int, ...]
    #: (at_ms, description) of the moments that have one.
    said: tuple[tuple[int, str], ...]
    has_summary: bool
    duration_s: float | None
    #: What may be told to the model about it; "" for nothing.
    facts: str


@dataclass(frozen=True)
class Told:
    """What came of asking about some moments of an asset."""

    #: By moment id; None stands for the whole video.
    found: tuple[tuple[int | None, Described], ...]
    #: Nothing is left to ask.
    is_all: bool


@dataclass(frozen=True)
class Ways:
    """What a model is shown, and when."""

    max_px: int
    #: Of a video as a whole; 0: it is not summed up.
    video_frames: int
    tell_facts: bool
    schedule: Schedule | None = None


class Caption:
    """Asks a vision-language model about previews, a part of one asset at a time."""

    name = "caption"
    subject: Subject = "asset"
    lasting = True
    batch = 1

    def __init__(
        self,
        describer: Describer,
        previews: PreviewStore,
        ways: Ways,
        stop: threading.Event,
        may_tell: MayTell,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        busy: Callable[[], str | None] | None = None,
    ) -> None:
        """Contact nobody yet.

        Args:
            describer: Who is asked.
            previews: What it is shown.
            ways: How it is asked, and when.
            stop: Set when the run is to end.
            may_tell: Whether an asset may be told of to anybody now.
            clock: The wall clock, with its zone.
            busy: What else works on the graphics card now and is let go first; None: nobody asks.
        """
        self.width = describer.pool.slots
        self._describer = describer
        self._previews = previews
        self._ways = ways
        self._stop = stop
        self._may_tell = may_tell
        self._clock, self._busy = clock, busy
        self._asking = ThreadPoolExecutor(self.width, self.name)
        self._is_closed = threading.Event()
        self._ending: threading.Thread | None = None
        facts = " facts" if ways.tell_facts else ""
        #: Of the captions that count: the model's name, and all that words its answers.
        self.version = describer.version + facts
        self._video_version = self.version
        if ways.video_frames > 0:
            self._video_version = describer.summary_version + facts
        self._work = Work(
            self.name,
            self.version,
            kinds=("photo", "video"),
            after=PREVIEWED,
            video_version=self._video_version,
            tells=True,
        )

    def ready(self) -> None:
        """Have a server at hand whose model is loaded, however long that takes.

        Raises:
            RetryLater: It is not the hour, or no server can be asked; the text names the remedy.
        """
        self._heed()
        if self._ending is None:
            self._ending = threading.Thread(target=self._end, name="end captions", daemon=True)
            self._ending.start()
        self._describer.pool.open()

    def due(self) -> Select[int]:
        """Return the query for assets of which some moment was not asked about."""
        return assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> Scene:
        """Return what is left to ask about an asset."""
        asset = session.get_one(AssetRow, subject_id)
        moments = moments_by_asset(session, [subject_id])[subject_id]
        asked = captions.asked_about(session, subject_id, (self.version, self._video_version))
        said = captions.captions_of_asset(session, subject_id) if asset.kind == "video" else {}
        return Scene(
            asset_id=subject_id,
            sha256=asset.sha256,
            kind=asset.kind,
            previewed_by="frames" if asset.kind == "video" else "decode",
            moments=tuple(moment for moment in moments if moment[0] not in asked),
            times=tuple(at_ms for _, at_ms in moments),
            said=tuple(
                (at_ms, said[moment_id].caption.description)
                for moment_id, at_ms in moments
                if moment_id in said
            ),
            has_summary=None in asked,
            duration_s=None if asset.duration_ms is None else asset.duration_ms / 1000,
            facts=_facts(session, asset) if self._ways.tell_facts else "",
        )

    def work(self, inputs: Sequence[Scene]) -> list[Told]:
        """Ask about some moments of an asset, several at once, or about the whole video."""
        return [self._tell(scene) for scene in inputs]

    def save(self, session: Session, subject_id: int, result: Told, now: datetime) -> None:
        """Store the words, with their full text; they are embedded next, and told to Immich.

        Nothing is kept of what was locked while the answer was on its way.
        """
        if not may_be_told(session, subject_id):
            jobs.finish(session, self.name, "asset", subject_id)
            return
        for moment_id, described in result.found:
            captions.save_caption(
                session,
                subject_id,
                moment_id,
                self._video_version if moment_id is None else self.version,
                described.found,
                described.origin,
                now,
            )
        jobs.forget_results(session, subject_id, ("embed_text", "publish"))
        if result.is_all:
            is_video = session.get_one(AssetRow, subject_id).kind == "video"
            version = self._video_version if is_video else self.version
            jobs.mark_done(session, subject_id, self.name, version, now, redo=())
        else:
            jobs.finish(session, self.name, "asset", subject_id)

    def close(self) -> None:
        """Let go of the servers."""
        self._is_closed.set()
        self._describer.pool.close()
        self._asking.shutdown(wait=False, cancel_futures=True)

    def _end(self) -> None:
        """When the run is to end, give what is on its way a moment, and then break it off."""
        while not self._stop.wait(timeout=LOOK_S):
            if self._is_closed.is_set():
                return
        self._is_closed.wait(GRACE_S)
        self._describer.pool.close()

    def _heed(self) -> None:
        """Go on; raises Blocked if it is not the hour, or somebody else needs the card."""
        self._heed_schedule()
        who = self._busy() if self._busy is not None else None
        if who is not None:
            raise Blocked(who, LOOK_AGAIN_S)

    def _heed_schedule(self) -> None:
        schedule, now = self._ways.schedule, self._clock()
        if schedule is not None and not schedule.is_open(now):
            opens = schedule.opens_next(now)
            raise Blocked(
                f"it goes on at {opens:%H:%M} (caption.schedule)", (opens - now).total_seconds()
            )

    def _tell(self, scene: Scene) -> Told:
        self._heed()
        if self._stop.is_set():
            raise BrokenOff("it goes on where it was broken off")
        wants_summary = self._wants_summary(scene)
        if not scene.moments:
            # Of a video of which nothing could be said moment by moment, nothing can be as a whole.
            found = [(None, self._sum_up(scene))] if wants_summary and scene.said else []
            return Told(tuple(found), is_all=True)
        chunk = scene.moments[: CHUNK * self.width]
        told, trouble = self._describe_some(scene, chunk)
        if trouble and not told:
            raise min(trouble, key=_gravity)
        is_all = not trouble and len(chunk) == len(scene.moments) and not wants_summary
        return Told(tuple(told), is_all)

    def _wants_summary(self, scene: Scene) -> bool:
        several = scene.kind == "video" and len(scene.times) > 1
        return several and self._ways.video_frames > 0 and not scene.has_summary

    def _describe_some(
        self, scene: Scene, chunk: Sequence[tuple[int, int]]
    ) -> tuple[list[tuple[int | None, Described]], list[Exception]]:
        """Return what is said of these moments, and what went wrong with the others."""
        calls = [
            (moment_id, self._asking.submit(self._describe, scene, at_ms))
            for moment_id, at_ms in chunk
        ]
        told: list[tuple[int | None, Described]] = []
        trouble: list[Exception] = []
        for moment_id, call in calls:
            try:
                told.append((moment_id, call.result()))
            except Exception as error:  # noqa: BLE001 - what the others brought is kept
                trouble.append(error)
        return told, trouble

    def _describe(self, scene: Scene, at_ms: int) -> Described:
        picture = self._picture(scene, at_ms, self._ways.max_px)
        ask = partial(self._describer.describe, picture, scene.facts, self._stop)
        return self._asked(scene, ask)

    def _sum_up(self, scene: Scene) -> Described:
        """Sum a video up from pictures of it, where the model takes several, or from the words."""
        pictures = []
        if self._describer.pool.takes_many:
            times = spread(scene.times, self._ways.video_frames)
            # Eight in the usual size would fill the 4,096 tokens of a request by themselves.
            pictures = [self._picture(scene, at_ms, self._ways.max_px // 2) for at_ms in times]
        ask = partial(self._describer.summarise, pictures, scene.said, scene.duration_s, self._stop)
        return self._asked(scene, ask)

    def _picture(self, scene: Scene, at_ms: int, max_px: int) -> bytes:
        try:
            pixels = self._previews.read(scene.sha256, at_ms)
        except PreviewMissing as error:
            raise Redo(scene.previewed_by, str(error)) from error
        return jpeg_for_model(pixels, max_px)

    def _asked(self, scene: Scene, ask: Callable[[], Described]) -> Described:
        # It was claimed seconds ago, or minutes: a person may have locked it since.
        if not self._may_tell(scene.asset_id):
            raise BrokenOff("it is not to be described any more")
        try:
            return ask()
        except (RetryLater, Faulty) as error:
            if self._stop.is_set():
                raise BrokenOff("it goes on where it was broken off") from error
            if isinstance(error, Faulty):
                raise
            after_s = error.after_s if isinstance(error, ServerBusy) else None
            raise Blocked(str(error), after_s) from error


def _facts(session: Session, asset: AssetRow) -> str:
    """Return when and where something was taken, in a sentence; "" if neither is known."""
    place = None if asset.place_id is None else session.get(PlaceRow, asset.place_id)
    when = f" on {asset.taken_local:%d %B %Y}" if asset.taken_local else ""
    where = f" in {place.name}, {place.country}" if place else ""
    if not when and not where:
        return ""
    return f"It was taken{when}{where}."


def _gravity(error: Exception) -> int:
    """Return which trouble says most of a part that came to nothing; the least first."""
    kinds = (Redo, BrokenOff, Blocked, Faulty)
    return next((rank for rank, kind in enumerate(kinds) if isinstance(error, kind)), -1)


def spread(things: Sequence[T], number: int) -> list[T]:
    """Return up to `number` of the things, evenly spread, the first and the last among them."""
    if len(things) <= number:
        return list(things)
    if number == 1:
        return [things[len(things) // 2]]
    return [things[round(place * (len(things) - 1) / (number - 1))] for place in range(number)]
