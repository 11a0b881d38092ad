"""Where a formula has no value: outside the domain of one of its words."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from mpmath import libmp

from actgrad.layers.arithmetic import Interval, balls, degenerate
from actgrad.layers.formula import BALLS, Formula, Node, Operation, Sweep
from actgrad.layers.formula import words as f


def _is_negative(u: balls.Ball) -> Any:
    return (np.asarray(u.hi) < 0) & u.apart


def _is_zero(u: balls.Ball) -> Any:
    return np.equal(u.hi, 0) & np.equal(u.radius, 0)


def _is_beyond_1(u: balls.Ball) -> Any:
    return _is_negative(balls.subtract(balls.ONE, balls.absolute(u)))


class Domain(NamedTuple):
    """How a reading of the words proves that values lie outside a domain."""

    #: By word, whether its inputs do.
    outside: Mapping[Operation, Callable[..., Any]]
    #: Whether a choice does, from its condition and from whether each branch does.
    chosen: Callable[..., Any]


BALL_DOMAIN: Domain = Domain(
    {
        f.divide: lambda u, v: _is_zero(v),
        f.reciprocal: _is_zero,
        f.log: lambda u: _is_negative(u) | _is_zero(u),
        f.log1p: lambda u: BALL_DOMAIN.outside[f.log](balls.add(u, balls.ONE)),
        f.sqrt: _is_negative,
        f.asin: _is_beyond_1,
        f.acos: _is_beyond_1,
        f.real_power: lambda u, v: _is_negative(u) | _is_zero(u) & _is_negative(v),
    },
    lambda condition, *branches: condition.sure & np.where(condition.holds, *branches),
)

_ZERO = degenerate(libmp.fzero)


def _is_interval_beyond_1(u: Interval) -> bool:
    return bool(libmp.mpf_gt(u[0], libmp.fone) or libmp.mpf_lt(u[1], libmp.fnone))


INTERVAL_DOMAIN = Domain(
    {
        f.divide: lambda u, v: v == _ZERO,
        f.reciprocal: lambda u: u == _ZERO,
        f.log: lambda u: libmp.mpf_sign(u[1]) <= 0,
        f.log1p: lambda u: libmp.mpf_le(u[1], libmp.fnone),
        f.sqrt: lambda u: libmp.mpf_sign(u[1]) < 0,
        f.asin: _is_interval_beyond_1,
        f.acos: _is_interval_beyond_1,
        f.real_power: lambda u, v: (
            libmp.mpf_sign(u[1]) < 0 or (u == _ZERO and libmp.mpf_sign(v[1]) < 0)
        ),
    },
    lambda condition, then, other: condition in (True, False) and (then if condition else other),
)


def undefined(formula: Formula, values: Mapping[Node, Any], domain: Domain) -> Any:
    """Where the first output is proven to have no value, for the values of all nodes.

    A branch that is not taken need not have one.
    """
    outside: dict[Node, Any] = {}
    for node in formula.nodes:
        known = [outside[source] for source in node.inputs]
        if node.operation is f.where and any(each is not False for each in known):
            here = known[0] | domain.chosen(values[node.inputs[0]], *known[1:])
        else:
            here = reduce(operator.or_, known, False)
        if node.operation in domain.outside:
            proven = domain.outside[node.operation](*(values[source] for source in node.inputs))
            here = here | proven if np.any(proven) else here
        outside[node] = here
    return outside[formula.outputs[0]]


def without_value(formula: Formula, x: Any) -> Any:
    """Where a formula of one number is proven to have no value; never at x = nan or ±inf."""
    if not any(node.operation in BALL_DOMAIN.outside for node in formula.nodes):
        return np.zeros(x.size, bool)
    with np.errstate(all="ignore"):
        sweep: Sweep[Any] = Sweep(formula, BALLS, {formula.inputs[0]: balls.Ball(x)}, [])
        for node in formula.nodes:
            sweep.value(node)
        return undefined(formula, sweep.values, BALL_DOMAIN) & np.isfinite(x)
