"""The exact reading: a formula and its gradient to as many digits as asked, whatever cancels.

The graph is read on intervals whose ends are rounded outwards, so that the truth lies between them
(Moore, "Interval Analysis", 1966). The precision is doubled until the ends agree to the bits asked.
Nothing is taken for the truth because it stands still: where 1 + erf(u) or x − tanh(x) cancels, the
interval is wide and says so.

Exponents are whole numbers without bound, so exp(1e308) and exp(-1e308) are numbers like others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from mpmath import libmp, mp, mpf

from actgrad.layers.formula import Formula, Node, Sweep, trace
from actgrad.layers.formula import words as f

Interval: TypeAlias = tuple[Any, Any]

#: The smallest float64 is 2 to this; numbers are told apart down to `bits` below it.
SMALLEST = -1074
#: Below this, where 80 bits are asked, a number whose sign is not known is 0.
LEAST = mp.make_mpf(libmp.from_man_exp(1, SMALLEST - 80))
#: Past this many bits there is no value to find: the formula has a pole at x.
MOST_BITS = 1 << 14
#: Stands for infinity at an input: a formula's limit is what it comes to there.
HUGE = libmp.from_man_exp(1, 2048)


@dataclass
class Effort:
    """What one number of many took, that the next be settled at once: one formula's, as long as
    `bits` is the same.
    """

    precision: int = 0
    #: The formula's constants, at each precision that they were read at.
    constants: dict[int, dict[Node, Any]] = field(default_factory=dict)


def exact(
    formula: Formula | Callable[..., Any],
    x: Any,
    dout: Any = 1,
    bits: int = 80,
    like: Effort | None = None,
) -> tuple[Any, Any]:
    """A formula's value at x and its gradient ∂L/∂x, each an `mpmath.mpf` right to `bits` bits.

    x and dout are numbers (floats or mpf, taken as exact), or sequences of them where the formula
    has several inputs or outputs; one dout serves all outputs. Value and gradient come likewise.
    The error of a result r is at most 2^-bits·|r|, or 2^(-1074-bits) if that is more: so far below
    the smallest float64, a result whose sign is not known is 0.

    nan in x or dout makes every result nan. At a pole, and where the formula is not defined, a
    result is nan. ±inf gives the limit, as read at ±2^2048: what is 2^1024 or more there is ±inf.
    An mpf has no −0: x = −0 is x = 0.

    `like` is what the last x of many took, and is filled anew: neighbours take the same.
    """
    many = isinstance(x, Sequence)
    if not isinstance(formula, Formula):
        formula = trace(formula, len(x)) if many else trace(formula)
    given = [_raw(one) for one in (x if many else [x])]
    douts = dout if isinstance(dout, Sequence) else [dout] * len(formula.outputs)
    values, gradients = _settle(
        formula, given, [_raw(one) for one in douts], bits, like or Effort()
    )
    return values[0] if formula.is_scalar else values, gradients if many else gradients[0]


def bounds(
    formula: Formula, low: float, high: float, precision: int
) -> tuple[tuple[mpf, mpf], tuple[mpf, mpf]]:
    """Between what a formula's value and its slope lie, for all x from low to high."""
    given = {formula.inputs[0]: (_raw(low), _raw(high))}
    reading = intervals(precision, LEAST._mpf_)
    sweep = Sweep(formula, reading, given, [_point(libmp.fone)])
    ends = sweep.value(formula.outputs[0]), sweep.gradient(formula.inputs[0])
    value, slope = ((mp.make_mpf(one), mp.make_mpf(other)) for one, other in ends)
    return value, slope


def _settle(
    formula: Formula, x: Sequence[Any], dout: Sequence[Any], bits: int, like: Effort
) -> tuple[list[Any], list[Any]]:
    """The midpoints of the intervals, once those are narrow enough; nan for one that never is."""
    outputs, given = len(formula.outputs), (*x, *dout)
    if libmp.fnan in given:
        return [mp.nan] * outputs, [mp.nan] * len(x)
    points = {node: _point(one) for node, one in zip(formula.inputs, x, strict=True)}
    floor = libmp.from_man_exp(1, SMALLEST - bits)
    # Twenty bits over what is asked pay for the roundings of a formula in which nothing cancels.
    precision = max(bits + 20, like.precision)
    while True:
        constants = like.constants.setdefault(precision, {})
        known = constants | points
        sweep = Sweep(formula, intervals(precision, floor), known, [_point(one) for one in dout])
        if not constants:
            constants |= {node: value for node, value in sweep.values.items() if node.is_constant}
        results: list[Interval] = [sweep.value(node) for node in formula.outputs]
        results += [sweep.gradient(node) for node in formula.inputs]
        agreed = [_agree(*one, floor, bits) for one in results]
        if all(agreed) or precision > MOST_BITS:
            break
        precision *= 2
    spare = min(_spare(*one, floor, bits) for one in results)
    like.precision = -(-max(precision - spare, 0) // 64) * 64 if all(agreed) else 0
    middles = [_middle(*one, precision) for one in results]
    if libmp.finf in given or libmp.fninf in given:
        middles = [_limit(middle, bits) for middle in middles]
    found = [mp.make_mpf(m) if ok else mp.nan for m, ok in zip(middles, agreed, strict=True)]
    return found[:outputs], found[outputs:]


def _agree(low: Any, high: Any, floor: Any, bits: int) -> bool:
    if low in (libmp.finf, libmp.fninf) or high in (libmp.finf, libmp.fninf):
        return False
    width = libmp.mpf_sub(high, low, 20, "u")
    if libmp.mpf_le(width, floor):
        return True
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=_magnitude)
    one_sign = libmp.mpf_sign(low) == libmp.mpf_sign(high)
    return one_sign and bool(libmp.mpf_le(width, libmp.mpf_shift(smaller, -bits)))


def _spare(low: Any, high: Any, floor: Any, bits: int) -> int:
    """How many bits of precision an agreed interval could do without; about, and a few kept."""
    width = libmp.mpf_sub(high, low, 20, "u")
    if not width[1]:
        return MOST_BITS
    smaller = min(libmp.mpf_abs(low), libmp.mpf_abs(high), key=_magnitude)
    return max(_magnitude(smaller) - bits, _magnitude(floor)) - _magnitude(width) - 8


def _middle(low: Any, high: Any, precision: int) -> Any:
    if libmp.mpf_sign(low) * libmp.mpf_sign(high) < 0:
        return libmp.fzero
    return libmp.mpi_mid((low, high), precision)


def _limit(value: Any, bits: int) -> Any:
    """What a value at ±2^2048 says of the limit: large, small, or a number to `bits` bits."""
    if not value[1]:
        return value
    if _magnitude(value) > 1024:
        return libmp.fninf if value[0] else libmp.finf
    return libmp.fzero if _magnitude(value) < SMALLEST - bits else libmp.mpf_pos(value, bits, "n")


def _magnitude(value: Any) -> int:
    """The n for which 2^(n−1) ≤ |value| < 2^n."""
    _, _, exponent, bitcount = value
    return int(exponent + bitcount)


def _raw(value: Any) -> Any:
    return value._mpf_ if isinstance(value, mpf) else libmp.from_float(float(value))


def _point(value: Any) -> Interval:
    if value in (libmp.finf, libmp.fninf):
        value = HUGE if value == libmp.finf else libmp.mpf_neg(HUGE)
    return value, value


@lru_cache(maxsize=64)
def intervals(precision: int, floor: Any) -> Mapping[f.Operation, Callable[..., Any]]:
    """How each operation reads on intervals with ends of so many bits.

    A comparison that the intervals leave open is [0, 1]; numbers closer than `floor` are equal.
    """

    def monotone(end: Callable[[Any, int, str], Any]) -> Callable[[Interval], Interval]:
        return lambda u: (end(u[0], precision, "f"), end(u[1], precision, "c"))

    def rounded(function: Callable[..., Any]) -> Callable[..., Interval]:
        return lambda *inputs: function(*inputs, precision)

    def literal(leaf: str | float) -> Interval:
        if leaf == "π":
            return libmp.mpf_pi(precision, "f"), libmp.mpf_pi(precision, "c")
        if isinstance(leaf, str):
            return libmp.from_str(leaf, precision, "f"), libmp.from_str(leaf, precision, "c")
        return _point(libmp.from_int(leaf) if isinstance(leaf, int) else libmp.from_float(leaf))

    def above(u: Interval, v: Interval) -> bool | Interval:
        if libmp.mpf_gt(u[0], v[1]):
            return True
        if libmp.mpf_le(u[1], v[0]):
            return False
        hull = _hull(u, v)
        alike = libmp.mpf_le(libmp.mpf_sub(hull[1], hull[0], 20, "u"), floor)
        return False if alike else (libmp.fzero, libmp.fone)

    def not_above(u: Interval, v: Interval) -> bool | Interval:
        higher = above(u, v)
        return not higher if isinstance(higher, bool) else higher

    return {
        f.literal: literal,
        f.add: rounded(libmp.mpi_add),
        f.subtract: rounded(libmp.mpi_sub),
        f.multiply: rounded(libmp.mpi_mul),
        f.divide: rounded(libmp.mpi_div),
        f.reciprocal: lambda u: libmp.mpi_div(_point(libmp.fone), u, precision),
        f.power: lambda u, n: libmp.mpi_pow_int(u, int(libmp.to_int(n[0])), precision),
        f.exp: monotone(_exp),
        f.log: monotone(_log),
        f.sqrt: monotone(_sqrt),
        f.tanh: monotone(_outwards(libmp.mpf_tanh)),
        f.erf: monotone(_erf),
        f.absolute: rounded(libmp.mpi_abs),
        f.sign: monotone(lambda end, *_: libmp.from_int(libmp.mpf_sign(end))),
        f.maximum: lambda u, v: (_larger(u[0], v[0]), _larger(u[1], v[1])),
        f.minimum: lambda u, v: (_smaller(u[0], v[0]), _smaller(u[1], v[1])),
        f.where: _where,
        f.above: above,
        f.not_above: not_above,
    }


def _outwards(function: Callable[[Any, int], Any]) -> Callable[[Any, int, str], Any]:
    """`function` with its last bits given away: mpmath's own rounding to a side is not strict."""

    def end(value: Any, precision: int, side: str) -> Any:
        near = function(value, precision + 10)
        slack = libmp.mpf_shift(libmp.mpf_abs(near), -precision)
        widen = libmp.mpf_add if side == "c" else libmp.mpf_sub
        return widen(near, slack, precision, side)

    return end


def _exp(end: Any, precision: int, side: str) -> Any:
    return libmp.fone if end == libmp.fzero else _exp_outwards(end, precision, side)


@_outwards
def _exp_outwards(value: Any, precision: int) -> Any:
    """exp(u) = 2ⁿ·exp(u − n·log 2). mpmath multiplies out eⁿ for a whole u, taking seconds."""
    size = _magnitude(value)
    if size < 64 or not value[1]:
        return libmp.mpf_exp(value, precision)
    wide = precision + 2 * size
    log2 = libmp.mpf_ln2(wide)
    n = int(libmp.to_int(libmp.mpf_div(value, log2, wide)))
    rest = libmp.mpf_sub(value, libmp.mpf_mul(libmp.from_int(n), log2), wide)
    return libmp.mpf_shift(libmp.mpf_exp(rest, precision), n)


@_outwards
def _erf(value: Any, precision: int) -> Any:
    """1 − erfc(|u|) with no more digits of erfc than show in it; erf's own series is slow there."""
    size = libmp.mpf_abs(value)
    if not 2 < _magnitude(value) < 16:
        return libmp.mpf_erf(value, precision)
    # erfc(u) < exp(−u²) = 2^(−1.44…·u²)
    shown = max(precision - int(1.44 * libmp.to_int(size) ** 2), 0) + 10
    near = libmp.mpf_sub(libmp.fone, libmp.mpf_erfc(size, shown), precision)
    return libmp.mpf_neg(near) if value[0] else near


_log_outwards = _outwards(libmp.mpf_log)


def _log(end: Any, precision: int, side: str) -> Any:
    """An end below 0 says nothing: the logarithm may be as low as it likes, or not exist."""
    if libmp.mpf_sign(end) > 0:
        return _log_outwards(end, precision, side)
    return libmp.fninf if side == "f" else libmp.finf


def _sqrt(end: Any, precision: int, side: str) -> Any:
    if libmp.mpf_sign(end) >= 0:
        return libmp.mpf_sqrt(end, precision, side)
    return libmp.fzero if side == "f" else libmp.finf


def _where(condition: bool | Interval, then: Interval, other: Interval) -> Interval:
    if isinstance(condition, bool):
        return then if condition else other
    return _hull(then, other)


def _hull(u: Interval, v: Interval) -> Interval:
    return _smaller(u[0], v[0]), _larger(u[1], v[1])


def _smaller(u: Any, v: Any) -> Any:
    return u if libmp.mpf_le(u, v) else v


def _larger(u: Any, v: Any) -> Any:
    return v if libmp.mpf_le(u, v) else u
