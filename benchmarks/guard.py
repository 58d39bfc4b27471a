"""Precision and recall of the guard of captions, on tables of answers with a verdict each.

python benchmarks/guard.py
python benchmarks/guard.py --table tests/data/answers.yaml
python benchmarks/guard.py --hostile

The last prints what answers cost that say one thing over and over, as a looping model does.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mediaindex.captioners.guard import Rejected, judge, judge_text
from mediaindex.types import Caption

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
PROMPT = (
    "You describe pictures for a family's archive. Describe this picture in 2 sentences. "
    "Answer in JSON with description, tags, text_in_image, setting."
)

WARM_UP = "A dog runs along a beach."
"""Judged before anything is measured, as the first answer loads the languages."""

HOSTILE_CHARACTERS = 20_000

HEADS = (
    *(
        "",
        "A dog runs. A cat sits on a mat. ",
        "It is against ",
        "Describe in ",
        "Tags: ",
        "<think>",
    ),
    *('{"description": "', '{"description": ["', '{"description": ', '{"a": "A dog.", "text": "'),
)
"""What a hostile answer begins with."""

UNITS = (
    *(
        "[",
        "![",
        "{",
        "{{} ",
        "[] ",
        "a{",
        '["a{',
        "(",
        "[1,2,3,4]",
        "[1,2,3,4;",
        '{"a":',
        "{}",
        "/*",
    ),
    *('"', '"a"b"', 'a" ', '", "', "'", " 'a", "“a ", "„a «b ", "「犬", '{"description": ', "/**/"),
    *(
        "**",
        "**a ~~b __c ",
        "_",
        "*a ",
        "`",
        "```\n",
        "# ",
        "\n- ",
        "- ",
        "=\n",
        "\n",
        " ",
        "\t\n ",
    ),
    *("<", "<img ", '<img alt="', "<b ", "</p> ", "<think>", "<box>", "<object>", "<s>", "<abc>"),
    *("a<box>1</box>&b<box>1</box>", "[name] - ", "<quad>", "<|a|>", "[THINK]", "&quot;", "&#32;"),
    *("\\u0000", "\\ud83d", "\\n", '\\"', "\\", "\0", "\ud800", "\u202e", "😀", "👨‍👩‍👧", "犬。"),
    *(
        "很好",
        "1",
        "1 ",
        "1, ",
        "1a",
        ".",
        "..x",
        "a.",
        "A. ",
        "a. ",
        "A b. ",
        "! ",
        "?",
        "。",
        "a",
        "a ",
    ),
    *(
        "a b ",
        "a, b ",
        "a\n",
        "USER: a ",
        "A: ",
        "yes, no, ",
        "oh so but, ",
        "in a ",
        "it is against ",
    ),
    *(
        "describe in a ",
        "i cannot describe ",
        "I'm sorry. ",
        "here is the description ",
        "Tags: a\n",
    ),
    *(
        "you should describe ",
        "sorry, ",
        "please ",
        "a sign says ",
        "kann ich ",
        "www.a.com ",
        "a.com.",
    ),
    *("by - ", ": ", "a: ", "// a\n", "begin with describing ", "I am a, the ", "without the, i "),
)
"""What it says over and over: what a looping model does, and what patterns find hard."""


@dataclass(frozen=True)
class Entry:
    name: str
    family: str
    asked: str
    language: str
    done_reason: str
    text: str
    verdict: str
    reason: str
    must_contain: list[str] = field(default_factory=list)
    must_not_contain: list[str] = field(default_factory=list)


def read(path: Path) -> list[Entry]:
    return [Entry(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def faults(entry: Entry, judged: Caption | Rejected) -> list[str]:
    """Return what is wrong with a verdict; a kept caption must also hold what it must."""
    if isinstance(judged, Rejected):
        if entry.verdict == "keep":
            return [f"rejected: {judged.reason} ({judged.detail})"]
        return [] if judged.reason == entry.reason else [f"{judged.reason}, not {entry.reason}"]
    if entry.verdict == "reject":
        return [f"kept: {judged.description}"]
    held = "\n".join(
        (judged.description, *judged.tags, judged.text_in_image, judged.setting)
    ).lower()
    lost = [f"lost {word!r}" for word in entry.must_contain if word.lower() not in held]
    left = [f"left {word!r}" for word in entry.must_not_contain if word in judged.description]
    return lost + left


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def measure(path: Path) -> None:
    """Print a line of a table, and the names of the answers that were judged wrongly."""
    entries = read(path)
    began = time.perf_counter()
    judged = [
        judge(entry.text, entry.done_reason, language=entry.language, prompt=PROMPT)
        for entry in entries
    ]
    each_ms = (time.perf_counter() - began) / len(entries) * 1000
    kept = [not isinstance(verdict, Rejected) for verdict in judged]
    good = [entry.verdict == "keep" for entry in entries]
    right_kept = sum(k and g for k, g in zip(kept, good, strict=True))
    right_rejected = sum(not k and not g for k, g in zip(kept, good, strict=True))
    wrong = [(entry, faults(entry, v)) for entry, v in zip(entries, judged, strict=True)]
    reasons = sum(
        isinstance(v, Rejected) and v.reason == entry.reason
        for entry, v in zip(entries, judged, strict=True)
    )
    clean = sum(entry.verdict == "keep" and not found for entry, found in wrong)
    print(
        f"| {path.name} | {len(entries)} "
        f"| {share(right_kept, sum(kept))} | {share(right_kept, sum(good))} "
        f"| {share(right_rejected, len(kept) - sum(kept))} "
        f"| {share(right_rejected, len(good) - sum(good))} "
        f"| {share(reasons, right_rejected)} | {share(clean, sum(good))} | {each_ms:.2f} |"
    )
    for entry, found in wrong:
        if found:
            print(f"  {entry.name} [{entry.family}]: {'; '.join(found)}")


def hostile(characters: int) -> Iterator[tuple[str, str]]:
    """Yield answers that are hard to read, each after its name."""
    for head in HEADS:
        for unit in UNITS:
            text = (head + unit * characters)[:characters]
            yield ascii(head + unit + "..."), text
    yield "numbered sentences", "".join(f"Man {i} runs. " for i in range(characters))[:characters]
    yield (
        "ever other characters",
        "".join(map(chr, range(0x4E00, 0x4E00 + min(characters, 20_000)))),
    )


def cpu_seconds(text: str) -> float:
    """Return what the dearest way to judge a text takes of the processor."""
    costs = []
    for done_reason in ("stop", "length"):
        for verdict in (judge, judge_text):
            began = time.process_time()
            verdict(text, done_reason, language="en", prompt=PROMPT)
            costs.append(time.process_time() - began)
    return max(costs)


def measure_hostile(characters: int, shown: int = 25) -> None:
    """Print the dearest of the hostile answers."""
    judge(WARM_UP, "stop", language="en", prompt=PROMPT)
    costs = sorted(((cpu_seconds(text), name) for name, text in hostile(characters)), reverse=True)
    print(f"| what it repeats, {characters} characters of it | cpu s |\n|---|---|")
    for cost, name in costs[:shown]:
        print(f"| `{name}` | {cost:.3f} |")


def main(paths: list[Path]) -> None:
    print(
        "| table | answers | keep: precision | recall | reject: precision | recall "
        "| right reason | kept and clean | ms each |\n|" + "---|" * 9
    )
    judge(WARM_UP, "stop", language="en", prompt=PROMPT)
    for path in paths:
        measure(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--hostile", type=int, nargs="?", const=HOSTILE_CHARACTERS, help="characters of each answer"
    )
    parser.add_argument("--table", type=Path, nargs="+", help="tables other than answers*.yaml")
    asked = parser.parse_args()
    if asked.hostile:
        measure_hostile(asked.hostile)
    else:
        main(asked.table or sorted(DATA.glob("answers*.yaml")))
