"""A formula in which log(1 + u) is log1p(u): the same function, and no small u is lost.

1 + exp(−x) is 1 to 16,384 bits from x = 11357 on, where exp(x)·log(1 + exp(−x)) is still 1.
"""

from __future__ import annotations

from functools import lru_cache

from actgrad.layers.formula import Formula, Node
from actgrad.layers.formula import words as f


@lru_cache(maxsize=64)
def with_small_terms(formula: Formula) -> Formula:
    """The formula with the same inputs and values, read through log1p where that keeps digits."""
    made: dict[Node, Node] = {}
    for node in formula.nodes:
        inputs = tuple(made[source] for source in node.inputs)
        kept = node if inputs == node.inputs else Node(node.operation, inputs, node.leaf)
        small = _added_to_1(inputs[0]) if node.operation is f.log else None
        made[node] = kept if small is None else f.log1p(small)
    if all(made[node] is node for node in formula.nodes):
        return formula
    outputs = [made[node] for node in formula.outputs]
    return Formula(formula.inputs, outputs[0] if formula.is_scalar else outputs)


def _added_to_1(total: Node) -> Node | None:
    """The term u of a sum 1 + u or u + 1 that is not a constant."""
    if total.operation is not f.add or total.is_constant:
        return None
    first, second = total.inputs
    return second if first.leaf == 1 else first if second.leaf == 1 else None
