"""What bounds a streaming run: the parts of its work, each alone, and two processes beside one.

    python tests/benchmarks/streaming_bounds.py [--folder DIR]

The parts are measured in CPU time of one thread, as seconds for 2^27 float32 numbers; the least of
several runs. The files have 2^27 numbers and are in the page cache; those of less would be in the
processor's. Kernels run on blocks in the L2 cache.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from actgrad.layers import layer
from actgrad.layers.run.pipeline import Pipeline

RUNS = 9
#: How many times as much work is done to compare processes, so that their start does not count.
LONGER = 16
#: Numbers of a file, and those that a kernel is run on.
WHOLE, NUMBERS = 1 << 27, 1 << 24
#: Numbers of a block whose buffers are in the L2 cache, as in `layers.run.pipeline`, and in L1.
BLOCK, TINY = 1 << 15, 1 << 11


def least(work: Callable[[], float]) -> float:
    """The least CPU time that the work reports."""
    return min(work() for _ in range(RUNS))


def timed(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def files() -> Iterator[tuple[str, float]]:
    """Reading, writing and copying a file, in blocks that stay in the cache."""
    block = np.ones(BLOCK, np.float32)
    data, places = block.data, range(0, WHOLE * 4, block.nbytes)
    Path("x").write_bytes(np.ones(WHOLE, np.float32).tobytes())
    with Path("x").open("rb") as x:

        def into(write: Callable[[int], object], *, allocate: bool = True) -> float:
            Path("out").unlink(missing_ok=True)
            with Path("out").open("wb") as out:
                if allocate:
                    os.posix_fallocate(out.fileno(), 0, WHOLE * 4)
                return timed(lambda: write(out.fileno()))

        yield (
            "read a file",
            least(lambda: timed(lambda: [os.preadv(x.fileno(), [data], at) for at in places])),
        )
        yield (
            "write a file",
            least(lambda: into(lambda out: [os.pwrite(out, data, at) for at in places])),
        )
        yield (
            "copy a file in the kernel, as cp does",
            least(
                lambda: into(
                    lambda out: os.copy_file_range(x.fileno(), out, WHOLE * 4, 0, 0),
                    allocate=False,
                )
            ),
        )


def kernels() -> Iterator[tuple[str, float]]:
    """Kernels, and NumPy's passes that they are made of, on buffers in the L2 cache."""
    rng = np.random.default_rng(0)
    x, dout = (rng.standard_normal(BLOCK).astype(np.float32) * 3 for _ in range(2))
    into = {name: np.empty_like(x) for name in ("out", "dx")}
    wide, result = x.astype(np.float64), np.empty(BLOCK)
    passes: dict[str, Callable[[], object]] = {
        "float32 to float64": lambda: np.copyto(result, x),
        "float64 to float32": lambda: np.copyto(into["out"], wide, casting="same_kind"),
        "exp of float64": lambda: np.exp(wide, out=result),
        "1 / float64": lambda: np.divide(1, wide, out=result),
        "float64 * float64": lambda: np.multiply(wide, wide, out=result),
        "a value of a table": lambda: np.take(wide, np.arange(BLOCK), out=result, mode="clip"),
    }
    for name in ("relu", "sigmoid", "gelu"):
        pipeline = Pipeline(layer(name), x.dtype)
        passes[f"backward {name}"] = lambda pipeline=pipeline: pipeline.run(x, dout, into)
    repeated = NUMBERS // BLOCK
    with np.errstate(all="ignore"):
        for name, work in passes.items():
            seconds = least(lambda work=work: timed(lambda: [work() for _ in range(repeated)]))
            yield name, seconds * WHOLE / NUMBERS


def scaling() -> Iterator[tuple[str, float]]:
    """By how much two processes do more than one: the most that two threads can."""
    for size, name in ((TINY, "L1"), (BLOCK, "L2")):
        wide, result = np.linspace(-9, 9, size), np.empty(size)
        for function in (np.exp, np.square):

            def work(function: np.ufunc = function, wide=wide, result=result, size=size) -> None:
                for _ in range(LONGER * NUMBERS // size):
                    function(wide, out=result)

            alone = min(together(1, work) for _ in range(RUNS))
            beside = min(together(2, work) for _ in range(RUNS))
            yield (
                f"two processes beside one, {function.__name__} in {name}",
                2 * alone / beside,
            )


def together(processes: int, work: Callable[[], None]) -> float:
    """Seconds until so many processes have done the work."""
    begun = time.perf_counter()
    children = []
    for _ in range(processes):
        child = os.fork()
        if not child:
            work()
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return time.perf_counter() - begun


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder")
    with tempfile.TemporaryDirectory(dir=options.parse_args().folder) as folder:
        os.chdir(folder)
        for part in (files, kernels, scaling):
            for name, number in part():
                sys.stdout.write(f"{name:50} {number:6.3f}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
