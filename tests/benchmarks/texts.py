"""What reading and writing numbers as text costs.

    python tests/benchmarks/texts.py ACTGRAD [--folder DIR] [--runs 3]

ACTGRAD is the installed command. `forward relu` reads a text of 10^7 float64 with all their digits,
in brackets and in rows, or writes three arrays of 2^24 elements as JSON and as CSV. Printed are the
seconds of the fastest run, the seconds of processor time of all its processes, and the memory of
the largest one. The files vanish at the end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = """
import numpy as np
numbers = np.random.default_rng(0).standard_normal(10**7)
parts = [part.tolist() for part in np.split(numbers, 100)]
with open("brackets.txt", "w") as file:
    for place, part in enumerate(parts):
        file.write((", " if place else "[") + ", ".join(map(repr, part)))
    file.write("]")
with open("rows.txt", "w") as file:
    for row in numbers.reshape(-1, 10):
        file.write(" ".join(map(repr, row.tolist())) + "\\n")
np.save("x.npy", np.random.default_rng(0).standard_normal(1 << 24, dtype=np.float32))
"""
TASKS = {
    "read 10^7 numbers in brackets": ("brackets.txt", "--x -"),
    "read 10^7 numbers in rows of 10": ("rows.txt", "--x -"),
    "write 2^24 elements as JSON": ("x.npy", "--x x.npy -f json"),
    "write 2^24 elements as CSV": ("x.npy", "--x x.npy -f csv"),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("actgrad")
    options.add_argument("--folder")
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    command = str(Path(chosen.actgrad).absolute())
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        os.chdir(folder)
        subprocess.run([sys.executable, "-c", FILES], check=True)
        sys.stdout.write(f"{'':32}  seconds  of processors  MiB in the largest\n")
        for task, (stdin, arguments) in TASKS.items():
            words = [command, "forward", "relu", *arguments.split()]
            runs = [cost(words, stdin) for _ in range(chosen.runs)]
            wall, cpu = min(wall for wall, *_ in runs), min(cpu for _, cpu, _ in runs)
            size = max(size for *_, size in runs)
            sys.stdout.write(f"{task:32} {wall:8.1f} {cpu:14.1f} {size:19.0f}\n")
        os.chdir("/")


def cost(command: list[str], stdin: str) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and MiB in the largest process."""
    start = time.perf_counter()
    with Path(stdin).open("rb") as given, Path(os.devnull).open("wb") as out:
        process = subprocess.Popen(command, stdin=given, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{command} ended with status {process.returncode}")
    # The command waits for its workers, so what they used is included.
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
