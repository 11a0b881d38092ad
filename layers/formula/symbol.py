"""Expressions as a person writes them: signs in front, equal factors and equal terms merged.

This is no computer algebra system. A product merges equal factors (y·y is y², u/u is 1) and never
multiplies out a bracket; a sum merges equal terms. This is enough to write a gradient as the
textbook does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import chain
from math import gcd, lcm
from typing import TypeAlias

from actgrad.layers.errors import ActgradError

#: The factors of a product, each a name, a function's call or a bracket, and their exponents.
Powers: TypeAlias = "frozenset[tuple[str | Symbol, Fraction]]"
ONE, HALF = Fraction(1), Fraction(1, 2)
#: A product of larger numbers than these stays a product, which is shorter: 10²⁰·10²⁰.
MOST_BITS = 64
#: The characters of the longest formula that is written out.
MOST = 1_000_000
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Symbol:
    """A sum: the coefficient of each product in it."""

    # A symbol is hashed and written many times by those that hold it, so both are kept.
    __slots__ = ("_hash", "_text", "terms")

    def __init__(self, terms: Mapping[Powers, Fraction]) -> None:
        self.terms = {powers: coefficient for powers, coefficient in terms.items() if coefficient}
        self._hash = hash(frozenset(self.terms.items()))
        self._text: str | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Symbol) and self._hash == other._hash and self.terms == other.terms
        )

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Symbol) -> Symbol:
        if common := _shared_gradient(self.terms, other.terms):
            return common * (self / common + other / common)
        left, right = self._opened(), other._opened()
        return Symbol({p: left.get(p, 0) + right.get(p, Fraction()) for p in {**left, **right}})

    def __sub__(self, other: Symbol) -> Symbol:
        return self + Symbol({powers: -c for powers, c in other.terms.items()})

    def __mul__(self, other: Symbol) -> Symbol:
        (powers, coefficient), (others, c) = self._product(), other._product()
        if _bits(coefficient) + _bits(c) <= MOST_BITS:
            return _multiplied(_gathered(powers, others), coefficient * c)
        numbers = [_factors(abs(coefficient)), _factors(abs(c))]
        return _multiplied(_gathered(powers, others, *numbers), _sign(coefficient * c))

    def __truediv__(self, other: Symbol) -> Symbol:
        return self * other**-1

    def __pow__(self, exponent: int) -> Symbol:
        if not self.terms and exponent < 0:
            return name("(1/0)")
        powers, coefficient = self._product()
        exponents = _gathered(powers, _factors(abs(coefficient)))
        sign = _sign(coefficient) ** (exponent % 2)
        return _multiplied({base: e * exponent for base, e in exponents.items()}, sign)

    def _product(self) -> tuple[Powers, Fraction]:
        """The sum as one product: several terms become a bracket times their common number."""
        if len(self.terms) == 1:
            return next(iter(self.terms.items()))
        numbers = list(self.terms.values())
        share = Fraction(
            gcd(*(c.numerator for c in numbers)), lcm(*(c.denominator for c in numbers))
        )
        share = -share if all(c < 0 for c in numbers) else share
        return frozenset({(Symbol({p: c / share for p, c in self.terms.items()}), ONE)}), share

    def _opened(self) -> Mapping[Powers, Fraction]:
        """The terms; a bracket times a number is multiplied out: 2·(1 + x) is 2 + 2·x."""
        powers, coefficient = self._product()
        for base, exponent in powers:
            if isinstance(base, Symbol) and len(powers) == exponent == 1:
                return {p: c * coefficient for p, c in base.terms.items()}
        return self.terms

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._in_order()
        return self._text

    def _in_order(self) -> str:
        text = ""
        for powers, coefficient in sorted(self.terms.items(), key=lambda term: term[1] < 0):
            sign = "-" if coefficient < 0 else ""
            text += (f" {sign or '+'} " if text else sign) + _written(powers, abs(coefficient))
        return text or "0"


def require_length(characters: int) -> None:
    """Check that a formula of so many characters is short enough to be written out.

    Raises:
        ActgradError: it is not.
    """
    if characters > MOST:
        raise ActgradError(
            f"the formula has more than {MOST} characters when it is written out",
            "actgrad graph shows it node by node",
        )


def number(value: int) -> Symbol:
    """A whole number as an expression."""
    return Symbol({frozenset(): Fraction(value)})


def name(text: str) -> Symbol:
    """A name as an expression."""
    return Symbol({frozenset({(text, ONE)}): ONE})


def _multiplied(exponents: dict[str | Symbol, Fraction], coefficient: Fraction) -> Symbol:
    # sqrt(2)·sqrt(2) is 2. Which of several numbers remain factors must not depend on their order.
    for digits in sorted(base for base in exponents if isinstance(base, str) and base.isdigit()):
        exponent = exponents[digits]
        is_short = _bits(coefficient) + int(digits).bit_length() * abs(exponent) <= MOST_BITS
        if exponent.denominator == 1 and is_short:
            coefficient *= Fraction(digits) ** int(exponents.pop(digits))
    product = Symbol({frozenset(power for power in exponents.items() if power[1]): coefficient})
    return Symbol(product._opened()) if abs(coefficient) == 1 else product


def _gathered(*factors: Powers) -> dict[str | Symbol, Fraction]:
    """The exponent of each factor of a product, of equal ones their sum."""
    exponents: dict[str | Symbol, Fraction] = {}
    for base, exponent in chain(*factors):
        exponents[base] = exponents.get(base, Fraction()) + exponent
    return exponents


def _sign(value: Fraction) -> Fraction:
    return -ONE if value < 0 else ONE


def _bits(coefficient: Fraction) -> int:
    return max(abs(coefficient.numerator), coefficient.denominator).bit_length()


def _factors(coefficient: Fraction) -> Powers:
    """A positive number as factors: that above the line and that below it, without 1."""
    above, below = coefficient.as_integer_ratio()
    return frozenset((str(n), e) for n, e in ((above, ONE), (below, -ONE)) if n != 1)


def _shared_gradient(u: Mapping[Powers, Fraction], v: Mapping[Powers, Fraction]) -> Symbol | None:
    """The common factors of two products, if ∂L/∂y is one: ∂L/∂y·a + ∂L/∂y·b is ∂L/∂y·(a + b)."""
    if u.keys() == v.keys() or len(u) != 1 or len(v) != 1:
        return None
    ((powers, c),), ((others, d),) = u.items(), v.items()
    shared = powers & others
    has_gradient = any(isinstance(base, str) and base.startswith("∂") for base, _ in shared)
    return Symbol({shared: c if abs(c) == abs(d) else ONE}) if has_gradient else None


def _written(powers: Powers, coefficient: Fraction) -> str:
    above, below = ([str(n)] if n != 1 else [] for n in coefficient.as_integer_ratio())
    ordered = sorted(powers, key=lambda power: (_rank(power[0]), str(power[0])))
    for base, e in ordered:
        text = f"({base})" if isinstance(base, Symbol) else base
        if whole := int(abs(e)):
            exponent = str(whole).translate(SUPERSCRIPTS) if whole > 1 else ""
            (above if e > 0 else below).append(text + exponent)
    roots = frozenset((base, 2 * (e - int(e))) for base, e in ordered if e.denominator == 2)
    if any(e > 0 for _, e in roots):
        above.append(f"sqrt({_written(roots, ONE)})")
    elif roots:
        below.append(f"sqrt({_written(frozenset((base, -e) for base, e in roots), ONE)})")
    under = f"/({'·'.join(below)})" if len(below) > 1 else "/" + below[0] if below else ""
    return ("·".join(above) or "1") + under


def _rank(base: str | Symbol) -> int:
    """The order of factors: numbers, ∂L/∂y, y, x, functions and conditions, brackets."""
    if isinstance(base, Symbol):
        return 5
    if base == "π" or base[0].isdigit():
        return 0
    return 1 if base[0] == "∂" else 4 if base[-1] in ")]|" else 2 if base[0] == "y" else 3


def _is_number(symbol: Symbol) -> bool:
    return all(_rank(base) == 0 for powers in symbol.terms for base, _ in powers)


class NamedNumber(float):
    """A number that texts write by a name, such as a parameter's."""

    def __new__(cls, name: str, value: float) -> NamedNumber:
        number = super().__new__(cls, value)
        number.name = name
        return number

    name: str

    def __str__(self) -> str:
        return self.name


def literal_symbol(leaf: str | float) -> Symbol:
    """A whole number of few digits takes part in arithmetic; any other is a factor, as written."""
    if isinstance(leaf, NamedNumber):
        return name(leaf.name)
    if leaf != "π" and (value := Fraction(leaf)).denominator == 1 and _bits(value) <= MOST_BITS:
        return number(int(value))
    text = str(leaf)
    return number(-1) * name(text[1:]) if text.startswith("-") else name(text)


def call_symbol(word: str) -> Callable[..., Symbol]:
    """A function that writes its arguments as the call of `word`: `sin(2·x)`."""
    return lambda *inputs: name(f"{word}({', '.join(map(str, inputs))})")


def root_symbol(u: Symbol) -> Symbol:
    """√u: a factor with the exponent ½ where u is a number, so that roots merge; else a call."""
    if len(u.terms) != 1 or not _is_number(u):
        return call_symbol("sqrt")(u)
    ((powers, coefficient),) = u.terms.items()
    exponents = _gathered(powers, _factors(coefficient))
    return _multiplied({base: e * HALF for base, e in exponents.items()}, ONE)


def comparison_symbol(relation: str, mirrored: str) -> Callable[[Symbol, Symbol], Symbol]:
    """A condition as its Iverson bracket: 1 where it holds, else 0."""
    return lambda u, v: name(f"[{v} {mirrored} {u}]" if _is_number(u) else f"[{u} {relation} {v}]")


def choice_symbol(condition: Symbol | bool, then: Symbol, other: Symbol) -> Symbol:
    """The branch taken, if the condition is decided; else a call of `where`."""
    if isinstance(condition, bool):
        return then if condition else other
    return name(f"where({str(condition)[1:-1]}, {then}, {other})")
