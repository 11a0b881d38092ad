"""Parameters of a layer: their defaults, meanings and domains."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import inf, isfinite
from typing import Any, NamedTuple, TypeAlias

from actgrad.layers.errors import ParameterError

#: A parameter's value: a float is the number it holds. A Fraction such as 1/6 is itself for an
#: `exact` parameter; any other parameter is the float next to it.
Number: TypeAlias = float | Fraction
#: What a parameter may be set to: a number, or one of its choices.
Setting: TypeAlias = Number | str


class Parameter(NamedTuple):
    """A number that shapes a layer's function; with no default it must be given.

    Its domain is every finite number: those > `above`, ≥ `at_least` and whole where so stated.
    backward computes the gradient of a `trained` parameter. An `exact` one may be a Fraction. A
    parameter with `choices` is one of these words instead.
    """

    default: Setting | None
    meaning: str
    above: float | None = None
    at_least: float | None = None
    whole: bool = False
    trained: bool = False
    exact: bool = False
    choices: tuple[str, ...] = ()

    @property
    def in_formula(self) -> bool:
        """Whether the formula has it as a number, and not as an axis or a choice."""
        return not (self.whole or self.choices)

    @property
    def domain(self) -> str:
        """The domain in words."""
        if self.choices:
            return " or ".join([", ".join(self.choices[:-1]), self.choices[-1]])
        kind = "a whole number" if self.whole else "finite"
        if self.above is not None:
            return f"{kind} and > {self.above:g}"
        return kind if self.at_least is None else f"{kind} and ≥ {self.at_least:g}"

    def check(self, value: Setting, what: str) -> Setting:
        """The number or the choice that the layer computes with; `what` names it in the error.

        Raises:
            ParameterError: it lies outside the domain.
        """
        if self.choices or isinstance(value, str):
            if value not in self.choices:
                raise ParameterError(f"{what} is {value}, but must be {self.domain}")
            return value
        try:
            value = value if self.exact and isinstance(value, Fraction) else float(value)
        except OverflowError:
            value = inf
        if (
            not isfinite(value)
            or (self.whole and value != int(value))
            or (self.above is not None and value <= self.above)
            or (self.at_least is not None and value < self.at_least)
        ):
            raise ParameterError(f"{what} is {value}, but must be {self.domain}")
        return int(value) if self.whole else value


def parameter(
    default: Setting | None,
    meaning: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    whole: bool = False,
    trained: bool = False,
    exact: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """State a parameter in a layer's class body: `alpha: float = parameter(1.0, "…", above=0)`."""
    return Parameter(default, meaning, above, at_least, whole, trained, exact, choices)


def values_of(
    layer: str, parameters: Mapping[str, Parameter], given: Mapping[str, Setting]
) -> dict[str, Setting]:
    """Every parameter's value: the given number, or else its default.

    Raises:
        ParameterError: one is unknown, missing or outside its domain.
    """
    for name in given:
        if name not in parameters:
            raise unknown_parameter(layer, parameters, name)
    values: dict[str, Setting] = {}
    for name, spec in parameters.items():
        value = given.get(name, spec.default)
        if value is None:
            raise _missing(layer, parameters, given)
        values[name] = spec.check(value, f"{layer}: {name}")
    return values


def _missing(
    layer: str, parameters: Mapping[str, Parameter], given: Mapping[str, Setting]
) -> ParameterError:
    names = [name for name, spec in parameters.items() if spec.default is None]
    absent = [name for name in names if name not in given]
    example = ",".join(f"{name}={given.get(name, 'NUMBER')}" for name in names)
    return ParameterError(
        f"{layer} has no default for its parameter{'s' * (len(absent) > 1)} {' and '.join(absent)}",
        f"write {layer}:{example}",
    )


def unknown_parameter(layer: str, parameters: Collection[str], name: str) -> ParameterError:
    """The error for a parameter that the layer does not have."""
    if not parameters:
        return ParameterError(f"{layer} has no parameter {name!r}; it takes none")
    from difflib import get_close_matches

    close = get_close_matches(name, parameters, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(parameters)}"
    return ParameterError(f"{layer} has no parameter {name!r}", hint)
