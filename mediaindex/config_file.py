"""Read config.yaml and the environment, and say where in them a mistake stands."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec
import yaml

from mediaindex.errors import ConfigError

Keys = tuple[str | int, ...]
"""Where a value stands: `("embedder", "batch")`, `("libraries", 0, "path")`."""

Places = dict[Keys, str]
"""Where each key was written, for people: `/etc/m.yaml line 12`, or a variable's name."""

PREFIX = "MEDIAINDEX__"

QUOTES = ("'", '"')


# By libyaml a complete config.yaml is read in 2 ms instead of 30, at every command.
if TYPE_CHECKING:
    from yaml import SafeLoader as Fast
else:
    Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(Fast):
    """Takes only `true` and `false` for what they are, as YAML 1.2 does: `off` and `no` are words.

    One is a value of ours, the other the language of Norway.
    """


BOOL = "tag:yaml.org,2002:bool"
Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")


def read(path: Path) -> tuple[dict[str, Any], Places]:
    """Return what the file says, and where each key stands in it.

    Raises:
        ConfigError: The file cannot be read, is not YAML, does not hold keys and values, or has a
            key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=Loader)
        written = yaml.load(text, Loader=Loader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text") from error
    except yaml.YAMLError as error:
        raise _bad_yaml(str(path), error) from error
    if written is None:
        return {}, {}
    if not isinstance(written, dict):
        raise ConfigError(
            f"{path}: it should hold keys and values, as the config.yaml shipped does"
        )
    return written, dict(_places(str(path), root, ()))


def overrides(
    environ: Mapping[str, str], section: type[msgspec.Struct]
) -> Iterator[tuple[str, Keys, Any]]:
    """Yield (variable, keys, value) for every `MEDIAINDEX__SECTION__KEY`.

    Values are YAML. But what is to be text is taken as it stands, unless it is in quotes or null: a
    secret may be all digits. And a list of words may be written with commas alone.

    Args:
        environ: The environment.
        section: What all settings are; it tells what each key takes.

    Raises:
        ConfigError: A value is not YAML.
    """
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        keys = tuple(part.lower() for part in variable.removeprefix(PREFIX).split("__"))
        text, kind = environ[variable].strip(), _kind(section, keys)
        try:
            value = yaml.load(text, Loader=Loader)
        except yaml.YAMLError as error:
            if not (_is_text(kind) or (_is_words(kind) and not text.startswith("["))):
                raise _bad_yaml(variable, error) from error
            value = text
        if _is_text(kind) and text[:1] not in QUOTES and (value is not None or "#" in text):
            value = text
        elif _is_words(kind) and not isinstance(value, list | None):
            words = value if isinstance(value, str) else text
            value = [word.strip() for word in words.split(",") if word.strip()]
        yield variable, keys, value


def put(written: dict[str, Any], keys: Keys, value: object, variable: str) -> None:
    """Set `value` at `keys` in `written`, whose sections are made as needed.

    Raises:
        ConfigError: The keys lead through something that is no section.
    """
    section: Any = written
    for key in keys[:-1]:
        section = section.setdefault(key, {}) if isinstance(section, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(f"{variable}: {_dotted(keys[:-1])} is not a section")
    section[keys[-1]] = value


def check_keys(
    written: Mapping[str, Any], section: type[msgspec.Struct], places: Places, at: Keys = ()
) -> None:
    """Check that every key of `written` exists in `section`, all the way down.

    Raises:
        ConfigError: One does not; the text says where it stands and what it may have meant.
    """
    fields = {field.name: field.type for field in msgspec.structs.fields(section)}
    for key, value in written.items():
        here = (*at, key)
        if key not in fields:
            import difflib

            close = difflib.get_close_matches(str(key), fields, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(fields)}"
            raise ConfigError(f"{_where(here, places)}: there is no {_dotted(here)!r}; {meant}")
        for inner, sub in _sections(fields[key], value, here):
            check_keys(inner[1], sub, places, inner[0])


def at_its_place(
    error: msgspec.ValidationError, section: type[msgspec.Struct], places: Places
) -> ConfigError:
    """Return `error` in words that name the key, where it was written, and what would be right."""
    what, _, path = str(error).partition(" - at `$.")
    found = re.findall(r"[^.\[\]`]+", path)
    keys: Keys = tuple(int(part) if part.isdecimal() else part for part in found)
    what = what.replace("`", "").replace("Expected", "expected", 1).replace(", got", ", not")
    what = what.replace("expected bool", "expected true or false")
    what = what.replace("object", "a section with keys of its own").replace("array", "a list")
    if what.startswith("Invalid enum value"):
        what = f"expected one of {', '.join(get_args(_kind(section, keys)))}"
    elif what == "expected a list, not str" and _is_words(_kind(section, keys)):
        what = "expected a list; write it in brackets, such as [one, another]"
    if keys == ("caption", "schedule") and what.endswith(("not int", "not float")):
        # 22:00 is a number to YAML: 1320, to the base of 60.
        what = 'write it in quotes, such as "22:00-07:00"'
    elif len(keys) == 2 and keys[0] == "libraries" and what.endswith("not str"):
        what = "write - path: FOLDER, with the word path before the folder's own path"
    elif what.startswith("expected str") and what.endswith(("not int", "not float")):
        what = "expected words, not a number; write it in quotes"
    return wrong(keys, places, what)


def wrong(keys: Keys, places: Places, what: str) -> ConfigError:
    """Return the error for the value at `keys`; it names where that was written."""
    return ConfigError(f"{_where(keys, places)}: {_dotted(keys)}: {what}")


def _bad_yaml(name: str, error: yaml.YAMLError) -> ConfigError:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ConfigError(f"{name}: not YAML: {' '.join(str(error).split())}")
    told = ", ".join(part for part in (error.context, error.problem) if part)
    return ConfigError(f"{name} line {error.problem_mark.line + 1}: not YAML: {told}")


def _kind(kind: Any, keys: Keys) -> Any:  # noqa: ANN401 - a type or an alias
    """Return the type of the value at `keys`; None where there is no such key."""
    for key in keys:
        if get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(str(key))
        else:
            return None
    return kind


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - as above
    return kind is str or kind == str | None


def _is_words(kind: Any) -> bool:  # noqa: ANN401 - as above
    if get_origin(kind) is not tuple:
        return False
    each = get_args(kind)[0]
    return each is str or get_origin(each) is Literal


def _sections(
    kind: Any,  # noqa: ANN401 - a type, or a generic alias, which has no common type
    value: object,
    here: Keys,
) -> Iterator[tuple[tuple[Keys, dict[str, Any]], type[msgspec.Struct]]]:
    if get_origin(kind) is tuple and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _sections(get_args(kind)[0], item, (*here, number))
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        yield (here, value), kind


def _places(name: str, node: yaml.Node | None, at: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            here = (*at, key.value)
            line = key.start_mark.line + 1
            if key.value in lines:
                first = lines[key.value]
                raise ConfigError(
                    f"{name} line {line}: {_dotted(here)} stands in line {first} already"
                )
            lines[key.value] = line
            yield here, f"{name} line {line}"
            yield from _places(name, value, here)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            here = (*at, number)
            yield here, f"{name} line {item.start_mark.line + 1}"
            yield from _places(name, item, here)


def _where(keys: Keys, places: Places) -> str:
    """Return where `keys` was written; of a key that is not there, where its section was."""
    for end in range(len(keys), 0, -1):
        if keys[:end] in places:
            return places[keys[:end]]
    return "settings"


def _dotted(keys: Keys) -> str:
    return ".".join(str(key) for key in keys)
