"""What goes in and out of a layer: the dtypes it computes in and the array it writes to."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from actgrad.layers.errors import DtypeError, ShapeError

Array: TypeAlias = NDArray[Any]

#: The dtypes a layer keeps; booleans and integers are computed in float64.
FLOATING = ("float16", "float32", "float64")


def floating(value: ArrayLike, what: str) -> Array:
    """`value` as an array of a dtype that layers compute in.

    Raises:
        DtypeError: it holds complex numbers, text, objects, dates, records or long doubles.
        ShapeError: it is a ragged sequence.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{what} is no array: {error}") from error
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    if array.dtype.name not in FLOATING:
        raise DtypeError(
            f"{what} is of dtype {array.dtype}, in which no layer computes",
            f"{', '.join(FLOATING)}, integers and booleans are read",
        )
    return array


def destination(out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The array to compute into: `out` where it can take the result directly, else a fresh one.

    Raises:
        ShapeError: `out` has another shape.
        DtypeError: `out` cannot hold the result by same-kind casting, or is read-only.
    """
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape:
        raise ShapeError(f"out has shape {out.shape}, but the result has {shape}")
    if not np.can_cast(dtype, out.dtype, casting="same_kind"):
        raise DtypeError(f"out is of dtype {out.dtype}, which cannot hold {dtype}")
    if not out.flags.writeable:
        raise DtypeError("out is read-only")
    return out if out.dtype == dtype else np.empty(shape, dtype)


def deliver(result: Array, out: Array | None) -> Array:
    """`result`, or `out` holding it, as NumPy's ufuncs return their `out`."""
    if out is None or out is result:
        return result
    np.copyto(out, result, casting="same_kind")
    return out
