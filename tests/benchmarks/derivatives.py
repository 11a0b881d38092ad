"""How often the numerical derivative and the noise of `check` are further off than they claim.

    python tests/benchmarks/derivatives.py [COUNT [SEED]]

The forwards are eight formulas that move in steps where they saturate or cancel, and 100 random
expressions, each computed in float64 and in float32. COUNT is the number of random x for each
formula; the random expressions have a tenth of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "check"))
from staircases import Comparison, random_expressions, staircases


def main(count: int, seed: int) -> None:
    """Print the false claims, and how large the claimed errors are."""
    comparisons = [
        *staircases(count, seed),
        *random_expressions(100, max(1, count // 10), seed),
    ]
    for each in comparisons:
        if not each.name.startswith("expression"):
            sys.stdout.write(f"{line(each)}\n")
    for claim in (claim for each in comparisons for claim in each.false_claims):
        sys.stdout.write(f"FALSE: {claim}\n")
    points = sum(each.x.size for each in comparisons)
    false = sum(len(each.false_claims) for each in comparisons)
    sys.stdout.write(f"{points} derivatives and as many noises: {false} claims are false\n")


def line(each: Comparison) -> str:
    """The largest error, as part of what is claimed, and the median claim."""
    with np.errstate(all="ignore"):
        largest = np.nanmax(each.error / each.claimed_error)
        noise = np.nanmax(each.noise / each.claimed_noise)
    return (
        f"{each.name:36} largest error {largest:.2f}, largest noise {noise:.2f} of the claimed;"
        f" median claim {np.median(each.claimed_error):.1e}"
    )


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*numbers, *(2000, 1)[len(numbers) :])
