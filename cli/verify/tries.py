"""The ways of `verify --try`: a layer computed step by step at x, which is read or drawn."""

from __future__ import annotations

import numpy as np

from actgrad.cli.read import Encoding, check_drawn, in_memory, open_array
from actgrad.layers import Policy, ShapeError, any_layer, chain_of
from actgrad.layers.arrays import named
from actgrad.layers.casting import in_dtype
from actgrad.layers.verify import Attempt, draw_sample, tried

#: A sample has inf, −inf and nan, which are not tried.
NOT_FINITE = 3


def tried_ways(
    specs: list[str],
    ways: list[str],
    x: str | None,
    dout: str | None,
    encoding: Encoding,
    accumulate: str | None,
    policy: Policy,
    count: int,
) -> list[Attempt]:
    """Compute the layers in each of the ways, at x or at a sample; the best comes first.

    Raises:
        ActgradError: a layer or an array is refused.
    """
    chain = chain_of(specs)
    if x is None:
        check_drawn(count)
        dtype = named(encoding.dtype or "float32")
        given = draw_sample(chain, dtype, count + NOT_FINITE)
        with np.errstate(invalid="ignore"):
            given = given[np.isfinite(given)][:count]
    else:
        with open_array(x, "--x", encoding) as array:
            given = in_memory(array, encoding.dtype)
    upstream = np.ones((), given.dtype)
    if dout is not None:
        with open_array(dout, "--dout", encoding) as array:
            upstream = in_dtype(in_memory(array, encoding.dtype), given.dtype)
    try:
        upstream = np.broadcast_to(upstream, given.shape)
    except ValueError:
        raise ShapeError(f"--dout has shape {upstream.shape}, but x has {given.shape}") from None
    return tried(
        chain,
        [any_layer(way) for way in ways],
        given.ravel(),
        upstream.ravel(),
        accumulate=named(accumulate) if accumulate else None,
        policy=policy,
    )
