"""Expressions drawn by a grammar or typed from the catalogue, and an exact reference by mpmath."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from mpmath import mp, mpf

from actgrad.layers.explain import formula_text

#: Enough bits for what cancels at 1e300, down to the smallest float64.
BITS = 3500
#: Beyond this an exponential has more bits in its exponent than the reference can spend.
FARTHEST = 1e7
NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)")
ONE = ("exp", "expm1", "sin", "cos", "tanh", "erf", "atan", "sinh", "abs", "sigmoid", "softplus")
EDGED = ("log", "log1p", "sqrt", "asin")


def expressions() -> st.SearchStrategy[str]:
    """Texts of expressions in x, in the notation that Python shares."""
    number = st.sampled_from(["1", "2", "3", "0.5", "0.1", "1.702", "pi", "e"])
    leaf = st.one_of(st.just("x"), st.just("x"), number)

    def larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
            st.builds("{}({})".format, st.sampled_from(ONE), part),
            st.builds("{}({})".format, st.sampled_from(EDGED), part),
            st.builds("({})**{}".format, part, st.sampled_from(["2", "3", "(-1)", "0.5", "1.5"])),
            st.builds("{}({}, {})".format, st.sampled_from(["max", "min"]), part, part),
            st.builds("({} if {} > {} else {})".format, part, part, number, part),
            st.builds("elu({}, alpha=2)".format, part),
            st.builds("(-{})".format, part),
        )

    grown = st.recursive(leaf, larger, max_leaves=6)
    return grown.map(lambda text: text if re.search(r"\bx\b", text) else f"x + {text}")


class TooFarError(Exception):
    """The reference cannot spend the bits that the value takes, or x is next to a kink."""


class Jet:
    """A value with its first and second derivative by x; nan where one does not exist.

    A number and a constant branch are no function of x: their derivatives are 0, whatever is made
    of them. Of a function of x, 0 times a pole is nan.
    """

    def __init__(self, value: Any, first: Any = 0, second: Any = 0, of_x: bool = False) -> None:
        self.of_x = of_x
        self.parts = mpf(value), *((mpf(first), mpf(second)) if of_x else (mpf(0), mpf(0)))
        if mp.isnan(self.parts[0]):
            self.parts = mp.nan, mp.nan, mp.nan

    def of(self, value: Any, first: Any, second: Any) -> Jet:
        """f(self) for the value and the derivatives of f."""
        _, d, dd = self.parts
        return Jet(value, first * d, second * d * d + first * dd, self.of_x)

    def __add__(self, other: Jet) -> Jet:
        u, v = self.parts[0], other.parts[0]
        if u and v and u + v in (u, v):
            raise TooFarError("a term is lost")
        parts = (a + b for a, b in zip(self.parts, other.parts, strict=True))
        return Jet(*parts, self.of_x or other.of_x)

    def __neg__(self) -> Jet:
        return Jet(*(-a for a in self.parts), self.of_x)

    def __sub__(self, other: Jet) -> Jet:
        return self + -other

    def __mul__(self, other: Jet) -> Jet:
        (u, du, ddu), (v, dv, ddv) = self.parts, other.parts
        parts = u * v, du * v + u * dv, ddu * v + 2 * du * dv + u * ddv
        return Jet(*parts, self.of_x or other.of_x)

    def __truediv__(self, other: Jet) -> Jet:
        v = other.parts[0]
        return Jet(mp.nan) if v == 0 else self * other.of(1 / v, -1 / v**2, 2 / v**3)

    def __pow__(self, exponent: Jet) -> Jet:
        u, n = self.parts[0], exponent.parts[0]
        if (n != int(n) and u < 0) or (u == 0 and n < 0):
            return Jet(mp.nan)

        def power(factor: Any, e: Any) -> Any:
            return mpf(0) if not factor else mp.nan if u == 0 and e < 0 else factor * u**e

        return self.of(power(mpf(1), n), power(n, n - 1), power(n * (n - 1), n - 2))

    def __gt__(self, other: Jet) -> bool:
        u, v = self.parts[0], other.parts[0]
        if mp.isnan(u) or mp.isnan(v):
            raise TooFarError("no branch")
        if u != v and abs(u - v) <= mpf(2) ** -300 * max(abs(u), abs(v)):
            raise TooFarError("next to a kink")
        return bool(u > v)


def smooth(function: Callable[..., Any], slope: Any, curve: Any, low: float = -math.inf) -> Any:
    """A function of a jet, from its derivatives; undefined below `low`."""

    def on_jet(u: Jet) -> Jet:
        x = u.parts[0]
        if mp.isnan(x) or x < low:
            return Jet(mp.nan)
        if abs(x) > FARTHEST:
            raise TooFarError(str(function))
        return u.of(function(x), slope(x), curve(x))

    return on_jet


def pole(function: Callable[..., Any], at: Any = 0) -> Callable[..., Any]:
    """A derivative that is nan at its pole."""
    return lambda x: mp.nan if x == at else function(x)


def arcsine(u: Jet) -> Jet:
    x = u.parts[0]
    if mp.isnan(x) or abs(x) > 1:
        return Jet(mp.nan)
    root = mp.sqrt(1 - x * x)
    return u.of(mp.asin(x), 1 / root if root else mp.nan, x / root**3 if root else mp.nan)


def larger_of(u: Jet, v: Jet) -> Jet:
    return u if u > v else v


def where_above(u: Jet, v: Jet, then: Jet, other: Jet) -> Jet:
    return then if u > v else other


ZERO, KAPPA = Jet(0), 2 / mp.sqrt(mp.pi)
exp = smooth(mp.exp, mp.exp, mp.exp)
log = smooth(pole(mp.log), pole(lambda x: 1 / x), pole(lambda x: -1 / x**2), 0)
WORDS: dict[str, Any] = {
    "exp": exp,
    "expm1": smooth(mp.expm1, mp.exp, mp.exp),
    "log": log,
    "log1p": lambda u: log(u + Jet(1)),
    "sqrt": lambda u: u ** Jet(0.5),
    "sin": smooth(mp.sin, mp.cos, lambda x: -mp.sin(x)),
    "cos": smooth(mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x)),
    "tanh": smooth(mp.tanh, lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2),
    "sinh": smooth(mp.sinh, mp.cosh, mp.sinh),
    "atan": smooth(mp.atan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "asin": arcsine,
    "abs": lambda u: u.of(abs(u.parts[0]), mp.sign(u.parts[0]), 0),
    "sigmoid": lambda u: Jet(1) / (Jet(1) + exp(-u)),
    "softplus": lambda u: log(Jet(1) + exp(u)),
    "elu": lambda u, alpha: u if u > ZERO else alpha * (exp(u) - Jet(1)),
    "max": larger_of,
    "min": lambda u, v: u if v > u else v,
}


def bell(x: Any) -> Any:
    return 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)


WORDS["erf"] = smooth(mp.erf, bell, lambda x: -2 * x * bell(x))


def reference(text: str, x: float) -> tuple[Any, Any, Any]:
    """The value at x and its first and second derivative, to BITS bits.

    Raises:
        TooFarError: it cannot be computed.
    """
    code = NUMBER.sub(r"N('\1')", text)
    with mp.workprec(BITS):
        names = {"x": Jet(x, 1, 0, True), "N": lambda digits: Jet(float(digits))}
        names |= {"pi": Jet(mp.pi), "e": Jet(mp.e)}
        try:
            result = eval(code, WORDS | names)
        except (OverflowError, ZeroDivisionError, ValueError) as error:
            raise TooFarError(text) from error
        value, first, second = result.parts
        return value, first, second


def rounded(value: Any, precision: int, least: int, most: int) -> float:
    """The number of a format of so many bits and exponents that is nearest; ties go to even."""
    if not mp.isfinite(value):
        return float(value)
    sign, mantissa, exponent, bits = value._mpf_
    if not mantissa:
        return 0.0
    quantum = max(exponent + bits - 1, least) - precision + 1
    shift = exponent - quantum
    if shift < -20_000:
        return math.copysign(0.0, -1 if sign else 1)
    scaled = Fraction(mantissa) * Fraction(2) ** shift
    if abs((scaled % 1) - Fraction(1, 2)) < Fraction(1, 2**1200):
        scaled = scaled // 1 + Fraction(1, 2)
    whole = round(scaled)
    size = math.inf if whole.bit_length() + quantum - 1 > most else math.ldexp(whole, quantum)
    return -size if sign else size


def as_typed(own: Any) -> str:
    """The formula that explain prints, with the numbers of its names; Greek ones are spelled."""
    if own.name == "identity":
        return "1*x"
    text = formula_text(own).replace("λ", "scale").replace("α", "alpha")
    numbers = [f"{name}={getattr(own, name)}" for name in own.parameters]
    numbers += [f"{name.lower()}={getattr(own, name)}" for name in own.constants]
    return ":".join([text, *([",".join(numbers)] if numbers else [])])
