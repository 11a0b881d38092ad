"""The exact reading: a formula and its gradient to as many digits as asked, whatever cancels.

The formula is read on intervals, and the precision is doubled until their ends agree to the bits
asked. A result is accepted because its interval is narrow, not because it repeats: where
1 + erf(u) or x − tanh(x) cancels, the interval is wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from mpmath import libmp, mp, mpf

from actgrad.layers.arithmetic import (
    FARTHEST,
    PERIODIC,
    WHOLE,
    Interval,
    degenerate,
    hull,
    is_unbounded,
    magnitude,
)
from actgrad.layers.exact.domain import INTERVAL_DOMAIN, undefined, without_value
from actgrad.layers.exact.small_terms import with_small_terms
from actgrad.layers.exact.ulp import FloatFormat, truth_of
from actgrad.layers.formula import Formula, Node, Sweep, intervals, limits, slope_node, trace

#: The smallest float64 is 2 to this; numbers are distinguished down to `bits` below it.
SMALLEST = -1074
#: Below this, where 80 bits are asked, a result whose sign is not known is 0.
LEAST = mp.make_mpf(libmp.from_man_exp(1, SMALLEST - 80))
#: Of the numbers that a kink compares, those that differ by less are equal. Chains square and cube
#: numbers far below the smallest float64, and the slope may still be large there.
EQUAL = libmp.from_man_exp(1, 4 * (SMALLEST - 80))
#: A result that this many bits do not settle has no value: the formula has a pole at x.
MOST_BITS = 1 << 14
#: As many bits are tried where a constant of the formula is beyond ±2^FARTHEST.
FEW_BITS = 1 << 10
#: The number 0.
ZERO = degenerate(libmp.fzero)
#: The exponent of numbers whose exponents have as many bits as that.
HUGE = 1 << MOST_BITS
#: A limit at ±∞ that intervals do not prove is read at ±2 to these: beyond all float64 numbers.
APPROACH = (1100, 2200, 4400)
#: The bits of the values in rows: their error is less than 2^−50 ULP of float64.
BITS = 106
#: With fewer numbers than this, starting processes costs more than it saves.
MANY = 2000

#: Value and gradient, each as `ulp.Truths` has it: value, exponent and offset.
Row: TypeAlias = tuple[float, int, float, float, int, float]


@dataclass
class Effort:
    """The precision that one x needed, with which the next x of the same formula starts."""

    precision: int = 0
    #: The values of the formula's constants, by precision.
    constants: dict[int, dict[Node, Any]] = field(default_factory=dict)
    #: The constants that MOST_BITS did not tell from 0, such as sin(π), and are 0 from then on.
    zeros: dict[Node, Any] = field(default_factory=dict)


def exact(
    formula: Formula | Callable[..., Any],
    x: Any,
    dout: Any = 1,
    bits: int = 80,
    effort: Effort | None = None,
    most: int = HUGE,
) -> tuple[Any, Any]:
    """A formula's value at x and its gradient ∂L/∂x, each an `mpmath.mpf` right to `bits` bits.

    x and dout are numbers (floats or mpf, taken as exact), or sequences of them where the formula
    has several inputs or outputs; one dout serves all outputs. Value and gradient come likewise.
    The error of a result r is at most 2^-bits·|r|, or 2^(-1074-bits) if that is more: so far below
    the smallest float64, a result whose sign is not known is 0. A result beyond ±2^most is ±inf.

    nan in x or dout makes every result nan. At a pole, and where the formula is not defined, a
    result is nan; where no output has a value, no gradient has one. ±inf in x or dout gives the
    limit, and nan where no limit is established. An mpf has no −0: x = −0 is x = 0.

    `effort` is what the previous x took, and is updated: neighbours need the same precision.

    Raises:
        NotImplementedError: an operation of the formula is not defined on intervals.
    """
    many = isinstance(x, Sequence)
    if not isinstance(formula, Formula):
        formula = trace(formula, len(x)) if many else trace(formula)
    formula = with_small_terms(formula)
    inputs = [_raw(value) for value in (x if many else [x])]
    outputs = len(formula.outputs)
    upstream = [_raw(value) for value in (dout if isinstance(dout, Sequence) else [dout] * outputs)]
    given = (*inputs, *upstream)
    if libmp.fnan in given:
        results = [libmp.fnan] * (outputs + len(inputs))
    elif libmp.finf in given or libmp.fninf in given:
        results = _limits(formula, inputs, upstream, bits)
    else:
        known = dict(zip(formula.inputs, map(degenerate, inputs), strict=True))
        results = _settled(
            formula, known, list(map(degenerate, upstream)), bits, effort or Effort(), most
        )
    numbers = list(map(mp.make_mpf, results))
    values, gradients = numbers[:outputs], numbers[outputs:]
    if not any(value == value for value in values):
        gradients = [mp.nan] * len(inputs)
    return values[0] if formula.is_scalar else values, gradients if many else gradients[0]


def exact_rows(formula: Formula, float_format: FloatFormat, pairs: Sequence[complex]) -> list[Row]:
    """The exact value and gradient for each x + i·dout; sorted pairs take the least time."""
    if len(pairs) >= MANY:
        from actgrad.layers.exact.processes import rows_in_processes

        return rows_in_processes(formula, float_format, pairs)
    effort, rows, most = Effort(), [], float_format.most + 1
    # Intervals would find no value either, after they have doubled their precision to the end.
    outside = without_value(formula, np.array([pair.real for pair in pairs]))
    for pair, is_outside in zip(pairs, outside.tolist(), strict=True):
        value, gradient = mp.nan, mp.nan
        if not is_outside:
            value, gradient = exact(formula, pair.real, pair.imag, BITS, effort, most)
        rows.append((*truth_of(value, float_format), *truth_of(gradient, float_format)))
    return rows


def bounds(
    formula: Formula, low: float, high: float, precision: int
) -> tuple[tuple[mpf, mpf], tuple[mpf, mpf]]:
    """The least and the greatest number that a formula's value may be for x from low to high.

    Then the same of its slope. Ends have `precision` bits.
    """
    known = {formula.inputs[0]: (_raw(low), _raw(high))}
    sweep = Sweep(formula, intervals(precision, EQUAL), known, [degenerate(libmp.fone)])
    value, slope = (tuple(map(mp.make_mpf, ends)) for ends in _results(formula, sweep))
    return value, slope


def _settled(
    formula: Formula,
    known: Mapping[Node, Interval],
    dout: Sequence[Interval],
    bits: int,
    effort: Effort,
    most: int = HUGE,
) -> list[Any]:
    """The midpoints of the intervals, once those are narrow enough; nan for one that never is.

    An interval beyond ±2^most is narrow enough, and its number is ±∞.
    """
    floor = libmp.from_man_exp(1, SMALLEST - bits)
    # Twenty bits over what is asked pay for the roundings of a formula in which nothing cancels.
    precision = max(bits + 20, effort.precision)
    while True:
        constants = effort.constants.setdefault(precision, {})
        before = {**constants, **effort.zeros, **known}
        sweep = Sweep(formula, intervals(precision, EQUAL), before, dout)
        if not constants:
            constants |= {node: value for node, value in sweep.values.items() if node.is_constant}
        results = _results(formula, sweep)
        beyond = [_beyond(*ends, most) for ends in results]
        agreed = [
            infinite is not None or _agree(*ends, floor, bits)
            for infinite, ends in zip(beyond, results, strict=True)
        ]
        # A constant beyond all numbers is not known better with more bits.
        far = (isinstance(c, tuple) and _is_far(*c) for c in constants.values())
        is_last = precision > (FEW_BITS if any(far) else MOST_BITS)
        if all(agreed):
            break
        if is_last:
            effort.zeros |= {node: ZERO for node, c in constants.items() if _is_like_0(c)}
            break
        if formula.is_scalar and undefined(formula, sweep.values, INTERVAL_DOMAIN):
            return [libmp.fnan] * len(results)
        if agreed[:-1] == [True] and _has_no_slope(formula, sweep):
            break
        precision *= 2
    narrow = [ends for infinite, ends in zip(beyond, results, strict=True) if infinite is None]
    spare = min((_spare(*ends, floor, bits) for ends in narrow), default=0)
    effort.precision = -(-max(precision - spare, 0) // 64) * 64 if all(agreed) else 0
    return [
        infinite or (_middle(*ends, precision) if ok else libmp.fnan)
        for infinite, ends, ok in zip(beyond, results, agreed, strict=True)
    ]


def _has_no_slope(formula: Formula, sweep: Sweep[Interval]) -> bool:
    """Whether the slope of a formula of one number is proven to have no value."""
    slope = Formula(formula.inputs, _slope_node(formula))
    for node in slope.nodes:
        sweep.value(node)
    return bool(undefined(slope, sweep.values, INTERVAL_DOMAIN))


#: Every x of a formula asks for its slope again.
_slope_node = lru_cache(maxsize=8)(slope_node)


def _is_like_0(constant: Any) -> bool:
    """Whether an interval has numbers of both signs; that of exp(−10³⁰) ends at 0."""
    if not isinstance(constant, tuple) or is_unbounded(constant):
        return False
    return bool(libmp.mpf_sign(constant[0]) < 0 < libmp.mpf_sign(constant[1]))


def _limits(formula: Formula, x: Sequence[Any], dout: Sequence[Any], bits: int) -> list[Any]:
    """The limits of the results as every infinite x and dout grows without bound; nan for no limit.

    Most limits follow from those of the parts: 1/∞ is 0. What remains, such as ∞·0, is read at the
    points of `APPROACH`. There a limit, finite or infinite, exists: a function made of algebraic
    operations, exp, log, erf, tanh, atan and the like is monotonic from some x on (Wilkie, "Model
    completeness results for expansions of the ordered field of real numbers by restricted Pfaffian
    functions and the exponential function", 1996; van den Dries and Miller, "Geometric categories
    and o-minimal structures", 1996). A sine of an argument that is not bounded has no limit: it is
    read as the interval [−1, 1], whose ends are such functions again.
    """
    floor = libmp.from_man_exp(1, SMALLEST - bits)
    known = dict(zip(formula.inputs, map(degenerate, x), strict=True))
    sweep = Sweep(formula, limits(bits + 20), known, list(map(degenerate, dout)))
    results = [_proven(*ends, floor, bits) for ends in _results(formula, sweep)]
    if libmp.fnan not in results:
        return results
    waves: dict[Node, Interval] = {
        node: PERIODIC[node.operation.name]
        for node, value in sweep.values.items()
        if node.operation.name in PERIODIC and is_unbounded(sweep.value(node.inputs[0]))
    }
    readings = []
    for exponent in APPROACH:
        inputs, upstream = ([_far(value, exponent) for value in way] for way in (x, dout))
        known = {**waves, **dict(zip(formula.inputs, inputs, strict=True))}
        readings.append(_settled(formula, known, upstream, bits, Effort()))
        if all(map(_unknown, results, readings[-1])):
            return results
    approaches = zip(*readings, strict=True)
    return [
        _tendency(list(values), floor, bits) if result == libmp.fnan else result
        for result, values in zip(results, approaches, strict=True)
    ]


def _unknown(proven: Any, read: Any) -> bool:
    return bool(proven == libmp.fnan and read == libmp.fnan)


def _proven(low: Any, high: Any, floor: Any, bits: int) -> Any:
    """A limit to so many bits, or nan where its interval leaves it open."""
    if low == high and low in WHOLE:
        return low
    if is_unbounded((low, high)) or not _agree(low, high, floor, bits):
        return libmp.fnan
    return libmp.mpf_pos(_middle(low, high, bits + 20), bits, "n")


def _tendency(values: Sequence[Any], floor: Any, bits: int) -> Any:
    """The limit that values at x, x² and x⁴ establish; nan for none.

    They agree to the bits asked, or grow or shrink by a power of x at least: a slower approach,
    such as that of 1/log(log(x)), might end anywhere.
    """
    if libmp.fnan in values:
        return libmp.fnan
    small = (libmp.mpf_lt(libmp.mpf_abs(value), floor) for value in values)
    values = [libmp.fzero if is_0 else value for value, is_0 in zip(values, small, strict=True)]
    low, high = reduce(hull, map(degenerate, values))
    if _agree(low, high, floor, bits - 2):
        return libmp.mpf_pos(values[-1], bits, "n")
    sizes = list(pairwise(map(_size, values)))
    if all(0 > 3 * size >= 2 * later for size, later in sizes):
        return libmp.fzero
    grows = all(0 < 3 * size <= 2 * later for size, later in sizes)
    if grows and libmp.mpf_sign(low) == libmp.mpf_sign(high):
        return libmp.fninf if values[0][0] or values[0] == libmp.fninf else libmp.finf
    return libmp.fnan


def _size(value: Any) -> float:
    """The magnitude, also that of 0 and ±∞."""
    if value[1]:
        return magnitude(value)
    return -math.inf if value == libmp.fzero else math.inf


def _results(formula: Formula, sweep: Sweep[Interval]) -> list[Interval]:
    """The values of the outputs, then the gradients by the inputs."""
    values = [sweep.value(node) for node in formula.outputs]
    return values + [sweep.gradient(node) for node in formula.inputs]


def _beyond(low: Any, high: Any, most: int) -> Any:
    """±∞ if all numbers of the interval are beyond ±2^most on that side, else None."""
    if low[1] and magnitude(low) > most and not low[0]:
        return libmp.finf
    return libmp.fninf if high[1] and magnitude(high) > most and high[0] else None


def _is_far(low: Any, high: Any) -> bool:
    """Whether the interval has no end, and its numbers are beyond ±2^FARTHEST."""
    return (low in WHOLE or high in WHOLE) and _beyond(low, high, FARTHEST) is not None


def _agree(low: Any, high: Any, floor: Any, bits: int) -> bool:
    """Whether all numbers of the interval are the same to so many bits."""
    if low in WHOLE or high in WHOLE:
        return _is_far(low, high)
    width = libmp.mpf_sub(high, low, 20, "u")
    if libmp.mpf_le(width, floor):
        return True
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=magnitude)
    same_sign = libmp.mpf_sign(low) == libmp.mpf_sign(high)
    return same_sign and bool(libmp.mpf_le(width, libmp.mpf_shift(smaller, -bits)))


def _spare(low: Any, high: Any, floor: Any, bits: int) -> int:
    """About how many bits of precision an agreed interval does not need; a few are kept."""
    width = libmp.mpf_sub(high, low, 20, "u")
    if not width[1]:
        return MOST_BITS
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=magnitude)
    return max(magnitude(smaller) - bits, magnitude(floor)) - magnitude(width) - 8


def _middle(low: Any, high: Any, precision: int) -> Any:
    if libmp.mpf_sign(low) * libmp.mpf_sign(high) < 0:
        return libmp.fzero
    return libmp.mpi_mid((low, high), precision)


def _raw(value: Any) -> Any:
    return value._mpf_ if isinstance(value, mpf) else libmp.from_float(float(value))


def _far(value: Any, exponent: int) -> Interval:
    """The interval of one number, with ±2 to the exponent in place of ±∞."""
    if value in WHOLE:
        value = libmp.from_man_exp(-1 if value == libmp.fninf else 1, exponent)
    return degenerate(value)
