"""The shapes of what is answered, for the description that programs read (OpenAPI).

They describe; what is sent is made by the rooms below, and tests hold the two together.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from mediaindex.daemon.service import Phase, Watching

Version = Annotated[Literal[1], Field(description="Of this shape; new keys do not change it.")]
Kind = Literal["photo", "video"]


class Error(BaseModel):
    """What went wrong."""

    kind: str = Field(description="For programs: QueryError, NotFound, Busy, ...")
    message: str = Field(description="For people.")


class ErrorAnswer(BaseModel):
    """Every answer of a status from 400 on."""

    error: Error


class Caption(BaseModel):
    """What a model says of a moment, or of a whole video."""

    description: str
    tags: list[str]
    text_in_image: str = Field(description="What can be read in the picture.")
    setting: str
    model: str
    made_at: datetime


class Why(BaseModel):
    """One ranking that has the hit."""

    by: Literal["picture", "text", "caption", "words", "filter"]
    rank: int = Field(description="Place in that ranking; the first is 1.")
    similarity: float | None
    passage: str | None = Field(description="The words found stand between « and ».")
    source: str | None


class Moment(BaseModel):
    """One photo, or one moment of a video."""

    path: str = Field(description="Bytes that are not UTF-8 are U+FFFD.")
    paths: list[str] = Field(description="Where the same bytes lie.")
    asset_id: int
    moment_id: int
    kind: Kind
    at_ms: int = Field(description="From the start of the video; 0 for a photo.")
    start_ms: int
    end_ms: int
    taken_at: datetime | None
    taken_local: datetime | None = Field(description="The wall clock where it was taken.")
    taken_source: str | None
    place: str | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    width_px: int | None
    height_px: int | None
    rating: int | None
    words: list[str] = Field(description="What people wrote.")
    caption: Caption | None = Field(description="What a model says of the moment.")
    summary: Caption | None = Field(description="What a model says of the whole video.")
    sha256: str
    preview: str = Field(description="Path of its picture on this server.")
    immich_url: str | None = Field(description="Its page in Immich; null: it is not there.")


class MomentAnswer(Moment):
    """One moment by its id."""

    version: Version


class Hit(Moment):
    """One result of a search."""

    score: float = Field(description="0 to 1: 1 is first in every ranking there is.")
    weak: bool = Field(description="No better than chance in this library.")
    why: list[Why]


class SearchAnswer(BaseModel):
    """What a search found, best first."""

    version: Version
    query: str
    like: str | None
    notes: list[str] = Field(description="How the question was understood, for people.")
    model: str | None = Field(description="Whose vectors were used.")
    no_good_match: bool
    hits: list[Hit]


class Described(BaseModel):
    """What a model says of one moment, or why nothing it said was kept."""

    at_ms: int | None = Field(description="null: of the whole video.")
    description: str
    tags: list[str]
    text_in_image: str
    setting: str
    model: str
    made_at: datetime
    duration_ms: int
    rejected: str | None


class AssetAnswer(BaseModel):
    """All that is known of a file and of its content."""

    version: Version
    path: str
    role: Literal["media", "sidecar"]
    withheld: str | None = Field(
        description="Why it is not shown: archived, trashed, hidden, locked (then nothing but this "
        "is told)."
    )
    kind: str | None = Field(description="null: not looked into yet.")
    size_bytes: int
    missing_since: datetime | None
    facts: dict[str, Any] = Field(description="What the file and its sidecars say.")
    place: str | None
    words: list[tuple[str, str, str]] = Field(description="Kind, text, source.")
    captions: list[Described]
    part_of: str | None = Field(description="The photo whose live video this is.")
    paths: list[str]
    sidecars: list[str]
    done: list[tuple[str, str, datetime]] = Field(description="Stage, version, when.")
    unfinished: list[tuple[str, str, str]] = Field(description="Stage, state, reason.")
    moments: int
    vectors: dict[str, int]
    immich_url: str | None = Field(description="Its page in Immich; null: it is not there.")


class MomentOfAsset(BaseModel):
    """One moment of an asset."""

    moment_id: int
    at_ms: int
    start_ms: int
    end_ms: int
    preview: str
    caption: Caption | None


class MomentsAnswer(BaseModel):
    """The moments of an asset in order of time."""

    version: Version
    sha256: str
    kind: Kind
    moments: list[MomentOfAsset]


class StageProgress(BaseModel):
    """What a stage did since the settings in force were read."""

    stage: str
    done: int
    failed: int
    postponed: int
    blocked_reason: str | None
    is_paused: bool
    is_busy: bool = Field(description="Whether anything of it is on its way.")
    busy_s: float


class LibraryNow(BaseModel):
    """What the daemon does about one library now."""

    id: int
    name: str
    root: str
    watching: Watching
    watch_trouble: str | None
    offline_reason: str | None
    is_sweeping: bool
    sweep_trouble: str | None = Field(description="Why it could not be looked at last.")
    held_back: int = Field(description="So many files seem gone; a person has to confirm it.")


class ImmichNow(BaseModel):
    """What the daemon does beside Immich now."""

    is_reading: bool
    doing: str | None = Field(description="How far it is with that, for people.")
    begun: int = Field(description="Number of the last reading that began.")
    ended: int = Field(description="Number of the last reading that ended.")
    trouble: str | None = Field(description="Why it could not be read last.")
    yield_trouble: str | None = Field(description="Why captions do not wait for it.")
    writes: list[str] = Field(description="What the settings in force have written there.")
    reads: list[dict[str, Any]] = Field(description="What the last reading did, by account.")


class ImmichAccount(BaseModel):
    """One person's archive in an Immich."""

    id: int
    person: str
    url: str
    web_url: str
    version: str = Field(description="Of the Immich there.")
    writable: bool = Field(description="false: it is newer than what is known, and only read.")
    connected_at: datetime
    read_at: datetime | None = Field(description="When it was last read.")
    full_at: datetime | None = Field(description="When all of it was last read.")
    assets: int = Field(description="Photos and videos that Immich has.")
    matched: int = Field(description="So many of them are ours.")
    by_path: int
    by_checksum: int
    unmatched: int
    withheld: dict[str, int] = Field(description="How many are not shown, by reason.")
    surely_locked: int = Field(description="Of those withheld as locked, of which Immich said so.")
    vanished: int = Field(description="Matched, and not to be read any more: locked or deleted.")
    held_back: int = Field(description="So many vanished at once; a person has to say why.")
    written: int = Field(description="So many have words of ours in Immich.")
    wiped: int = Field(description="So many of these lost them there at some time.")
    lost: int = Field(description="So many had lost them all when it was last read; see `written`.")
    trouble: str | None = Field(description="Why it cannot be read or written.")
    vanished_paths: list[str] | None = Field(
        default=None, description="What vanished, if that was asked for."
    )


class ImmichAnswer(BaseModel):
    """The accounts of Immich that are connected."""

    version: Version
    accounts: list[ImmichAccount]
    given_up: list[dict[str, str | None]] = Field(
        description="Libraries in which nothing more is written: `library`, `folder`, `reason`."
    )
    left_alone: dict[str, int] = Field(
        description="On how many photos nothing more is written, by reason."
    )
    now: ImmichNow


class DaemonState(BaseModel):
    """What the daemon does now."""

    started_at: datetime
    phase: Phase
    trouble: str | None
    config_trouble: str | None
    libraries: list[LibraryNow]
    stages: list[StageProgress]
    videos: dict[str, float] = Field(description="Videos in work, and how much is done, 0 to 1.")
    index_trouble: str | None
    chore_troubles: list[str] = Field(description="What went wrong with backups or upkeep.")
    immich: ImmichNow


class StatusAnswer(BaseModel):
    """How indexing goes: what `mediaindex status --json` says, and the daemon."""

    version: Version
    libraries: list[dict[str, Any]]
    assets: dict[str, int]
    withheld: dict[str, int] = Field(description="How many are not shown, by reason.")
    files: dict[str, int]
    stages: dict[str, dict[str, Any]]
    blocked: list[dict[str, Any]]
    paused: list[str]
    captions: dict[str, Any] | None
    troubles: list[dict[str, Any]]
    trouble_count: int
    model: str | None
    disk_bytes: dict[str, int]
    daemon: DaemonState


class Library(BaseModel):
    """One library, and what the daemon does about it."""

    id: int
    name: str
    root: str
    files: int
    missing_files: int
    swept_at: datetime | None
    offline_reason: str | None
    watching: Watching | None = Field(description="null: not taken up yet.")
    watch_trouble: str | None
    is_sweeping: bool
    sweep_trouble: str | None
    held_back: int


class LibrariesAnswer(BaseModel):
    """Every library, oldest first."""

    version: Version
    libraries: list[Library]


class AddedAnswer(BaseModel):
    """A folder was taken in."""

    version: Version
    name: str = Field(description="Of its library.")


class ForgottenAnswer(BaseModel):
    """A library was taken out of the index."""

    version: Version
    library: str
    assets: int = Field(description="So many photos and videos lay nowhere else.")


class AcceptedAnswer(BaseModel):
    """It will be done soon."""

    version: Version
    accepted: Literal[True]


class ReadingAnswer(AcceptedAnswer):
    """Immich will be read soon."""

    reading: int = Field(description="The number of that reading.")


class Job(BaseModel):
    """One stage's unfinished business with one file."""

    id: int
    stage: str
    state: Literal["leased", "waiting", "failed"]
    path: str
    asset_id: int | None
    file_id: int | None
    attempts: int
    error: str | None
    run_after: datetime | None
    updated_at: datetime


class JobsAnswer(BaseModel):
    """One page of jobs."""

    version: Version
    jobs: list[Job]
    next_after: int | None = Field(description="`after` of the next page; null: this is the last.")


class RetriedAnswer(BaseModel):
    """What is due again."""

    version: Version
    retried: int
    described_again: int = Field(description="So many of them though nothing went wrong.")


class PausedAnswer(BaseModel):
    """Whether a stage is paused now."""

    version: Version
    stage: str
    paused: bool


class HealthAnswer(BaseModel):
    """The process lives, and its work does not hang."""

    healthy: Literal[True]


class ReadyAnswer(BaseModel):
    """Questions are answered."""

    ready: Literal[True]


class NewLibrary(BaseModel):
    """A folder to take in."""

    path: str = Field(description="From / on, on the daemon's machine.", min_length=1)


class Again(BaseModel):
    """What to try again."""

    failed: bool = Field(default=False, description="Everything that failed or was put off.")
    stage: str | None = Field(default=None, description="Only what failed in this stage.")
    files: list[str] | None = Field(default=None, description="Only these files, from / on.")
