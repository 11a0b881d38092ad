"""Folding: prose between words, formulas between terms, and nothing lost."""

import pytest

from actgrad.cli.show.folding import fold

GELU = "1/2 + tanh((x + 0.044715·x³)·sqrt(2/π))/2 + x·(1 - tanh((x + 0.044715·x³)·sqrt(2/π))²)"


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert fold("y = 1/(1 + exp(-x))", 19) == ["y = 1/(1 + exp(-x))"]


def test_a_formula_breaks_between_arguments_rather_than_inside_them() -> None:
    assert fold("y = where(x > 0, x, exp(x) - 1)", 22) == ["y = where(x > 0, x,", "  exp(x) - 1)"]


def test_an_operator_stands_before_the_term_that_follows_it() -> None:
    assert fold("x·cosh(x) + sinh(x)", 15) == ["x·cosh(x)", "  + sinh(x)"]


def test_prose_breaks_between_words_and_not_beside_a_relation() -> None:
    lines = fold("the expression gives nan at x = -720 in float64", 32, "")
    assert lines == ["the expression gives nan at", "x = -720 in float64"]


def test_parameters_break_between_each_other() -> None:
    assert fold("hardtanh:min_val=-1.0,max_val=1.0", 26) == [
        "hardtanh:min_val=-1.0,",
        "  max_val=1.0",
    ]


@pytest.mark.parametrize("width", range(5, 100, 3))
def test_folding_loses_nothing(width: int) -> None:
    lines = fold(GELU, width)
    assert "".join("".join(lines).split()) == "".join(GELU.split())
    assert width < 28 or max(map(len, lines)) <= width
