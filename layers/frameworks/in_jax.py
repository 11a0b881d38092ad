"""A function of JAX, run on arrays of the dtype itself; vjp gives its gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.frameworks.jax_layer import out_and_dx
from actgrad.layers.frameworks.target import (
    CPU,
    Environment,
    Place,
    Results,
    TargetError,
    refusal,
    versions_of,
)

#: What JAX calls a device that PyTorch calls otherwise.
DEVICES = {"cuda": "gpu", "mps": "METAL"}


class JaxTarget:
    """A function of one array."""

    def __init__(self, name: str, function: Callable[..., Any], place: Place = CPU) -> None:
        """The target `name`.

        Raises:
            TargetError: there is no such device.
        """
        import jax

        self.name, self._place = name, place
        try:
            self._device = jax.devices(DEVICES.get(place.device, place.device))[0]
        except RuntimeError as error:
            raise TargetError(f"jax has no device {place.device} here") from error
        both = partial(out_and_dx, function)
        self._both = jax.jit(both) if place.jit else both

    @property
    def environment(self) -> Environment:
        device = self._place.device
        if device != "cpu":
            device = f"{device} ({self._device.device_kind})"
        packages = versions_of("jax", "jaxlib", "numpy")
        return Environment(packages, device, None, self._place.jit)

    def run(self, x: Array, dout: Array) -> Results:
        import jax

        with jax.enable_x64(x.dtype == np.float64), jax.default_device(self._device):
            try:
                out, dx = self._both(*jax.device_put((x, dout), self._device))
            except (Exception, SystemExit) as error:
                raise refusal(self.name, error) from error
            return Results(np.asarray(out), np.asarray(dx))


def jax_layer(path: str, arguments: dict[str, Any]) -> Callable[..., Any]:
    """The function `jax.nn.gelu` with its arguments.

    Raises:
        TargetError: this version of JAX has no such name.
    """
    import jax

    function = getattr(jax.nn, path.rpartition(".")[2], None)
    if function is None:
        raise TargetError(f"jax {jax.__version__} has no {path}")
    return lambda x: function(x, **arguments)
