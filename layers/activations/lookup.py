"""The catalogue of layers, and `leaky_relu:negative_slope=0.1` read as one of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from actgrad.layers.activations import (
    exponential,
    gated,
    piecewise,
    rational,
    self_gated,
    softmax,
)
from actgrad.layers.chain import Chain
from actgrad.layers.errors import ParameterError, UnknownLayerError
from actgrad.layers.layer import Layer
from actgrad.layers.parameter import Number, unknown_parameter

__all__ = [
    "catalogue",
    "chain_of",
    "exponential",
    "find",
    "gated",
    "layer",
    "piecewise",
    "rational",
    "self_gated",
    "softmax",
]


#: Where the catalogue's layers are defined: every class in these files that states a `name`.
FAMILIES = (exponential, gated, piecewise, rational, self_gated, softmax)


def catalogue() -> list[type[Layer]]:
    """Every layer class of the catalogue, by name; a class from elsewhere never joins it."""
    classes: set[type[Layer]] = {
        member
        for family in FAMILIES
        for member in vars(family).values()
        if isinstance(member, type) and issubclass(member, Layer) and "name" in vars(member)
    }
    return sorted(classes, key=lambda cls: cls.name)


def find(name: str) -> type[Layer]:
    """The layer class of that name or alias, ignoring case, `-` and `_`.

    Raises:
        UnknownLayerError: there is none.
    """
    known = {
        plain(known): cls
        for cls in catalogue()
        for known in (*cls.aliases, *cls.elsewhere.values(), cls.name)
    }
    found = known.get(plain(name))
    if found is None:
        from difflib import get_close_matches

        close = get_close_matches(plain(name), known, n=1)
        hint = f"did you mean {known[close[0]].name}?" if close else "actgrad layers lists them"
        raise UnknownLayerError(f"no layer is called {name!r}", hint)
    return found


def plain(name: str) -> str:
    """The name as it is compared: without case, `-` and `_`."""
    return name.casefold().replace("-", "").replace("_", "")


def layer(spec: str) -> Layer:
    """The layer that `NAME` or `NAME:PARAM=VALUE[,PARAM=VALUE…]` describes.

    Raises:
        UnknownLayerError: no layer has that name.
        ParameterError: a parameter is unknown, missing, given twice, not a number or outside its
            domain.
    """
    name, colon, rest = spec.partition(":")
    cls = find(name)
    values: dict[str, Number] = {}
    for pair in rest.split(",") if colon else ():
        key, equals, text = (part.strip() for part in pair.partition("="))
        if not (key and equals):
            raise ParameterError(
                f"{cls.name}: {pair!r} is no parameter", f"write {cls.name}:PARAM=VALUE"
            )
        if key not in cls.parameters:
            raise unknown_parameter(cls.name, cls.parameters, key)
        if key in values:
            raise ParameterError(f"{cls.name}: {key} is given twice")
        values[key] = number(text, f"{cls.name}: {key}")
    return cls(**values)


def chain_of(specs: Sequence[str]) -> Layer:
    """The layer that one description describes, or the chain of those that several describe.

    Raises what `layer` raises.
    """
    made = [layer(spec) for spec in specs]
    return made[0] if len(made) == 1 else Chain(made)


def number(text: str, what: str) -> Number:
    """The number a parameter's text states; `1/6` is that fraction.

    Raises:
        ParameterError: it states none.
    """
    try:
        return Fraction(text) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise ParameterError(f"{what} is {text!r}, which is not a number") from None
