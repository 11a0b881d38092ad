"""What streaming costs beside copying the same files, and beside PyTorch and NumPy doing its work.

    python tests/benchmarks/streaming.py ACTGRAD [--torch PYTHON] [--power 27] [--folder DIR]
        [--marginal]

ACTGRAD is the installed command, PYTHON an interpreter that has PyTorch. Every figure is the median
of five runs, alternating with those of its peers; the files, of 2^power float32 each, are made
in DIR, are in the page cache, and vanish at the end.

With --marginal, the figures are seconds for 2^27 numbers more: the slope between files of 2^power
numbers and of four times as many, in which the start of the program drops out. They are of the
fastest runs: wall time, CPU time in the program and in the system, and the ratio of wall times.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

RUNS = 5

FILES = """
import sys, numpy as np
rng = np.random.default_rng(0)
for name in ("x.npy", "d.npy"):
    numbers = rng.standard_normal(1 << int(sys.argv[1]), dtype=np.float32)
    np.save(name, np.multiply(numbers, 3, out=numbers))
    np.save(f"part-{name}", numbers[: numbers.size // 4])
np.lib.format.open_memmap("sparse.npy", "w+", np.float32, (1 << 31,)).flush()
"""
TORCH = """
import sys, numpy as np, torch
x = torch.from_numpy(np.load("x.npy")).requires_grad_()
out = getattr(torch.nn.functional, sys.argv[1])(x)
out.backward(torch.from_numpy(np.load("d.npy")))
np.save("o1.npy", out.detach().numpy()); np.save("o2.npy", x.grad.numpy())
"""
TEXTBOOK = """
import numpy as np
x, dout = np.load("x.npy"), np.load("d.npy")
out = 1 / (1 + np.exp(-x))
np.save("o1.npy", out); np.save("o2.npy", dout * (1.0 - out) * out)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("actgrad")
    options.add_argument("--torch")
    options.add_argument("--power", type=int, default=27)
    options.add_argument("--folder")
    options.add_argument("--marginal", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.chdir(folder)
        # In another process: a child's peak is never below what its parent held.
        power = given.power + 2 * given.marginal
        subprocess.run([sys.executable, "-c", FILES, str(power)], check=True)
        if given.marginal:
            for group in marginal_groups(given.actgrad, given.torch):
                show_marginal(group, given.power)
            return
        for group in groups(given.actgrad, given.torch):
            show(group)
        peak(given.actgrad)


def shell(script: str) -> list[str]:
    return ["bash", "-c", script]


CP = shell("cp x.npy o1.npy; cp d.npy o2.npy")


def backward_of(actgrad: str, layer: str, *more: str) -> list[str]:
    files = ["--x", "x.npy", "--dout", "d.npy", "-o", "out=o1.npy", "-o", "dx=o2.npy"]
    return [actgrad, "backward", layer, *files, *more]


def marginal_groups(actgrad: str, torch: str | None) -> list[dict[str, list[str]]]:
    """Like `groups`, for `show_marginal`."""
    backward = partial(backward_of, actgrad)
    made = [{"cp of both files": CP, "backward relu": backward("relu")}]
    for layer in ("sigmoid", "gelu"):
        group = {
            "cp of both files": CP,
            f"backward {layer}": backward(layer),
            f"backward {layer}, one thread": backward(layer, "--threads", "1"),
        }
        if torch:
            group = {f"PyTorch's {layer}": [torch, "-c", TORCH, layer], **group}
        made.append(group)
    return made


def groups(actgrad: str, torch: str | None) -> list[dict[str, list[str]]]:
    """Commands that are compared, the first of each group being what the others are held to."""
    backward = partial(backward_of, actgrad)
    made = [
        {
            "cp of both files": CP,
            "backward relu": backward("relu"),
            "backward sigmoid": backward("sigmoid"),
        },
        {
            "the textbook's sigmoid": [sys.executable, "-c", TEXTBOOK],
            "backward sigmoid": backward("sigmoid"),
        },
        {
            "one thread": backward("sigmoid", "--threads", "1"),
            "all threads": backward("sigmoid"),
        },
        {
            "cat | cat": shell("cat x.npy | cat > /dev/null"),
            "cat | forward relu": shell(
                f"cat x.npy | {actgrad} forward relu --x - -o - >/dev/null"
            ),
            "cat | cat | cat": shell("cat x.npy | cat | cat > /dev/null"),
            "cat | forward relu | cat": shell(
                f"cat x.npy | {actgrad} forward relu --x - -o - | cat > /dev/null"
            ),
        },
        {
            "cat to /dev/null": shell("cat x.npy > /dev/null"),
            "forward relu, a summary": [actgrad, "forward", "relu", "--x", "x.npy"],
            "forward relu of one number": [actgrad, "forward", "relu", "--x", "1"],
        },
    ]
    if torch:
        made += [
            {
                f"PyTorch's {layer}": [torch, "-c", TORCH, layer],
                f"backward {layer}": backward(layer),
            }
            for layer in ("sigmoid", "gelu")
        ]
    return made


def show(group: dict[str, list[str]]) -> None:
    """Run them in turns, and print each median and its ratio to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in group}
    for _ in range(RUNS):
        for name, command in group.items():
            for file in ("o1.npy", "o2.npy"):
                Path(file).unlink(missing_ok=True)
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    first = next(iter(medians.values()))
    for name, median in medians.items():
        sys.stdout.write(f"{name:28} {median:6.3f} s  {median / first:5.2f}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


def show_marginal(group: dict[str, list[str]], power: int) -> None:
    """Run them in turns, and print what 2^27 numbers more cost each of them."""
    runs: dict[tuple[str, bool], list[tuple[float, float, float]]] = {}
    for _ in range(RUNS):
        for name, command in group.items():
            for whole in (False, True):
                given = command if whole else [part_of(word) for word in command]
                runs.setdefault((name, whole), []).append(costs(given))
    more = 3 * 2.0 ** (power - 27)
    slopes = {
        name: [
            (min(whole) - min(part)) / more
            for part, whole in (
                ([run[kind] for run in runs[name, size]] for size in (False, True))
                for kind in range(3)
            )
        ]
        for name in group
    }
    first, *_ = next(iter(slopes.values()))
    for name, (wall, user, system) in slopes.items():
        sys.stdout.write(
            f"{name:30} {wall:6.3f} s, {user:.3f} user, {system:.3f} system  {wall / first:5.2f}\n"
        )
    sys.stdout.write("\n")
    sys.stdout.flush()


def part_of(word: str) -> str:
    """The word of a command, with the names of the smaller files."""
    return word.replace("x.npy", "part-x.npy").replace("d.npy", "part-d.npy")


def costs(command: list[str]) -> tuple[float, float, float]:
    """Run it; its wall time, and its CPU time in the program and in the system."""
    for file in ("o1.npy", "o2.npy"):
        Path(file).unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


def peak(actgrad: str) -> None:
    """The memory of one process over the files, and over a sparse one of 8 GiB."""
    for x in ("x.npy", "sparse.npy"):
        command = [actgrad, "forward", "sigmoid", "--x", x]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            _, _, usage = os.wait4(process.pid, 0)
        sys.stdout.write(f"peak over {x:20} {usage.ru_maxrss / 1024:6.0f} MiB\n")


if __name__ == "__main__":
    main()
