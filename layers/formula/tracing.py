"""A formula's nodes, collected by calling it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from actgrad.layers.formula.words import Node, constant, variable


class Formula:
    """A formula's named inputs, its outputs, and all its nodes, each after those it takes."""

    def __init__(self, inputs: Sequence[Node], outputs: Node | Sequence[Node]) -> None:
        self.is_scalar = isinstance(outputs, Node)
        self.inputs = tuple(inputs)
        self.outputs = (outputs,) if isinstance(outputs, Node) else tuple(outputs)
        self.nodes = tuple(_in_order(self.outputs))


def trace(formula: Callable[..., Any], *arguments: str | int) -> Formula:
    """Call `formula` on fresh inputs, and keep the nodes that it builds.

    An argument is a name, or the length of a list x₁, x₂, … of inputs; the default is one input
    "x".
    """
    inputs: list[Node] = []
    given: list[Node | list[Node]] = []
    for argument in arguments or ("x",):
        names = [argument] if isinstance(argument, str) else indexed("x", argument)
        nodes = [Node(variable, leaf=name) for name in names]
        inputs += nodes
        given.append(nodes[0] if isinstance(argument, str) else nodes)
    result = formula(*given)
    many = isinstance(result, list | tuple)
    return Formula(inputs, [constant(y) for y in result] if many else constant(result))


def indexed(name: str, count: int) -> list[str]:
    """The names x₁, x₂, … up to `count`."""
    return [name + str(i).translate(SUBSCRIPTS) for i in range(1, count + 1)]


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _in_order(outputs: Sequence[Node]) -> Iterator[Node]:
    """The nodes, each after its inputs; no recursion, as a sum over a long axis is deep."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(outputs)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((source, False) for source in reversed(node.inputs))
