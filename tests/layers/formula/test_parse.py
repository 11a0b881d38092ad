"""Typed expressions: what is read, and what is refused and where."""

from __future__ import annotations

import math
import random

import pytest

from actgrad.layers.errors import ExpressionError
from actgrad.layers.formula import FLOATS, Formula, Sweep, read_formula, trace
from actgrad.layers.formula.notation import in_python

#: A layer for the tests: twice its input, or `factor` times.
LAYERS = {"twice": lambda u, factor=2: factor * u}


def read(text: str, **parameters: float) -> Formula:
    return trace(read_formula(text, parameters, LAYERS))


def value(formula: Formula, x: float) -> float:
    sweep = Sweep(formula, FLOATS, {formula.inputs[0]: x})
    return float(sweep.value(formula.outputs[0]))


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("x*tanh(log(1+exp(x)))", 1.0, math.tanh(math.log(1 + math.e))),
        ("-x^2", 3.0, -9.0),
        ("2^x²", 2.0, 16.0),
        ("x²³", 2.0, 2.0**23),
        ("x⁻²", 2.0, 0.25),
        ("x**-0.5", 4.0, 0.5),
        ("x^(1/2)", 9.0, 3.0),
        ("√x·√(x + 7)", 9.0, 12.0),
        ("√exp(x)", 0.0, 1.0),
        ("2·π−x÷2", 2.0, 2 * math.pi - 1),
        ("||x| - 3|", -1.0, 2.0),
        ("|x|·|x - 1|", -1.0, 2.0),
        ("x if x > 0 else 0.1*x", -2.0, -0.2),
        ("(x > 0)*x", -2.0, 0.0),
        ("[x ≤ 0]", 0.0, 1.0),
        ("0 < x < 1", 0.5, 1.0),
        ("0 < x < 1", 1.0, 0.0),
        ("where(x == 2 or not x != 3, 1, 0)", 3.0, 1.0),
        ("x > 0 and x < 2", 2.0, 0.0),
        ("max(x, 0, 2)", 1.0, 2.0),
        ("clip(x, -1, 1)", 7.0, 1.0),
        ("sign(x)*e", -7.0, -math.e),
        ("pow(x, 3)", -2.0, -8.0),
        ("twice(x) + twice(x, 3) + twice(x, factor=1/2)", 2.0, 11.0),
        ("a*x", 2.0, 0.5),
    ],
)
def test_an_expression_is_read(text: str, x: float, expected: float) -> None:
    assert value(read(text, a=0.25), x) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("x if x>0", 1, "an if needs an else, as in: x if x > 0 else 0"),
        ("x*sigmod(x)", 3, "there is no function sigmod"),
        ("x*twise(x)", 3, "there is no function twise"),
        ("x*(1 + y)", 8, "there is no name y"),
        ("2x", 2, "an operator is missing before 'x'"),
        ("x (x + 1) x", 11, "an operator is missing before 'x'"),
        ("√2·π x", 6, "an operator is missing before 'x'"),
        ("x*/2", 3, "an operand is missing before '/'"),
        ("x +", 4, "an operand is missing at the end"),
        ("", 1, "an operand is missing at the end"),
        ("(x*(2 + x)", 1, "'(' is not closed"),
        ("|x|·|x", 5, "'|' is not closed"),
        ("x + 1)", 6, "')' closes nothing: nothing is open"),
        ("(x]", 3, "']' closes nothing: '(' is still open"),
        ("x @ 2", 3, "'@' has no meaning"),
        ("x² + exp", 6, "exp has no argument"),
        ("exp(x, 2)", 1, "exp takes 1 argument, not 2"),
        ("max(x)", 1, "max takes at least 2 arguments, not 1"),
        ("x*clip(x, 1)", 3, "clip takes 3 arguments, not 2"),
        ("x.real + 1", 1, "this has no meaning"),
        ("True*x", 1, "this has no meaning"),
        ("x % 2", 3, "'%' has no meaning"),
        ("x**5000", 4, "a whole exponent is at most 1024"),
        ("x + 1e999", 5, "1e999 is too large"),
        (f"x + 1{'0' * 309}", 5, f"1{'0' * 309} is too large"),
        ("1 + 2", 1, "the expression has no x"),
        ("x = 2", 3, "cannot be read here"),
        ("exp(u=x)", 7, "exp has no parameter u"),
        ("twice(x, x)", 10, "a layer's parameter is a number"),
        ("-" * 1000 + "x", 102, "nested more than 100 deep"),
        ("x" * 3000, 2001, "at most 2000 characters are read"),
    ],
)
def test_an_error_names_the_column(text: str, column: int, problem: str) -> None:
    with pytest.raises(ExpressionError, match=f"column {column}: ") as error:
        read(text)
    assert problem in str(error.value)
    assert error.value.column == column


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x*twise(x)", "did you mean twice?"),
        ("x*ln(x)", "write log"),
        ("np.exp(x)", "write exp"),
        ("y*2 + x", "give it a value: y*2 + x:y=1"),
        ("1/(1 + exp(-y))", "x is the input, as in x*sigmoid(x)"),
        ("alhpa*x", "did you mean alpha?"),
        ("2x", "write * to multiply"),
    ],
)
def test_an_error_says_what_to_type(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as error:
        read(text, alpha=1)
    assert error.value.hint == hint


def test_a_number_is_the_float_that_it_names_and_a_longer_one_is_itself() -> None:
    def leaves(text: str) -> list[object]:
        return [node.leaf for node in read(text).nodes if node.is_constant]

    assert leaves("0.1*x") == [0.1]
    assert leaves("3*x") == [3]
    assert leaves("1.0507009873554804934*x") == ["1.0507009873554804934"]


def test_the_places_of_the_python_text_are_those_of_the_typed_text() -> None:
    notation = in_python("√|x|²·π")
    assert notation.text == "sqrt(abs(x))**(2)*pi"
    assert notation.indices[notation.text.index("x")] == 2
    assert notation.indices[notation.text.index("pi")] == 6


def test_mutated_texts_are_read_or_refused_with_a_place() -> None:
    rng = random.Random(20)
    characters = "x+-*/^().,|[]<>=0123456789eπ√²·− \t\n\"'\\#@:;_aif\0é∂"
    texts = ["x*tanh(log(1+exp(x)))", "max(x, 0) + 0.1*min(x, 0)", "x if 0 < x else |x|²"]
    for _ in range(3000):
        text = list(rng.choice(texts))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text) + 1)
            text[place : place + rng.randint(0, 2)] = rng.choice(characters)
        assert 0 <= column_of_refusal("".join(text)) <= len(text) + 1


def column_of_refusal(text: str) -> int:
    """The column that the error names; 0 where the text is read."""
    try:
        read(text)
    except ExpressionError as error:
        return error.column
    return 0
