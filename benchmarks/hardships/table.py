"""Figures as a table of one row, for RESULTS.md."""

from collections.abc import Mapping, Sequence

import numpy as np


def row(figures: Mapping[str, str]) -> None:
    """Print names and figures."""
    print(f"| {' | '.join(figures)} |\n|{'---|' * len(figures)}")
    print(f"| {' | '.join(figures.values())} |", flush=True)


def quantiles(times_s: Sequence[float], unit: str = "s") -> dict[str, str]:
    """Return p50, p95, p99 and the worst of some times, in `s` or `ms`."""
    scale, digits = (1000, 0) if unit == "ms" else (1, 2)
    values = {
        f"{name} {unit}": scale * float(np.percentile(times_s, share))
        for name, share in (("p50", 50), ("p95", 95), ("p99", 99), ("worst", 100))
    }
    return {name: f"{value:.{digits}f}" for name, value in values.items()}
