"""A function of JAX as a layer over NumPy arrays; its gradient is the vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import BackwardBeforeForwardError


class JaxLayer:
    """A function of one array as a layer with forward and backward.

    out = function(x), dx = ∂(out·dout)/∂x by `jax.vjp`, of any shape. A `custom_vjp` is used as the
    function states it. Arrays keep their dtype: float64 is enabled while the function runs.

    >>> JaxLayer(jax.nn.silu).forward(np.array([0.0, 1.0]))
    array([0.        , 0.73105858])
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.wrapped = function
        self._x: Array | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> JaxLayer:
        # A function of JAX has no state.
        return copy(self)

    def forward(self, x: Array) -> Array:
        """The function's result at x. Raises what the function raises."""
        import jax

        self._x = x.copy()
        with jax.enable_x64(True):
            return np.array(self.wrapped(jax.numpy.asarray(self._x)))

    def backward(self, dout: Array) -> Array:
        """The vector-Jacobian product at the x of the last forward.

        Raises what JAX raises, and BackwardBeforeForwardError.
        """
        if self._x is None:
            raise BackwardBeforeForwardError("backward of a JaxLayer needs a forward before it")
        import jax

        with jax.enable_x64(True):
            return np.array(out_and_dx(self.wrapped, jax.numpy.asarray(self._x), dout)[1])


def out_and_dx(function: Callable[[Any], Any], x: Any, dout: Any) -> tuple[Any, Any]:
    """The results of a function of JAX and of its vector-Jacobian product, as arrays of JAX."""
    import jax

    out, product = jax.vjp(function, x)
    return out, product(jax.numpy.asarray(dout, out.dtype))[0]
