"""Typed expressions: how right, how fast, and how they refuse what cannot be read.

    python tests/benchmarks/expressions.py [rounding|catalogue|speed|texts] [--count N]

`rounding`: expressions drawn by the grammar of the tests, each at 100 x in each of four dtypes,
against mpmath. `catalogue`: every layer typed as its formula, at every number of float16 and
bfloat16, in that dtype and in float32, and on a sample of float32, beside the layer's own kernel.
`speed`: backward over files of 2^23 numbers. `texts`: mutated texts, which must be read or refused
with a column.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "activations"))

from grammar import TooFarError, as_typed, expressions, not_at_ties, reference, rounded

from actgrad.layers import catalogue, layer
from actgrad.layers.arrays import FLOATING, named
from actgrad.layers.errors import ExpressionError
from actgrad.layers.exact import FloatFormat
from actgrad.layers.explain import Derivative
from actgrad.layers.verify import draw_sample, every_number

PER_DTYPE = 100
TEXTS = [
    "x*sigmoid(1.702*x)",
    "max(x, 0) + a*min(x, 0):a=0.1",
    "x if 0 < x <= 1 else |x|²·π",
    "where(x > 0, √x, elu(x, alpha=2))",
]
CHARACTERS = "xyae0123456789+-*/^().,|[]<>=: √²·π−é∂\n\t\0\"'\\#@;_!%&~{}$?`lambdaifelseandnot"


def show(line: str) -> None:
    """Print the line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def drawn(count: int) -> list[str]:
    """Different expressions of the grammar, the same in every run."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    texts: dict[str, None] = {}

    @seed(0)
    @settings(
        max_examples=20 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions())
    def collect(text: str) -> None:
        if len(text) > 12:
            texts[text] = None

    collect()
    return random.Random(0).sample(sorted(texts), min(count, len(texts)))


def rounding_of(text: str) -> Counter[str]:
    """How many results of the expression are right, wrong or without a reference."""
    counts: Counter[str] = Counter()
    function = layer(text)
    derivative = Derivative(function)
    for dtype in FLOATING:
        form = FloatFormat.of(named(dtype))
        rng = np.random.default_rng(len(text))
        middle = rng.normal(size=PER_DTYPE - 40) * 3
        x = np.concatenate([middle, draw_sample(None, form.dtype, 40, len(text)).astype(float)])
        with np.errstate(all="ignore"):
            x = x.astype(form.dtype)
        out = function.forward(x).astype(float)
        dx = function.backward(np.ones_like(x)).astype(float)
        derivative.forward(x)
        d2x = derivative.backward(np.ones_like(x)).astype(float)
        for number, *results in zip(x.astype(float).tolist(), out, dx, d2x, strict=True):
            if not np.isfinite(number):
                counts["not finite"] += 1
                continue
            try:
                truths = reference(text, number)
            except TooFarError:
                counts["no reference"] += 1
                continue
            for name, result, truth in zip(("out", "dx", "d2x"), results, truths, strict=True):
                if name == "d2x" and number in derivative.kinks:
                    counts["at a kink"] += 1
                    continue
                nearest = rounded(truth, form.precision, form.least, form.most)
                same = result == nearest or (np.isnan(result) and np.isnan(nearest))
                counts[f"{name} right" if same else f"{name} WRONG"] += 1
                if not same and counts["shown"] < 3:
                    counts["shown"] += 1
                    show(f"    {dtype} {name} of {text} at {number!r}: {result} not {nearest}")
    return counts


def rounding(count: int) -> None:
    texts = drawn(count)
    total: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        for done, counts in enumerate(pool.map(rounding_of, texts), 1):
            del counts["shown"]
            total += counts
            if done % 20 == 0 or done == len(texts):
                results = ", ".join(f"{n} {name}" for name, n in total.items())
                show(f"{done} expressions: {results}")


def catalogue_of(name: str) -> str:
    """Where a layer and its formula, typed, give different results."""
    own = layer(name)
    text = as_typed(own)
    typed = layer(text)
    short = {dtype: every_number(named(dtype)) for dtype in FLOATING[:2]}
    with np.errstate(all="ignore"):
        wide = np.concatenate([x.astype(np.float32) for x in short.values()])
    inputs = {
        **short,
        "16 bits in float32": np.unique(wide),
        "float32": draw_sample(own, named("float32"), 20_000),
    }
    parts = []
    for dtype, numbers in inputs.items():
        with np.errstate(all="ignore"):
            x = numbers[~np.isnan(numbers)]
        pairs = [
            (function.forward(x), function.backward(np.ones_like(x))) for function in (typed, own)
        ]
        differ = [int(np.count_nonzero(a != b)) for a, b in zip(*pairs, strict=True)]
        apart = not_at_ties(own, x, *pairs[0])
        parts.append(f"{dtype} {differ[0]} and {differ[1]} of {x.size}, {apart} not at ties")
    return f"{name:18} {'; '.join(parts)}   {text}"


def catalogued(count: int) -> None:
    names = [
        cls.name
        for cls in catalogue()
        if all(spec.default is not None for spec in cls.parameters.values())
        and cls().is_elementwise
    ]
    show("out and dx that differ, signs of zeros apart")
    with ProcessPoolExecutor() as pool:
        for line in pool.map(catalogue_of, names[:count]):
            show(line)


def seconds_of_children() -> float:
    """The processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def speed(count: int) -> None:
    del count
    size = 1 << 23
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        rng = np.random.default_rng(0)
        for dtype in ("float32", "float64"):
            for name in ("x", "d"):
                np.save(f"{name}.npy", (rng.standard_normal(size) * 3).astype(dtype))
            for text in ("x*sigmoid(x)", "silu", "x*tanh(softplus(x))", "x*(1+erf(x/sqrt(2)))/2"):
                command = ["actgrad", "backward", text, "--x", "x.npy", "--dout", "d.npy"]
                command += ["-o", "dx=dx.npy", "--quiet"]
                begun, used = time.perf_counter(), seconds_of_children()
                subprocess.run(command, check=True)
                wall, cpu = time.perf_counter() - begun, seconds_of_children() - used
                show(
                    f"{dtype} {text:24} {size / wall / 1e6:6.2f} million elements a second,"
                    f" {size / cpu / 1e6:6.2f} a second of a core"
                )


def mutated(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        text = list(rng.choice(TEXTS))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(text) + 1)
            text[place : place + rng.randint(0, 3)] = rng.choice(CHARACTERS)
        yield "".join(text)


def texts_of(seed: int, count: int) -> Counter[str]:
    """How many mutated texts are read, refused, or fail in another way."""
    from actgrad.layers.activations.expression import Expression
    from actgrad.layers.activations.lookup import own_names

    warnings.simplefilter("error")
    words = own_names()
    counts: Counter[str] = Counter()
    slowest = 0.0
    for text in mutated(seed, count):
        begun = time.perf_counter()
        try:
            Expression(text, words)
            counts["read"] += 1
        except ExpressionError as error:
            place = 1 <= error.column <= len(text) + 1
            counts["refused with a column" if place else "refused WITHOUT a column"] += 1
        except BaseException as error:
            counts["FAILED"] += 1
            show(f"    {text!r}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.perf_counter() - begun)
    counts["slowest, ms"] = int(1000 * slowest)
    return counts


def texts(count: int) -> None:
    total: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        parts = [pool.submit(texts_of, seed, -(-count // 20)) for seed in range(20)]
        for part in parts:
            slowest = max(total["slowest, ms"], part.result()["slowest, ms"])
            total += part.result()
            total["slowest, ms"] = slowest
    show(f"mutated texts: {', '.join(f'{name} {n}' for name, n in total.items())}")


PARTS: dict[str, tuple[Callable[[int], Any], int]] = {
    "rounding": (rounding, 200),
    "catalogue": (catalogued, 1000),
    "speed": (speed, 1),
    "texts": (texts, 1_000_000),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("part", nargs="*", default=list(PARTS), choices=[*PARTS])
    options.add_argument("--count", type=int)
    given = options.parse_args()
    for name in given.part:
        run, count = PARTS[name]
        run(given.count or count)


if __name__ == "__main__":
    main()
