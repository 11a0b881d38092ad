"""The vocabulary: what a formula written as mathematics builds."""

from fractions import Fraction

import pytest

from actgrad.layers.formula import trace
from actgrad.layers.formula.words import Node, constant, exp, maximum, pi, sqrt, where


def spelled(node: Node) -> str:
    """The operations as they were built, without any simplification."""
    if not node.inputs:
        return str(node.leaf)
    return f"{node.operation.symbol}({', '.join(map(spelled, node.inputs))})"


def built(formula, *arguments: str | int) -> str:
    return ", ".join(spelled(output) for output in trace(formula, *arguments).outputs)


@pytest.mark.parametrize(
    ("formula", "nodes"),
    [
        (lambda x: 1 / (1 + exp(-x)), "/(+(1, exp(×(x, -1))))"),
        (lambda x: 1.0 / x, "/(x)"),
        (lambda x: 2 / x, "/(2, x)"),
        (lambda x: x / 2, "/(x, 2)"),
        (lambda x: 3 - (x - 1), "-(3, -(x, 1))"),
        (lambda x: 2 * x + x**3, "+(×(2, x), ^(x, 3))"),
        (lambda x: x / (1 + abs(x)), "/(x, +(1, abs(x)))"),
        (lambda x: where(x > 0, x, 0), "where(>(x, 0), x, 0)"),
        (lambda x: where(x < 0, x, 0), "where(>(0, x), x, 0)"),
        (lambda x: where(x >= 0, x, 0), "where(≤(0, x), x, 0)"),
        (lambda x: where(x <= 0, 0, maximum(x, 1)), "where(≤(x, 0), 0, max(x, 1))"),
        (lambda x: x * sqrt(2 / pi), "×(x, sqrt(/(2, π)))"),
    ],
)
def test_a_formula_builds_the_operations_that_it_is_written_with(formula, nodes) -> None:
    assert built(formula) == nodes


def test_a_condition_has_an_opposite() -> None:
    x = trace(lambda x: x).inputs[0]
    assert spelled(~(x > 0)) == "≤(x, 0)"
    assert spelled(~~(x > 0)) == ">(x, 0)"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (3, "3"),
        (0.1, "0.1"),
        ("1.0507009873554804934193349852946", "1.0507009873554804934193349852946"),
        (Fraction(1, 6), "/(1, 6)"),
        (Fraction(4, 2), "2"),
    ],
)
def test_a_constant_keeps_the_number_that_was_written(value, kept) -> None:
    assert spelled(constant(value)) == kept
    assert constant(value).is_constant


def test_what_is_made_of_constants_alone_is_constant() -> None:
    x = trace(lambda x: x).inputs[0]
    assert sqrt(2 / pi).is_constant
    assert not (x * sqrt(2)).is_constant


def test_text_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="one sixth"):
        constant("one sixth")


def test_a_condition_in_an_if_is_refused() -> None:
    with pytest.raises(TypeError, match="write where"):
        trace(lambda x: x if x > 0 else 0)


@pytest.mark.parametrize("exponent", [0, -1, 0.5])
def test_a_power_that_is_not_a_whole_number_from_1_is_refused(exponent) -> None:
    with pytest.raises(TypeError, match="whole number"):
        trace(lambda x: x**exponent)


def test_a_trace_names_its_inputs() -> None:
    def names(*arguments: str | int) -> list[str | float | None]:
        return [node.leaf for node in trace(lambda *_: 0, *arguments).inputs]

    assert names() == ["x"]
    assert names("x", "weight") == ["x", "weight"]
    assert names(3) == ["x₁", "x₂", "x₃"]
    assert names(12)[-1] == "x₁₂"


def test_a_trace_of_a_list_has_an_output_for_each_element() -> None:
    assert built(lambda xs: [xs[1], 2 * xs[0]], 2) == "x₂, ×(2, x₁)"
    assert not trace(lambda xs: [xs[0]], 1).is_scalar
    assert trace(lambda xs: xs[0], 1).is_scalar


def test_nodes_come_after_those_they_take_and_once_each() -> None:
    def polynomial(x: Node) -> Node:
        square = x * x
        return square + square * x

    nodes = trace(polynomial).nodes
    assert len(nodes) == len(set(nodes)) == 4
    assert all(nodes.index(source) < i for i, node in enumerate(nodes) for source in node.inputs)


def test_a_sum_over_a_long_axis_can_be_traced() -> None:
    assert len(trace(sum, 5000).nodes) == 5000 + 4999
