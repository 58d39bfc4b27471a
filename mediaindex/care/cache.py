"""Hold the previews to the size that the settings allow (`cache.previews_mb`).

What was looked at longest ago goes first, all previews of a photo or video at once: a video is
decoded as a whole again, however few of its previews are gone. Nobody decodes anything because a
preview went; a stage that needs one has it made (`Redo`), and what shows pictures goes without.

When one was looked at is told by its time of change, which reading sets anew once a day at most:
under `noatime` there is no time of access, and the age of the asset says nothing of its use.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mediaindex import parts
from mediaindex.care import OnNote, unheard
from mediaindex.config import Config
from mediaindex.media.previews import Kept
from mediaindex.store.database import Database
from mediaindex.store.needed import Stock, stock

DOWN_TO = 0.9
"""So much of the limit is left when previews had to go, so that they go seldom and many at once."""

MB = 1_000_000


@dataclass(frozen=True)
class CacheReport:
    """What holding the cache to its size did."""

    #: Before; 0 where there is no limit and nobody looked.
    size_bytes: int
    removed: int = 0
    freed_bytes: int = 0
    #: Why it is still too large; None: it is not.
    trouble: str | None = None


def hold_size(
    config: Config, database: Database, now: datetime, on_note: OnNote = unheard
) -> CacheReport:
    """Forget previews until all fit into `cache.previews_mb`; 0 there keeps all.

    What a stage still has to work from stays, whatever the limit.

    Args:
        config: The settings in force.
        database: The store; only read.
        now: The time; a preview that says it was used later is taken for an old one.
        on_note: Told what is done.
    """
    limit = config.settings.cache.previews_mb * MB
    if limit == 0:
        return CacheReport(0)
    # Listed first: a preview whose asset is then unknown is of none, not of one just found.
    kept = list(parts.previews(config).kept())
    total = sum(preview.size_bytes for preview in kept)
    if total <= limit:
        return CacheReport(total)
    with database.read() as session:
        known = stock(session, stages_from_previews(config))
    excess = total - int(DOWN_TO * limit)
    going = to_forget(kept, known, excess, now.timestamp())
    freed = sum(preview.size_bytes for preview in going)
    on_note(f"forgetting {len(going):,} previews, {freed / MB:,.0f} MB")
    for preview in going:
        preview.path.unlink(missing_ok=True)
    trouble = None
    if total - freed > limit:
        trouble = (
            f"previews take {(total - freed) / MB:,.0f} MB, more than cache.previews_mb: the rest "
            "is still to be looked at or described"
        )
    return CacheReport(total, len(going), freed, trouble)


def stages_from_previews(config: Config) -> tuple[str, ...]:
    """Return the stages in force that work from previews."""
    return ("embed",) if config.settings.caption.use == "off" else ("embed", "caption")


def to_forget(
    kept: Iterable[Kept], known: Stock, excess_bytes: int, now_s: float
) -> Sequence[Kept]:
    """Return which previews go so that at least `excess_bytes` are free, if that can be.

    First those of no asset, then asset by asset, the one longest unseen first.

    Args:
        kept: All there are.
        known: Which assets there are, and whose previews have to stay.
        excess_bytes: How much has to go.
        now_s: Seconds since 1970.
    """
    by_asset: dict[str, list[Kept]] = {}
    for preview in kept:
        if preview.sha256 not in known.needed:
            by_asset.setdefault(preview.sha256, []).append(preview)

    def order(sha256: str) -> tuple[bool, float, str]:
        seen = [one.used_at for one in by_asset[sha256]]
        # A clock that was wrong once must not keep a preview for ever.
        return sha256 in known.known, max((at for at in seen if at <= now_s), default=0.0), sha256

    going: list[Kept] = []
    for sha256 in sorted(by_asset, key=order):
        if excess_bytes <= 0:
            break
        going += by_asset[sha256]
        excess_bytes -= sum(preview.size_bytes for preview in by_asset[sha256])
    return going
