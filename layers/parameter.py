"""Parameters of a layer: their defaults, meanings and domains."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from actgrad.layers.errors import ParameterError


class Parameter(NamedTuple):
    """A number that shapes a layer's function; with no default it must be given."""

    default: float | None
    meaning: str

    def check(self, value: float, what: str) -> float:
        """`value`, if it lies in the domain: every finite number.

        Raises:
            ParameterError: it does not.
        """
        if not isfinite(value):
            raise ParameterError(f"{what} is {value}, but must be finite")
        return float(value)


def parameter(default: float | None, meaning: str) -> Any:
    """State a parameter in a layer's class body: `alpha: float = parameter(1.0, "…")`."""
    return Parameter(default, meaning)


def settle(
    layer: str, parameters: Mapping[str, Parameter], given: Mapping[str, float]
) -> dict[str, float]:
    """Every parameter's value: the given one where there is one, else its default.

    Raises:
        ParameterError: one is unknown, missing or outside its domain.
    """
    for name in given:
        if name not in parameters:
            raise unknown_parameter(layer, parameters, name)
    values: dict[str, float] = {}
    for name, spec in parameters.items():
        value = given.get(name, spec.default)
        if value is None:
            raise ParameterError(f"{layer} needs {name}", f"{layer}:{name}=NUMBER, {spec.meaning}")
        values[name] = spec.check(value, f"{layer}: {name}")
    return values


def unknown_parameter(layer: str, parameters: Mapping[str, Parameter], name: str) -> ParameterError:
    """The error for a parameter that the layer does not have."""
    if not parameters:
        return ParameterError(f"{layer} has no parameter {name!r}; it takes none")
    from difflib import get_close_matches

    close = get_close_matches(name, parameters, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(parameters)}"
    return ParameterError(f"{layer} has no parameter {name!r}", hint)
