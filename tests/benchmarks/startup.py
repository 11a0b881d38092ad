"""How long a small run takes to start, against the imports that it cannot do without.

Run it with the Python of an environment into which the wheel is installed:

    python tests/benchmarks/startup.py

Prints the median of alternating runs of each pair, and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 31
ACTGRAD = str(Path(sys.executable).with_name("actgrad"))
IMPORTS = "import numpy, typer, rich.console, rich.table"
PAIRS = {
    "forward relu": (
        [ACTGRAD, "forward", "relu", "--x", "[[1,-0.5],[-2,3]]"],
        [sys.executable, "-c", IMPORTS],
    ),
    "--version": ([ACTGRAD, "--version"], [sys.executable, "-c", "import typer"]),
}


def seconds(command: list[str]) -> float:
    """The wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure every pair, turn about."""
    for name, (ours, peer) in PAIRS.items():
        rounds = [(seconds(ours), seconds(peer)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
        line = f"{name:14} {1e3 * mine:6.1f} ms, peer {1e3 * theirs:6.1f} ms"
        sys.stdout.write(f"{line}: {mine / theirs:.2f}\n")


if __name__ == "__main__":
    main()
