"""Precision and recall of the guard of captions, on tables of answers with a verdict each.

python benchmarks/guard.py
python benchmarks/guard.py --table tests/data/answers.yaml
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mediaindex.captioners.guard import Rejected, judge
from mediaindex.types import Caption

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
PROMPT = (
    "You describe pictures for a family's archive. Describe this picture in 2 sentences. "
    "Answer in JSON with description, tags, text_in_image, setting."
)


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


def main(paths: list[Path]) -> None:
    print(
        "| table | answers | keep: precision | recall | reject: precision | recall "
        "| right reason | kept and clean | ms each |\n|" + "---|" * 9
    )
    judge("A dog runs along a beach.", "stop", language="en", prompt=PROMPT)  # loads what it needs
    for path in paths:
        measure(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, nargs="+", help="tables other than answers*.yaml")
    main(parser.parse_args().table or sorted(DATA.glob("answers*.yaml")))
