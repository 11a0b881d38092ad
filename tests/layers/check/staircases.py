"""Forwards that move in steps, and random ones, with their true values and derivatives.

`python tests/benchmarks/derivatives.py` measures the numerical derivative on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.numerical_derivative import THOROUGH, estimate, noise
from actgrad.layers.check.points import GRID
from actgrad.layers.exact import exact
from actgrad.layers.formula import Formula, Node, Sweep, arrays, trace
from actgrad.layers.formula import words as f

#: No kinks and jumps.
NONE = np.array([])
#: The dtypes in which the forwards compute.
DTYPES = (np.float64, np.float32)
erf = np.vectorize(math.erf, otypes=[float])


class Staircase(NamedTuple):
    """A forward as people write it, with the formula that it stands for and its derivative."""

    name: str
    forward: Callable[[Array], Array]
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]


def _gelu(x: Any) -> Any:
    return x * mp.erfc(-x / mp.sqrt(2)) / 2


def _gelu_slope(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2 + x * mp.npdf(x)


def _cubic(x: Any) -> Any:
    return mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def _gelu_tanh_slope(x: Any) -> Any:
    u, bend = _cubic(x), mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x * x)
    return (1 + mp.tanh(u)) / 2 + x / 2 * bend * mp.sech(u) ** 2


def _mish(x: Any) -> Any:
    return x * mp.tanh(mp.log1p(mp.exp(x)))


def _mish_slope(x: Any) -> Any:
    u = mp.log1p(mp.exp(x))
    return mp.tanh(u) + x * mp.sech(u) ** 2 / (1 + mp.exp(-x))


def _silu_slope(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x)) + x / (2 + mp.exp(x) + mp.exp(-x))


STAIRCASES = (
    Staircase(
        "GELU by tanh",
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        lambda x: x * (1 + mp.tanh(_cubic(x))) / 2,
        _gelu_tanh_slope,
    ),
    Staircase("GELU", lambda x: x * (1 + erf(x / np.sqrt(2))) / 2, _gelu, _gelu_slope),
    Staircase(
        "GELU of PyTorch",
        lambda x: x * 0.5 * (1.0 + erf(x * 0.7071067811865476)),
        _gelu,
        _gelu_slope,
    ),
    Staircase("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))), _mish, _mish_slope),
    Staircase("mish by log", lambda x: x * np.tanh(np.log(1 + np.exp(x))), _mish, _mish_slope),
    Staircase(
        "squareplus",
        lambda x: (x + np.sqrt(x * x + 4)) / 2,
        lambda x: (x + mp.sqrt(x * x + 4)) / 2,
        lambda x: (1 + x / mp.sqrt(x * x + 4)) / 2,
    ),
    Staircase(
        "sigmoid less a half",
        lambda x: 1 / (1 + np.exp(-x)) - 0.5,
        lambda x: 1 / (1 + mp.exp(-x)) - mp.mpf(0.5),
        lambda x: 1 / (2 + mp.exp(x) + mp.exp(-x)),
    ),
    Staircase(
        "SiLU by tanh",
        lambda x: x * 0.5 * (1 + np.tanh(x / 2)),
        lambda x: x / (1 + mp.exp(-x)),
        _silu_slope,
    ),
)


class Comparison(NamedTuple):
    """How far the numerical derivative and the values are from the truth, and what is claimed."""

    name: str
    x: Array
    error: Array
    claimed_error: Array
    noise: Array
    claimed_noise: Array

    @property
    def false_claims(self) -> list[str]:
        """The x at which an error exceeds what is claimed."""
        pairs = {
            "the derivative": (self.error, self.claimed_error),
            "the noise": (self.noise, self.claimed_noise),
        }
        return [
            f"{self.name} at {x!r}: {what} is off by {off:g}, claimed {claimed:g}"
            for what, (errors, claims) in pairs.items()
            for x, off, claimed in zip(self.x.tolist(), errors, claims, strict=True)
            if off > claimed
        ]


def compared(
    name: str,
    forward: Callable[[Array], Array],
    x: Array,
    truths: list[tuple[Any, Any]],
) -> Comparison:
    """The comparison at each x, whose true value and true derivative are given."""
    with np.errstate(all="ignore"):
        derivative = estimate(forward, x, NONE, THOROUGH)
        claimed_noise, values = noise(forward, x, NONE), forward(x)
    error = [abs(float(d - t)) for d, (_, t) in zip(derivative.value.tolist(), truths, strict=True)]
    off = [abs(float(v - t)) for v, (t, _) in zip(values.tolist(), truths, strict=True)]
    return Comparison(name, x, np.array(error), derivative.error, np.array(off), claimed_noise)


def staircases(count: int, seed: int) -> Iterator[Comparison]:
    """The comparisons for the staircases at random x, in each dtype."""
    random = np.random.default_rng(seed)
    for name, forward, value, slope in STAIRCASES:
        far = random.uniform(-40, 40, count // 2)
        if name == "squareplus":
            far = -(10 ** random.uniform(0, 6, count // 2))
        x = np.concatenate([far, random.uniform(-10, 10, count - count // 2)])
        truths = [true(value, slope, at) for at in x.tolist()]
        for dtype in DTYPES:
            inside = partial(computed_in, dtype, forward)
            yield compared(f"{name}, {np.dtype(dtype)} inside", inside, x, truths)


def computed_in(dtype: Any, forward: Callable[[Array], Array], x: Array) -> Array:
    """The forward's values, computed in the dtype."""
    return np.asarray(forward(x.astype(dtype)).astype(dtype).astype(np.float64))


def true(value: Callable[[Any], Any], slope: Callable[[Any], Any], x: float) -> tuple[Any, Any]:
    """The value and the derivative to 60 digits, however much cancels."""
    with mp.workdps(60 + min(int(abs(x)), 50)):
        return value(mp.mpf(x)), slope(mp.mpf(x))


CONSTANTS = (0.5, 1.0, 2.0, 0.25, 1.702, 3.0, -1.0, 0.1, 4.0)


def random_expression(random: np.random.Generator, depth: int, x: Node) -> Node:
    """An expression of that depth whose terms saturate and cancel, as those of activations do."""
    if not depth:
        return x if random.random() < 0.75 else f.constant(float(random.choice(CONSTANTS)))

    def part() -> Node:
        return random_expression(random, depth - 1, x)

    number = float(random.choice(CONSTANTS))
    forms = (
        lambda: part() + part(),
        lambda: part() * part(),
        lambda: part() - number,
        lambda: f.tanh(part()),
        lambda: 1 + f.tanh(part()),
        lambda: 1 / (1 + f.exp(-part())),
        lambda: f.log(1 + f.exp(part())),
        lambda: f.sqrt(part() ** 2 + number**2),
        lambda: f.erf(part()),
        lambda: f.sin(part()),
        lambda: f.exp(-(part() ** 2)),
        lambda: part() / (1 + part() ** 2),
    )
    return forms[random.integers(len(forms))]()


def read(formula: Formula, dtype: Any) -> Callable[[Array], Array]:
    """The formula's values, computed in the dtype."""

    def values(x: Array) -> Array:
        inputs = {formula.inputs[0]: x.astype(dtype)}
        with np.errstate(all="ignore"):
            sweep = Sweep(formula, arrays(np.dtype(dtype)), inputs, [1])
            result = np.asarray(sweep.value(formula.outputs[0]))
        return np.broadcast_to(result, x.shape).astype(np.float64)

    return values


def random_expressions(expressions: int, count: int, seed: int) -> Iterator[Comparison]:
    """The comparisons for random expressions of four levels at random x, in each dtype.

    Expressions that are constant, or that round to a constant in float32, are left out.
    """
    random = np.random.default_rng(seed)
    while expressions:
        formula = trace(lambda x: random_expression(random, 4, x))
        x = np.concatenate(
            [random.uniform(-10, 10, count // 2), random.uniform(-50, 50, count - count // 2)]
        )
        if formula.outputs[0].is_constant or not np.ptp(read(formula, np.float32)(GRID)):
            continue
        expressions -= 1
        truths = [exact(formula, at) for at in x.tolist()]
        for dtype in DTYPES:
            name = f"expression {expressions}, {np.dtype(dtype)} inside"
            yield compared(name, read(formula, dtype), x, truths)
