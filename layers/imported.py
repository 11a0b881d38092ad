"""Anyone's layer as one of the project's: it runs, stands in chains, and shows what it saves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from actgrad.layers.activations import formula_of, layer, own_names
from actgrad.layers.arrays import Array, check_dout, deliver, floating, order
from actgrad.layers.chain import Chain
from actgrad.layers.errors import ActgradError
from actgrad.layers.formula import Node
from actgrad.layers.layer import Layer
from actgrad.layers.printed import DistinctLines, stream_of_prints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from actgrad.layers.check import Subject

#: What a text must have to name a layer of a file or a module.
NAMES_MODULE = r"(?s)(.+\.py|[A-Za-z_][\w.]*):\w+(?:,\w+)?(?::.*)?"


class ImportedLayer(Layer):
    """A layer of a Python file or module, with forward(x) and backward(dout).

    If it states a formula, the function of one number that it computes, it works element by
    element. The formula is a method formula(x) in the words of `actgrad.layers.formula`, or a text
    such as "x*sigmoid(beta*x)", whose parameters are the layer's attributes.
    """

    runs_in_parts = False
    states_keeps = False

    def __init__(self, subject: Subject, printed: DistinctLines) -> None:
        """The layer of `subject`; `printed` gets what it prints."""
        super().__init__()
        self._subject, self._printed = subject, printed
        with printed.instead_of_stdout():
            self._layer = subject.make()
            self._stated = stated_formula(self._layer)

    def __copy__(self) -> ImportedLayer:
        return ImportedLayer(self._subject, self._printed)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The text that names the layer."""
        return self._subject.name

    def __str__(self) -> str:
        return self._subject.name

    @property
    def description(self) -> str:
        return inspect.getdoc(type(self._layer)) or "A layer of a Python file or module."

    @property
    def is_elementwise(self) -> bool:
        return self._stated is not None

    def axes(self, ndim: int) -> set[int]:
        return set() if self.is_elementwise else set(range(ndim))

    def formula(self, x: Any) -> Any:
        if self._stated is None:
            raise self.refused("it has no graph")
        return self._stated(x)

    def refused(self, because: str) -> ActgradError:
        hint = 'give it one: formula = "x*sigmoid(x)", or a method formula(self, x)'
        return ActgradError(f"{self.name} states no formula, so {because}", hint)

    def formula_steps(self, x: Any) -> Iterator[Any]:
        yield [self.formula(element) for element in x] if isinstance(x, list) else self.formula(x)

    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        given = floating(x, "x")
        with self._printed.instead_of_stdout():
            self._layer = self._subject.make()
        before = array_attributes(self._layer)
        result = self._called("forward", given)
        kept = {
            name: array.copy()
            for name, array in array_attributes(self._layer).items()
            if before.get(name) is not array and name not in {"x", "out", "dout", "dx"}
        }
        self._saved, self._shape = kept, result.shape
        return deliver(result, out)

    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        if self._saved is None:
            raise self._nothing_kept()
        given = floating(dout, "dout")
        check_dout(given.shape, self._shape, self.name)
        self.begin_backward()
        return deliver(self._called("backward", given), out)

    def _called(self, method: str, given: Array) -> Array:
        """The method's result, an array of its own; `given` is copied before the call.

        What the method prints is no part of an answer.
        """
        native = given.astype(given.dtype.newbyteorder("="), order(given), copy=True)
        with self._printed.instead_of_stdout(), np.errstate(all="ignore"):
            result = self._subject.call(self._layer, method, native)
        return np.array(floating(result, f"{self.name}: the result of {method}"))


def array_attributes(layer: Any) -> dict[str, Array]:
    """The arrays that an object keeps, by attribute; those of a tuple or list are `name.0`, …"""
    arrays: dict[str, Array] = {}
    for name, value in getattr(layer, "__dict__", {}).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, tuple | list):
            parts = enumerate(value)
            arrays |= {f"{name}.{i}": part for i, part in parts if isinstance(part, np.ndarray)}
    return {
        name: array
        for name, array in arrays.items()
        if array.dtype.kind in "bif" and not name.startswith("_")
    }


def stated_formula(layer: Any) -> Callable[[Node], Node] | None:
    """The formula that an object states: a method, or a text over its attributes; None for none.

    Raises:
        ExpressionError: the text is no expression in x.
    """
    stated = getattr(layer, "formula", None)
    if isinstance(stated, str):
        attributes = {name: getattr(layer, name) for name in dir(layer) if name[0] != "_"}
        numbers = {
            name: value
            for name, value in attributes.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        return formula_of(stated, numbers)
    return stated if callable(stated) else None


def is_imported(text: str) -> bool:
    """Whether a text names a layer of a file or module, and none of the catalogue."""
    place = text.partition(":")[0]
    in_file = text.endswith(".py") or ".py:" in text
    return in_file or (
        ":" in text and bool(re.fullmatch(NAMES_MODULE, text)) and place not in own_names()
    )


def any_layer(text: str) -> Layer:
    """The layer that a text names: of the catalogue, of a Python file or module, or an expression.

    Raises:
        UnknownLayerError, ParameterError, ExpressionError: as `activations.layer`.
        LayerImportError: there is no such file, module or name, or it is no layer.
        LayerRaisedError: it cannot be imported or made.
    """
    if not is_imported(text):
        return layer(text)
    # Imported here, because few runs need it.
    from actgrad.layers.check import load_subject

    printed = DistinctLines(stream_of_prints())
    with printed.instead_of_stdout():
        subject = load_subject(text)
    return ImportedLayer(subject, printed) if subject.reference is None else subject.reference


def chain_of(texts: Sequence[str]) -> Layer:
    """The layer that one text names, or the chain of those that several name.

    Raises what `any_layer` raises.
    """
    made = [any_layer(text) for text in texts]
    return made[0] if len(made) == 1 else Chain(made)
