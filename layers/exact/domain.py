"""Where a formula has no value: outside the domain of one of its words."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from actgrad.layers.arithmetic import balls
from actgrad.layers.formula import BALLS, Formula, Node, Operation, Sweep
from actgrad.layers.formula import words as f


def _is_negative(u: balls.Ball) -> Any:
    return (np.asarray(u.hi) < 0) & u.apart


def _is_zero(u: balls.Ball) -> Any:
    return np.equal(u.hi, 0) & np.equal(u.radius, 0)


def _is_beyond_1(u: balls.Ball) -> Any:
    return _is_negative(balls.subtract(balls.ONE, balls.absolute(u)))


#: By word, whether its inputs are proven to lie outside its domain.
OUTSIDE: Mapping[Operation, Callable[..., Any]] = {
    f.divide: lambda u, v: _is_zero(v),
    f.reciprocal: _is_zero,
    f.log: lambda u: _is_negative(u) | _is_zero(u),
    f.log1p: lambda u: OUTSIDE[f.log](balls.add(u, balls.ONE)),
    f.sqrt: _is_negative,
    f.asin: _is_beyond_1,
    f.acos: _is_beyond_1,
    f.real_power: lambda u, v: _is_negative(u),
}


def undefined(formula: Formula, values: Mapping[Node, Any], size: int) -> Any:
    """Where the first output is proven to have no value, for the balls of all nodes.

    A branch that is not taken need not have one.
    """
    outside: dict[Node, Any] = {}
    for node in formula.nodes:
        known = [outside[source] for source in node.inputs]
        if node.operation is f.where and any(each is not False for each in known):
            condition = values[node.inputs[0]]
            here = known[0] | (condition.sure & np.where(condition.holds, *known[1:]))
        else:
            here = reduce(operator.or_, known, False)
        if node.operation in OUTSIDE:
            proven = OUTSIDE[node.operation](*(values[source] for source in node.inputs))
            here = here | proven if np.any(proven) else here
        outside[node] = here
    return np.broadcast_to(outside[formula.outputs[0]], size)


def without_value(formula: Formula, x: Any) -> Any:
    """Where a formula of one number is proven to have no value; never at x = nan or ±inf."""
    if not any(node.operation in OUTSIDE for node in formula.nodes):
        return np.zeros(x.size, bool)
    with np.errstate(all="ignore"):
        sweep: Sweep[Any] = Sweep(formula, BALLS, {formula.inputs[0]: balls.Ball(x)}, [])
        for node in formula.nodes:
            sweep.value(node)
        return undefined(formula, sweep.values, x.size) & np.isfinite(x)
