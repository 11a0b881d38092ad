"""Functions of NumPy and SciPy, and anyone's layers with forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.frameworks.target import (
    CPU,
    Environment,
    Place,
    Results,
    TargetError,
    refusal,
    versions_of,
)


class NumpyTarget:
    """A function of an array, without a gradient, or a layer that is made for each run."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any] | None = None,
        make: Callable[[], Any] | None = None,
        place: Place = CPU,
    ) -> None:
        """The target `name`: a `function` of x, or what `make` returns.

        Raises:
            TargetError: NumPy has no such device, and compiles nothing.
        """
        if place != CPU:
            raise TargetError(f"{name} runs in NumPy, on the CPU and not compiled")
        self.name, self._function, self._make = name, function, make

    @property
    def environment(self) -> Environment:
        return Environment(versions_of("numpy", "scipy"), "cpu", 1)

    def run(self, x: Array, dout: Array) -> Results:
        try:
            with np.errstate(all="ignore"):
                if self._make is None:
                    assert self._function is not None
                    return Results(np.asarray(self._function(x.copy())), None)
                layer = self._make()
                out = np.array(layer.forward(x.copy()))
                return Results(out, np.asarray(layer.backward(dout.copy())))
        except (Exception, SystemExit) as error:
            raise refusal(self.name, error) from error


def numpy_layer(path: str, arguments: dict[str, Any]) -> Callable[..., Any]:
    """The function `numpy.tanh` or `scipy.special.expit` with its arguments."""
    module, _, name = path.rpartition(".")
    function = getattr(import_module(module), name)
    return lambda x: function(x, **arguments)
