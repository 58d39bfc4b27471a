"""Show a model pictures and hear what it says now; nothing is stored."""

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mediaindex import describers, parts
from mediaindex.captioners.describe import Described, Describer
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, QueryError, Unusable
from mediaindex.media.formats import sniff_file
from mediaindex.media.hashing import content_hash
from mediaindex.media.jpeg import jpeg_for_model
from mediaindex.media.photo import decode_photo
from mediaindex.media.previews import PreviewMissing
from mediaindex.pipeline.caption import spread
from mediaindex.store.assets import asset_by_hash, moments_by_asset
from mediaindex.store.files import find_file
from mediaindex.store.tables import AssetRow
from mediaindex.store.withheld import UNTOLD, reason_of
from mediaindex.types import Caption

MOST_MOMENTS = 4
"""So many moments of a video are shown where no second is named."""


@dataclass(frozen=True)
class View:
    """One picture as the model is shown it."""

    path: Path
    #: The moment of a video; None for a photo.
    at_ms: int | None
    jpeg: bytes
    #: Of the content that it was made from.
    sha256: str


@dataclass(frozen=True)
class Look:
    """What the model said of one picture."""

    view: View
    #: None: it gave no answer.
    described: Described | None
    #: Why it gave none, for people; "" if it did.
    trouble: str = ""

    @property
    def caption(self) -> Caption | None:
        """The words, where some are worth keeping."""
        found = self.described.found if self.described else None
        return found if isinstance(found, Caption) else None

    @property
    def why_not(self) -> str:
        """Why there is no caption; "" if there is one."""
        found = self.described.found if self.described else self.trouble
        return found if isinstance(found, str) else ""

    @property
    def has_failed(self) -> bool:
        """Whether the server gave no answer at all; that says nothing of the picture."""
        return self.described is None

    @property
    def took_s(self) -> float | None:
        """How long the answer took; None if there was none."""
        return self.described.origin.duration_ms / 1000 if self.described else None


def describer(config: Config, model: str | None = None) -> Describer:
    """Build who describes pictures, as the settings say or with another model.

    Raises:
        ConfigError: Nobody does (`caption.use: off`), or a setting does not fit.
    """
    if config.settings.caption.use == "off":
        place = config.place_of("caption", "use")
        raise ConfigError(f"nobody describes pictures: caption.use is off ({place})")
    return describers.describer(config, model)


def look(config: Config, describer: Describer, view: View, stop: threading.Event) -> Look:
    """Ask the model to describe a picture, unless it was locked since it was made.

    Raises:
        RetryLater: No server can be asked.
    """
    if why := why_untold(config, view.path, view.sha256):
        return Look(view, None, why)
    try:
        return Look(view, describer.describe(view.jpeg, "", stop))
    except Faulty as error:
        return Look(view, None, str(error))


def is_waiting(describer: Describer) -> bool:
    """Return whether its servers have too much to do, so that a picture waits for them."""
    return all(one.state == "resting" for one in describer.pool.standing())


def why_untold(config: Config, path: Path, sha256: str) -> str:
    """Return why no model is to be told of a picture, for people; "" if one may.

    It is known by where it lies, and by its content wherever that lies.
    """
    if not config.database_path.exists():
        return ""
    with closing(parts.store(config)) as database, database.read() as session:
        file, asset = find_file(session, path), asset_by_hash(session, sha256)
        ids = (None if file is None else file.asset_id, None if asset is None else asset.id)
        reasons = [reason_of(session, asset_id) for asset_id in ids if asset_id is not None]
    told = [f"no model is told of it: it is {one}" for one in reasons if one in UNTOLD]
    return next(iter(told), "")


def views(config: Config, path: Path, at_s: float | None = None) -> list[View]:
    """Return what a file shows: a photo, decoded anew; of a video that is indexed some moments.

    Args:
        config: The settings in force.
        path: The file.
        at_s: Only the moment nearest to this second; None: up to `MOST_MOMENTS`, evenly spread.

    Raises:
        QueryError: A second was named, and it is a photo.
        Unusable: It cannot be decoded, is neither photo nor video, or a video that is not indexed;
            or no model is to be told of it.
        RetryLater: It cannot be read now.
    """
    path = path.expanduser()
    path = path.parent.resolve() / path.name
    found = sniff_file(path)
    if found is None:
        raise Unusable("it is neither a photo nor a video")
    moments = _moments(config, path)
    if len(moments) > 1 or found.kind == "video":
        return _of_video(config, path, moments, at_s)
    if at_s is not None:
        raise QueryError(f"--at is for videos; {path} is a photo")
    return [photo_view(config, path)]


def photo_view(config: Config, path: Path) -> View:
    """Return a photo as the model would be shown it after indexing.

    Raises:
        Unusable: It is no photo, or cannot be decoded, or no model is to be told of it.
        RetryLater: It cannot be read now.
    """
    previews = parts.previews(config)
    photo = decode_photo(path, previews.text_px, parts.limits(config))
    sha256 = content_hash(path).sha256
    if why := why_untold(config, path, sha256):
        raise Unusable(why)
    pixels = previews.fitted(photo.pixels)
    return View(path, None, jpeg_for_model(pixels, config.settings.caption.max_px), sha256)


def moment_view(config: Config, path: Path, sha256: str, at_ms: int, *, is_video: bool) -> View:
    """Return a moment of the index as the model is shown it, made from its preview.

    Raises:
        PreviewMissing: The preview is gone.
        Unusable: No model is to be told of it.
    """
    if why := why_untold(config, path, sha256):
        raise Unusable(why)
    pixels = parts.previews(config).read(sha256, at_ms)
    jpeg = jpeg_for_model(pixels, config.settings.caption.max_px)
    return View(path, at_ms if is_video else None, jpeg, sha256)


def nearest(times_ms: Sequence[int], at_s: float) -> int:
    """Return the time that lies nearest to a second, the earlier of two."""
    return min(times_ms, key=lambda at_ms: (abs(at_ms - at_s * 1000), at_ms))


@dataclass(frozen=True)
class _Moment:
    sha256: str
    at_ms: int


def _moments(config: Config, path: Path) -> list[_Moment]:
    """Return the moments of a file that is indexed, in order of time; none if it is not."""
    if not config.database_path.exists():
        return []
    database = parts.store(config)
    try:
        with database.read() as session:
            row = find_file(session, path)
            if row is None or row.asset_id is None or row.kind is None:
                return []
            asset = session.get_one(AssetRow, row.asset_id)
            times = moments_by_asset(session, [asset.id])[asset.id]
            return [_Moment(asset.sha256, at_ms) for _, at_ms in times]
    finally:
        database.close()


def _of_video(
    config: Config, path: Path, moments: Sequence[_Moment], at_s: float | None
) -> list[View]:
    if not moments:
        raise Unusable("a video is shown by its moments; first do: mediaindex index FOLDER")
    chosen = spread(moments, MOST_MOMENTS)
    if at_s is not None:
        at_ms = nearest([moment.at_ms for moment in moments], at_s)
        chosen = [moment for moment in moments if moment.at_ms == at_ms][:1]
    try:
        return [
            moment_view(config, path, moment.sha256, moment.at_ms, is_video=True)
            for moment in chosen
        ]
    except PreviewMissing as error:
        raise Unusable(f"{error}; mediaindex index makes it again") from error
