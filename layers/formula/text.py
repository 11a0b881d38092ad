"""Formulas as they are written: the words read as plain text and as LaTeX, nothing multiplied out.

`Symbol` merges equal factors and equal terms. A `Written` keeps the order and the brackets of the
formula, so that two steps of a derivation that differ in their form alone differ in their text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from actgrad.layers.formula.readings import Reading
from actgrad.layers.formula.symbol import SUPERSCRIPTS, require_length
from actgrad.layers.formula.words import Node, Operation

#: How tightly a text is bound: an operand of a lower rank is put in brackets.
SUM, PRODUCT, POWER, ATOM = range(4)
GREEK = {"α": "alpha", "β": "beta", "λ": "lambda", "π": "pi", "σ": "sigma", "φ": "varphi"}
GREEK |= {"τ": "tau", "Φ": "Phi"}
#: The variables, which stand on the left of a comparison with a number.
VARIABLE = re.compile(r"\b[xyab](?![a-z_])")
LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼ", "0123456789ij")


class Written(NamedTuple):
    """A text without its sign, its rank, and for a choice its cases."""

    text: str
    rank: int = ATOM
    is_negative: bool = False
    #: A value and its condition for each branch but the last, and the last branch's value.
    cases: tuple[tuple[str, Condition], ...] = ()
    otherwise: str = ""

    def __str__(self) -> str:
        return "-" * self.is_negative + self.text

    @property
    def is_zero(self) -> bool:
        """Whether it is the number 0."""
        return self.text == "0"


class Condition(NamedTuple):
    """A chain of numbers, each less than the next, or not greater: 0 < x ≤ 6."""

    sides: tuple[str, ...]
    relations: tuple[str, ...]

    def __and__(self, other: Condition) -> Condition | None:
        """Both conditions as one chain; None if they share no side."""
        for low, high in ((self, other), (other, self)):
            if low.sides[-1] == high.sides[0]:
                return Condition(low.sides + high.sides[1:], low.relations + high.relations)
        return None

    def __str__(self) -> str:
        sides, relations = self.sides, self.relations
        if len(sides) == 2 and VARIABLE.search(sides[1]) and not VARIABLE.search(sides[0]):
            sides, relations = sides[::-1], tuple({"<": ">"}.get(r, "≥") for r in relations)
        pairs = zip(("", *(f" {relation} " for relation in relations)), sides, strict=True)
        return "".join(relation + side for relation, side in pairs)


class PlainText:
    """The words as plain text: a method for each word that is not written as a call."""

    times = "·"

    def read(self, word: Operation) -> Callable[..., Any]:
        """The method of the word's name; without one the word is written as a call."""
        method: Callable[..., Any] | None = getattr(self, word.name, None)
        return method or (lambda *inputs: self.call(word.symbol, *inputs))

    def call(self, word: str, *inputs: Written) -> Written:
        """A call: `exp(-x)`."""
        return Written(f"{word}({', '.join(map(str, inputs))})")

    def name(self, text: str) -> Written:
        """A name, as it is; a composite one such as `1/6` binds as a product."""
        return Written(text)

    def input(self, leaf: str) -> Written:
        """The name of an input."""
        return self.name(leaf)

    def literal(self, leaf: str | float) -> Written:
        """A number, or the name that it bears."""
        text = str(leaf).removesuffix(".0")
        return self.name(text.removeprefix("-"))._replace(is_negative=text.startswith("-"))

    def add(self, u: Written, v: Written) -> Written:
        """u + v; a negative v is subtracted."""
        if v.is_negative:
            return self.subtract(u, v._replace(is_negative=False))
        return Written(f"{u} + {v}", SUM)

    def subtract(self, u: Written, v: Written) -> Written:
        """u − v."""
        return Written(f"{u} - {self.bound(v, PRODUCT)}", SUM)

    def multiply(self, u: Written, v: Written) -> Written:
        """u·v; a factor of 1 is left out."""
        is_negative = u.is_negative != v.is_negative
        u, v = u._replace(is_negative=False), v._replace(is_negative=False)
        if "1" in (u.text, v.text):
            return (v if u.text == "1" else u)._replace(is_negative=is_negative)
        factors = (self.bound(u, PRODUCT), self.bound(v, PRODUCT))
        return Written(self.times.join(factors), PRODUCT, is_negative)

    def divide(self, u: Written, v: Written) -> Written:
        """u/v."""
        is_negative = u.is_negative != v.is_negative
        u, v = u._replace(is_negative=False), v._replace(is_negative=False)
        return self.quotient(u, v)._replace(is_negative=is_negative)

    def quotient(self, u: Written, v: Written) -> Written:
        """u/v of two numbers without a sign."""
        return Written(f"{self.bound(u, PRODUCT)}/{self.bound(v, POWER)}", PRODUCT)

    def reciprocal(self, u: Written) -> Written:
        """1/u."""
        return self.divide(Written("1"), u)

    def power(self, u: Written, n: Written) -> Written:
        """u to a whole power."""
        if n.text == "1":
            return u
        return Written(self.bound(u, ATOM) + n.text.translate(SUPERSCRIPTS), POWER)

    def absolute(self, u: Written) -> Written:
        """|u|."""
        return Written(f"|{u}|")

    def total(self, u: Written) -> Written:
        """The sum of u over the elements j of a line."""
        return Written(f"Σⱼ {self.bound(u, PRODUCT)}", PRODUCT)

    def above(self, u: Written, v: Written) -> Condition:
        """u > v."""
        return Condition((str(v), str(u)), ("<",))

    def not_above(self, u: Written, v: Written) -> Condition:
        """u ≤ v."""
        return Condition((str(u), str(v)), ("≤",))

    def where(self, condition: Condition, u: Written, v: Written) -> Written:
        """A choice; u where the condition holds and 0 elsewhere is `[condition]·u`."""
        cases: tuple[tuple[str, Condition], ...] = ((str(u), condition),)
        if len(u.cases) == 1 and u.otherwise == str(v) and (both := condition & u.cases[0][1]):
            cases = ((u.cases[0][0], both),)
        elif v.cases:
            cases += v.cases
        otherwise = v.otherwise or str(v)
        if v.is_zero:
            inner = self.multiply(self.bracket(condition), u)
        else:
            inner = self.call("where", self.name(self.condition(condition)), u, v)
        return inner._replace(cases=cases, otherwise=otherwise)

    def bracket(self, condition: Condition) -> Written:
        """1 where the condition holds, else 0: its Iverson bracket."""
        return Written(f"[{self.condition(condition)}]")

    def condition(self, condition: Condition) -> str:
        """The condition as text."""
        return str(condition)

    def bound(self, u: Written, rank: int) -> str:
        """The text, in brackets if it binds less tightly than `rank` or is negative."""
        return f"({u})" if u.rank < rank or u.is_negative else u.text

    def whole(self, u: Written) -> str:
        """The text of a whole expression; that of a choice names its cases."""
        if not u.cases:
            return str(u)
        cases = [f"{value} for {self.condition(condition)}" for value, condition in u.cases]
        return ", ".join([*cases, f"else {u.otherwise}"])


class Latex(PlainText):
    """The words as LaTeX, for its mathematics mode."""

    times = r" \cdot "

    def call(self, word: str, *inputs: Written) -> Written:
        if word == "exp":
            return Written(f"e^{{{inputs[0]}}}", POWER)
        if word == "sqrt":
            return Written(rf"\sqrt{{{inputs[0]}}}")
        known = {"sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "max", "min"}
        function = rf"\{word}" if word in known else rf"\operatorname{{{word}}}"
        return Written(rf"{function}\left({', '.join(map(str, inputs))}\right)")

    def name(self, text: str) -> Written:
        return Written(latex_name(text))

    def quotient(self, u: Written, v: Written) -> Written:
        return Written(rf"\frac{{{u}}}{{{v}}}", PRODUCT)

    def power(self, u: Written, n: Written) -> Written:
        if n.text == "1":
            return u
        base = rf"\left({u}\right)" if u.rank < ATOM or u.is_negative else u.text
        return Written(f"{base}^{{{n}}}", POWER)

    def absolute(self, u: Written) -> Written:
        return Written(rf"\left|{u}\right|")

    def total(self, u: Written) -> Written:
        return Written(rf"\sum_j {self.bound(u, PRODUCT)}", PRODUCT)

    def where(self, condition: Condition, u: Written, v: Written) -> Written:
        choice = super().where(condition, u, v)
        return choice if v.is_zero else choice._replace(text=self.whole(choice), rank=ATOM)

    def bracket(self, condition: Condition) -> Written:
        return Written(rf"\left[{self.condition(condition)}\right]")

    def condition(self, condition: Condition) -> str:
        return str(condition).replace("≤", r"\le").replace("≥", r"\ge")

    def bound(self, u: Written, rank: int) -> str:
        return rf"\left({u}\right)" if u.rank < rank or u.is_negative else u.text

    def whole(self, u: Written) -> str:
        if not u.cases:
            return str(u)
        rows = [rf"{value} & \text{{for }} {self.condition(c)}" for value, c in u.cases]
        rows.append(rf"{u.otherwise} & \text{{else}}")
        return r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}"


def latex_name(text: str) -> str:
    r"""A name in LaTeX: `∂L/∂y₁` is `\frac{\partial L}{\partial y_{1}}`, `alpha` is `\alpha`."""
    if text.startswith("∂"):
        above, below = (side.removeprefix("∂") for side in text.split("/"))
        return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"
    if text in GREEK.values():
        return f"\\{text} "
    if text.isascii() and text.replace("_", "").isalpha() and len(text) > 1:
        escaped = text.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"
    lowered = re.sub("[₀-₉ᵢⱼ]+", lambda index: f"_{{{index[0].translate(LOWERED)}}}", text)
    named = re.sub("|".join(GREEK), lambda letter: f"\\{GREEK[letter[0]]} ", lowered)
    return named.replace("′", "'").replace("·", r" \cdot ")


PLAIN, LATEX = PlainText(), Latex()
READINGS = {style: Reading(type(style).__name__, style.read) for style in (PLAIN, LATEX)}


def written(node: Node, style: PlainText = PLAIN, names: Mapping[str, Node] | None = None) -> str:
    """The formula that ends in `node`, in that style; each node of `names` is written as its name.

    >>> written(1 / (1 + exp(-Node(variable, leaf="x"))))
    '1/(1 + exp(-x))'

    Raises:
        ActgradError: the text is too long.
    """
    known = {named: style.name(name) for name, named in (names or {}).items() if named is not node}
    #: How many nodes the text of each has; it has a node as often as others use it.
    sizes = dict.fromkeys(known, 1)

    def read(inner: Node) -> Any:
        if inner not in known:
            inputs = [read(source) for source in inner.inputs] or [inner.leaf]
            sizes[inner] = 1 + sum(sizes[source] for source in inner.inputs)
            require_length(sizes[inner])
            known[inner] = READINGS[style][inner.operation](*inputs)
        return known[inner]

    return style.whole(read(node))
