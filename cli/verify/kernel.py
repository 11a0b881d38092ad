"""The kernel of `verify --run`: its x and dout are read or drawn, and its results are verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from actgrad.cli.read import Encoding, check_drawn, in_memory, open_array
from actgrad.cli.show import VerifiedDump
from actgrad.layers import ActgradError, Layer, Policy, ShapeError, chain_of
from actgrad.layers.arrays import Array, named
from actgrad.layers.frameworks import CPU, Place
from actgrad.layers.printed import distinct_lines_on_stderr
from actgrad.layers.survey import default_dout, default_x, named_target, verify_kernel
from actgrad.layers.verify import every_number


class KernelOptions(NamedTuple):
    """What the options of `--run` say."""

    target: str
    #: How many numbers are drawn without x; None for every number of the dtype.
    drawn: int | None
    device: str | None
    jit: bool


def verified_run(
    specs: list[str],
    kernel: KernelOptions,
    arguments: Mapping[str, str | None],
    encoding: Encoding,
    policy: Policy,
) -> VerifiedDump:
    """Run the kernel at x, which is drawn where it is not given, and verify its results.

    Raises:
        ActgradError: there is no such target, it does not run, or an array does not fit.
    """
    for name in ("out", "dx", "d2x"):
        if arguments[name] is not None:
            raise ActgradError(f"--run computes {name} itself", f"leave out --{name} or --run")
    chain = chain_of(specs)
    x = kernel_x(chain, kernel.drawn, arguments["x"], encoding)
    dout = kernel_dout(chain, x, arguments["dout"], encoding)
    with distinct_lines_on_stderr():
        place = Place(kernel.device or CPU.device, kernel.jit)
        target = named_target(kernel.target, chain, place)
        verification, run = verify_kernel(chain, target, x, dout, policy)
    shapes = {"out": dout.shape, "dx": x.shape}
    return VerifiedDump(
        verification,
        verification.likely_causes,
        lambda name, position: run.indices(position, shapes[name]),
        run,
    )


def kernel_x(chain: Layer, count: int | None, given: str | None, encoding: Encoding) -> Array:
    """The ARRAY `given`, or `count` numbers, or every number: 1-d, or lines along the last axis.

    Raises:
        ActgradError: it cannot be read, or is empty.
    """
    dtype = named(encoding.dtype or "float32")
    if given is None and count is None and not chain.is_elementwise:
        raise ActgradError(f"--all gives single numbers, but {chain} works along an axis")
    if given is None:
        check_drawn(count or 0)
        x = every_number(dtype) if count is None else default_x(chain, dtype, count)
    elif count is None:
        raise ActgradError("--all gives x itself", "leave out --x or --all")
    else:
        with open_array(given, "--x", encoding) as array:
            x = in_memory(array, encoding.dtype)
    if not x.size:
        raise ActgradError(f"--x {given} has no elements to verify")
    if chain.is_elementwise:
        return x.ravel()
    chain.out_shape(x.shape)  # a single number, or an odd line that is to be halved, is refused
    return x.reshape(-1, x.shape[-1])


def kernel_dout(chain: Layer, x: Array, given: str | None, encoding: Encoding) -> Array:
    """The ARRAY `given`, or the default, of out's shape.

    Raises:
        ShapeError: it does not fit.
    """
    default = default_dout(chain, x)
    if given is None:
        return default
    with open_array(given, "--dout", encoding) as array:
        values = in_memory(array, encoding.dtype).astype(x.dtype)
    if values.ndim and values.size != default.size:
        raise ShapeError(f"--dout has shape {values.shape}, but must have {default.shape}")
    return np.array(
        np.broadcast_to(values if not values.ndim else values.reshape(default.shape), default.shape)
    )
