"""The filter tree of Immich v3.2: strict, so that one unknown word in it is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.servers.immich_archive import Archive, FakeAsset, is_at_or_below
from tests.servers.immich_forms import (
    Check,
    Invalid,
    is_flag,
    is_one_of,
    is_text,
    is_time,
    is_uuid,
    is_uuids,
    or_null,
    time_of,
)

TIMES: Mapping[str, Callable[[FakeAsset], datetime | None]] = {
    "updated": lambda asset: asset.updated_at,
    "created": lambda asset: asset.taken_at,
    "taken": lambda asset: asset.taken_at,
    "trashed": lambda asset: asset.updated_at if asset.is_trashed else None,
}
_SHOWN = ("timeline", "archive", "hidden", "locked")
_ONE = ("eq", "ne")
_MANY = ("in", "notIn")
_ORDERED = ("lt", "lte", "gt", "gte")
_LIKE = ("like", "notLike", "startsWith", "endsWith")
_OF = ("any", "all", "none")


@dataclass(frozen=True)
class _Field:
    check: Check
    operators: Sequence[str]
    #: What an asset has there; None: a field that the tests have no use for, only checked.
    value: Callable[[FakeAsset], Any] | None = None


def _time(name: str, *, null: bool = False) -> _Field:
    return _Field(or_null(is_time) if null else is_time, (*_ONE, *_ORDERED), TIMES[name])


FIELDS: Mapping[str, _Field] = {
    "id": _Field(is_uuid, (*_ONE, *_MANY), lambda asset: asset.id),
    "libraryId": _Field(or_null(is_uuid), (*_ONE, *_MANY), lambda asset: asset.library_id),
    "type": _Field(
        is_one_of("IMAGE", "VIDEO", "AUDIO", "OTHER"),
        (*_ONE, *_MANY),
        lambda asset: "VIDEO" if asset.kind == "video" else "IMAGE",
    ),
    "visibility": _Field(is_one_of(*_SHOWN), (*_ONE, *_MANY), lambda asset: asset.visibility),
    "isFavorite": _Field(is_flag, ("eq",), lambda asset: asset.is_favourite),
    "isOffline": _Field(is_flag, ("eq",), lambda asset: asset.is_offline),
    "isMotion": _Field(is_flag, ("eq",)),
    "hasTags": _Field(is_flag, ("eq",), lambda asset: bool(asset.tags)),
    "hasPeople": _Field(is_flag, ("eq",), lambda asset: bool(asset.people)),
    "city": _Field(or_null(is_text), (*_ONE, *_MANY), lambda asset: asset.city),
    "originalPath": _Field(is_text, (*_ONE, *_MANY, *_LIKE), lambda asset: asset.path),
    "description": _Field(is_text, (*_ONE, *_MANY, *_LIKE), lambda asset: asset.description),
    "takenAt": _time("taken"),
    "createdAt": _time("created"),
    "updatedAt": _time("updated"),
    "trashedAt": _time("trashed", null=True),
    "albumIds": _Field(is_uuid, _OF),
    "tagIds": _Field(is_uuid, _OF),
    "personIds": _Field(is_uuid, _OF),
    "checksum": _Field(is_text, (*_ONE, *_MANY), lambda asset: asset.checksum),
}

Fits = Callable[[FakeAsset], bool]


@dataclass(frozen=True)
class Tree:
    """A filter that was checked: (field, operator, value) each, and the branches of `or`."""

    conditions: Sequence[tuple[str, str, Any]]
    branches: Sequence["Tree"]

    @property
    def could_be_locked(self) -> bool:
        """Whether its visibility could be that of what is locked."""
        asked = [(op, value) for name, op, value in self.conditions if name == "visibility"]
        return any(_with_locked(op, value) for op, value in asked) or any(
            branch.could_be_locked for branch in self.branches
        )

    @property
    def albums(self) -> list[str]:
        """The albums that it asks for."""
        return [
            one
            for name, operator, value in self.conditions
            if name == "albumIds" and operator != "none"
            for one in value
        ]

    def fits(self, archive: Archive) -> Fits:
        """Return the test of an asset: what is locked never passes."""
        return lambda asset: asset.visibility != "locked" and self._fits(archive, asset)

    def _fits(self, archive: Archive, asset: FakeAsset) -> bool:
        return all(_holds(archive, asset, *one) for one in self.conditions) and (
            not self.branches or any(branch._fits(archive, asset) for branch in self.branches)
        )


def read_tree(tree: Any, *, may_branch: bool = True) -> Tree:
    """Check a filter.

    Raises:
        Invalid: A key that is not known, an empty operator, a value that does not fit.
    """
    if not isinstance(tree, dict):
        raise Invalid("filter", "Invalid input: expected object")
    conditions = []
    branches: list[Tree] = []
    for name, operators in tree.items():
        if name == "or" and may_branch and isinstance(operators, list):
            branches = [read_tree(branch, may_branch=False) for branch in operators]
            if not all(branch.conditions for branch in branches):
                raise Invalid("filter.or", "At least one condition is required", "custom")
            continue
        conditions += _conditions(name, operators)
    return Tree(conditions, branches)


def _conditions(name: str, operators: Any) -> list[tuple[str, str, Any]]:
    field = FIELDS.get(name)
    if field is None:
        raise Invalid("filter", f'Unrecognized key: "{name}"', "unrecognized_keys")
    if not isinstance(operators, dict) or not operators:
        raise Invalid(f"filter.{name}", "At least one operator is required", "custom")
    for operator, value in operators.items():
        if operator not in field.operators:
            raise Invalid(f"filter.{name}", f'Unrecognized key: "{operator}"', "unrecognized_keys")
        many = operator in _MANY or operator in _OF
        if many and (not isinstance(value, list) or not value):
            raise Invalid(f"filter.{name}.{operator}", "Too small: expected array to have items")
        if operator in _OF and is_uuids(value):
            raise Invalid(f"filter.{name}.{operator}", "Invalid UUID")
        for one in value if many else [value]:
            if wrong := field.check(one):
                raise Invalid(f"filter.{name}.{operator}", wrong)
    return [(name, operator, value) for operator, value in operators.items()]


def _with_locked(operator: str, value: Any) -> bool:
    many = value if isinstance(value, list) else [value]
    return ("locked" in many) == (operator in {"eq", "in"})


def _holds(archive: Archive, asset: FakeAsset, name: str, operator: str, value: Any) -> bool:
    if operator in _OF:
        has = [_has(archive, asset, name, one) for one in value]
        return {"any": any(has), "all": all(has), "none": not any(has)}[operator]
    found = FIELDS[name].value
    assert found is not None, f"the scripted Immich does not filter by {name}"
    return _compare(operator, found(asset), _as_known(value))


def _compare(operator: str, here: Any, value: Any) -> bool:
    if operator in _ORDERED and here is None:
        return False
    compare: Mapping[str, Callable[[], bool]] = {
        "eq": lambda: here == value,
        "ne": lambda: here != value,
        "in": lambda: here in value,
        "notIn": lambda: here not in value,
        "lt": lambda: here < value,
        "lte": lambda: here <= value,
        "gt": lambda: here > value,
        "gte": lambda: here >= value,
        "like": lambda: value.lower() in here.lower(),
        "notLike": lambda: value.lower() not in here.lower(),
        "startsWith": lambda: here.lower().startswith(value.lower()),
        "endsWith": lambda: here.lower().endswith(value.lower()),
    }
    return compare[operator]()


def _as_known(value: Any) -> Any:
    if isinstance(value, str) and is_time(value) is None:
        return time_of(value)
    return value


def _has(archive: Archive, asset: FakeAsset, name: str, wanted: str) -> bool:
    if name == "albumIds":
        return wanted in archive.albums and asset.id in archive.albums[wanted].asset_ids
    tag = archive.tags.get(wanted)
    if name == "tagIds" and tag is not None:
        return tag.owner == asset.owner and any(
            is_at_or_below(value, tag.value) for value in asset.tags
        )
    return False
