"""The exact value of a formula and of its gradient, to any number of bits, whatever cancels.

The formula is read on intervals, and the precision is doubled until the ends of every result agree
to the bits asked. A value is never taken for exact because it stops changing: where 1 + erf(u) or
x − tanh(x) cancels, the interval is wide and shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mpmath import libmp, mp, mpf

from actgrad.layers.arithmetic import LONGEST, Interval, magnitude, point
from actgrad.layers.formula import Formula, Node, Sweep, intervals, trace

#: The smallest float64 is 2 to this power; a result is 0 if it is `bits` further below.
SMALLEST = -1074
#: Where 80 bits are asked, a number below this whose sign is not known is 0.
LEAST = mp.make_mpf(libmp.from_man_exp(1, SMALLEST - 80))
#: Past this many bits there is no value: the formula has a pole at x.
MOST_BITS = 1 << 14
#: Where an infinite input is read, on the way to infinity. The logarithms of the exponents are
#: equally far apart, so that a formula as slow as log(log(x)) still shows whether it grows.
FAR_OUT = tuple(libmp.from_man_exp(1, exponent) for exponent in (1 << 11, 1 << 12, 1 << 13))
#: There, an argument of sin or cos of 2 to this or more has no bound: log(x) is larger.
UNBOUNDED = 10
#: A result beyond 2 to this is infinite in float64.
LARGEST = 1024


@dataclass
class Effort:
    """What the last of many inputs of one formula took, so that the next takes no longer.

    It serves calls with the same formula and the same number of bits.
    """

    precision: int = 0
    #: The values of the formula's constants, by precision.
    constants: dict[int, dict[Node, Any]] = field(default_factory=dict)


def exact(
    formula: Formula | Callable[..., Any],
    x: Any,
    dout: Any = 1,
    bits: int = 80,
    effort: Effort | None = None,
) -> tuple[Any, Any]:
    """A formula's value at x and its gradient ∂L/∂x, each an `mpmath.mpf` right to `bits` bits.

    x and dout are numbers (floats or mpf, taken as exact), or sequences of them where the formula
    has several inputs or outputs; one dout serves all outputs. Value and gradient have the same
    form. The error of a result r is at most 2^-bits·|r|, or 2^(-1074-bits) if that is more: a
    result this far below the smallest float64 whose sign is not known is 0.

    nan in x or dout makes every result nan. At a pole, and where the formula is not defined, a
    result is nan. ±inf gives the limit if it exists, else nan. An mpf has no −0: x = −0 is x = 0.

    `effort` is what the last x of many took, and is updated.
    """
    many = isinstance(x, Sequence)
    if not isinstance(formula, Formula):
        formula = trace(formula, len(x)) if many else trace(formula)
    inputs = [_raw(number) for number in (x if many else [x])]
    douts = dout if isinstance(dout, Sequence) else [dout] * len(formula.outputs)
    upstream = [_raw(number) for number in douts]
    results = _results(formula, inputs, upstream, bits, effort or Effort())
    count = len(formula.outputs)
    values, gradients = results[:count], results[count:]
    return values[0] if formula.is_scalar else values, gradients if many else gradients[0]


def bounds(
    formula: Formula, low: float, high: float, precision: int
) -> tuple[tuple[mpf, mpf], tuple[mpf, mpf]]:
    """Bounds on a formula's value and on its slope, for all x from low to high."""
    inputs = {formula.inputs[0]: (_raw(low), _raw(high))}
    reading = intervals(precision, LEAST._mpf_)
    sweep = Sweep(formula, reading, inputs, [point(libmp.fone)])
    ends = sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])
    value, slope = ((mp.make_mpf(lower), mp.make_mpf(upper)) for lower, upper in ends)
    return value, slope


def _results(
    formula: Formula, x: Sequence[Any], dout: Sequence[Any], bits: int, effort: Effort
) -> list[mpf]:
    """The values of the outputs, then the gradients by the inputs."""
    given = (*x, *dout)
    if libmp.fnan in given:
        return [mp.nan] * (len(formula.outputs) + len(x))
    if libmp.finf not in given and libmp.fninf not in given:
        raws = _settled(formula, x, dout, bits, effort)
    else:
        on_the_way = [
            _settled(
                formula,
                [_replaced(number, far) for number in x],
                [_replaced(number, far) for number in dout],
                bits + 4,
                Effort(),
                UNBOUNDED,
            )
            for far in FAR_OUT
        ]
        raws = [_limit(values, bits) for values in zip(*on_the_way, strict=True)]
    return [mp.nan if raw is None else mp.make_mpf(raw) for raw in raws]


def _settled(
    formula: Formula,
    x: Sequence[Any],
    dout: Sequence[Any],
    bits: int,
    effort: Effort,
    longest: int = LONGEST,
) -> list[Any]:
    """The midpoints of the intervals, once these are narrow enough; None for one that never is."""
    inputs = {node: point(number) for node, number in zip(formula.inputs, x, strict=True)}
    upstream = [point(number) for number in dout]
    floor = libmp.from_man_exp(1, SMALLEST - bits)
    # Twenty bits more than asked pay for the roundings of a formula in which nothing cancels.
    precision = max(bits + 20, effort.precision)
    while True:
        constants = effort.constants.setdefault(precision, {})
        sweep = Sweep(
            formula, intervals(precision, floor, longest=longest), constants | inputs, upstream
        )
        if not constants:
            constants |= {node: value for node, value in sweep.values.items() if node.is_constant}
        results: list[Interval] = [sweep.value(node) for node in formula.outputs]
        results += [sweep.gradient(node) for node in formula.inputs]
        agreed = [_agree(low, high, floor, bits) for low, high in results]
        if all(agreed) or precision > MOST_BITS:
            break
        precision *= 2
    spare = min(_spare_bits(low, high, floor, bits) for low, high in results)
    effort.precision = -(-max(precision - spare, 0) // 64) * 64 if all(agreed) else 0
    middles = [_middle(low, high, precision) for low, high in results]
    return [middle if ok else None for middle, ok in zip(middles, agreed, strict=True)]


def _agree(low: Any, high: Any, floor: Any, bits: int) -> bool:
    """Whether the ends of an interval agree to `bits` bits, or to `floor`."""
    if low in (libmp.finf, libmp.fninf) or high in (libmp.finf, libmp.fninf):
        return False
    width = libmp.mpf_sub(high, low, 20, "u")
    if libmp.mpf_le(width, floor):
        return True
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=magnitude)
    one_sign = libmp.mpf_sign(low) == libmp.mpf_sign(high)
    return one_sign and bool(libmp.mpf_le(width, libmp.mpf_shift(smaller, -bits)))


def _spare_bits(low: Any, high: Any, floor: Any, bits: int) -> int:
    """How many bits of precision an interval that agrees does not need, about; a few are kept."""
    width = libmp.mpf_sub(high, low, 20, "u")
    if not width[1]:
        return MOST_BITS
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=magnitude)
    return max(magnitude(smaller) - bits, magnitude(floor)) - magnitude(width) - 8


def _middle(low: Any, high: Any, precision: int) -> Any:
    if libmp.mpf_sign(low) * libmp.mpf_sign(high) < 0:
        return libmp.fzero
    return libmp.mpi_mid((low, high), precision)


def _replaced(number: Any, far: Any) -> Any:
    """The number, or ±`far` for ±inf."""
    if number == libmp.finf:
        return far
    return libmp.mpf_neg(far) if number == libmp.fninf else number


def _limit(values: Sequence[Any], bits: int) -> Any:
    """The limit of a result, from its values at FAR_OUT; None if it is not established.

    Formulas of algebraic operations, exp, log, erf, atan and the like are monotonic from some x on:
    they belong to o-minimal structures (Wilkie, 1996; van den Dries and Miller, "Geometric
    categories and o-minimal structures", 1996). sin and cos of an argument without bound are read
    as [−1, 1], so a result that depends on them has no value here. What remains converges or grows
    without bound. It has converged if the values agree; it grows if its steps do not shrink.
    """
    if None in values:
        return None
    *_, last = values
    falls = all(libmp.mpf_le(*map(libmp.mpf_abs, pair)) for pair in pairwise(values[::-1]))
    if falls and (not last[1] or magnitude(last) < SMALLEST - bits):
        return libmp.fzero
    if len({libmp.mpf_sign(value) for value in values}) > 1:
        return None
    infinite = libmp.fninf if last[0] else libmp.finf
    if all(magnitude(value) > LARGEST for value in values):
        return infinite
    first_step, step = (
        libmp.mpf_sub(libmp.mpf_abs(after), libmp.mpf_abs(before), bits)
        for before, after in pairwise(values)
    )
    if all(magnitude(size) <= magnitude(last) - bits or not size[1] for size in (first_step, step)):
        return libmp.mpf_pos(last, bits, "n")
    # A step rounds, and those of log(log(x)) are equal.
    slack = libmp.mpf_shift(libmp.mpf_abs(first_step), -bits // 2)
    grows = libmp.mpf_sign(first_step) > 0 and libmp.mpf_ge(
        step, libmp.mpf_sub(first_step, slack, bits)
    )
    return infinite if grows else None


def _raw(value: Any) -> Any:
    return value._mpf_ if isinstance(value, mpf) else libmp.from_float(float(value))
