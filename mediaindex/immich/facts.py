"""What Immich says of a photo in words; our own words in it are left out."""

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it is stored for each asset of an account."""

    #: A person's words alone: without our marked block (see `mediaindex.marked`).
    description: str = ""
    #: Whether our block stood in it when it was read.
    has_block: bool = False
    people: tuple[str, ...] = ()
    #: Whole paths; without ours (`mediaindex/...`).
    tags: tuple[str, ...] = ()
    #: Of them ours.
    our_tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    #: City, state and country.
    places: tuple[str, ...] = ()
    #: What Immich's own OCR read; "" where it read nothing or was not asked yet.
    seen: str = ""
