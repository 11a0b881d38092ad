"""The arrays that layers take and return: dtypes, memory orders, rounding, and numbers as text."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from math import fsum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from actgrad.layers.casting import EIGHT_BIT, OF_PACKAGE, for_cast
from actgrad.layers.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# What numpy.typing calls NDArray[Any]; to import it takes a millisecond.
Array: TypeAlias = np.ndarray[tuple[Any, ...], np.dtype[Any]]

#: The dtypes that layers compute in and return; booleans and integers are computed in float64.
FLOATING = ("float16", "bfloat16", "float32", "float64", *EIGHT_BIT)
#: How the names of files of arrays end.
ARRAY_FILES = (".npy", ".npz", ".safetensors")


def named(dtype: str) -> np.dtype[Any]:
    """The dtype of that name, one of `FLOATING`; the package ml_dtypes defines some of them.

    Raises:
        DtypeError: no layer computes in it, or it needs ml_dtypes, which is not installed.
    """
    if dtype not in FLOATING:
        raise DtypeError(f"no layer computes in dtype {dtype!r}", f"one of {', '.join(FLOATING)}")
    if dtype not in OF_PACKAGE:
        return np.dtype(dtype)
    try:
        import ml_dtypes
    except ImportError:
        raise DtypeError(
            f"{dtype} needs the package ml_dtypes", 'pip install "actgrad[bfloat16]"'
        ) from None
    dtype_of_package: np.dtype[Any] = np.dtype(getattr(ml_dtypes, dtype))
    return dtype_of_package


@cache
def finfo(dtype: Any) -> Any:
    """`numpy.finfo` of a dtype, or `ml_dtypes.finfo` of one that this package defines."""
    if np.dtype(dtype).name not in OF_PACKAGE:
        return np.finfo(dtype)
    import ml_dtypes

    untyped: Any = ml_dtypes
    return untyped.finfo(dtype)


def floating(value: ArrayLike, what: str) -> Array:
    """`value` as an array of a dtype that layers compute in; it may be `value` itself.

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


def check_dout(dout: tuple[int, ...], out: tuple[int, ...], name: str) -> None:
    """Check that dout has the shape of the out of the layer `name`.

    Raises:
        ShapeError: it has another one.
    """
    if dout != out:
        raise ShapeError(f"dout has shape {dout}, but {name}'s out has {out}")


def native_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in this machine's byte order, float64 for integers and booleans.

    Raises:
        DtypeError: no layer computes in it.
    """
    return floating(np.empty(0, dtype), "x").dtype.newbyteorder("=")


#: Whether the last or the first index changes fastest in memory.
Order: TypeAlias = Literal["C", "F"]


def order(array: Array) -> Order:
    """The memory order for a new array like that one: "F" for Fortran order alone, else "C"."""
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def destination(
    out: Array | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    order: Order = "C",
) -> Array:
    """The array to compute into: `out` if it has the result's dtype, else a new array.

    Raises:
        ShapeError: `out` has another shape.
        DtypeError: `out` cannot hold the result by same-kind casting, or is read-only.
    """
    if out is None:
        return np.empty(shape, dtype, order)
    if out.shape != shape:
        raise ShapeError(f"out has shape {out.shape}, but the result has {shape}")
    if not np.can_cast(dtype, out.dtype, casting="same_kind"):
        raise DtypeError(f"out is of dtype {out.dtype}, which cannot hold {dtype}")
    if not out.flags.writeable:
        raise DtypeError("out is read-only")
    return out if out.dtype == dtype else np.empty(shape, dtype)


def deliver(result: Array, out: Array | None) -> Array:
    """Copy `result` to `out` if that is given, and return it, as NumPy's ufuncs do."""
    if out is None or out is result:
        return result
    np.copyto(out, for_cast(result, out.dtype), casting="same_kind")
    return out


def total(terms: Sequence[float]) -> float:
    """The sum of the terms in any order, rounded once."""
    try:
        return fsum(terms)
    except (OverflowError, ValueError):  # the sum overflows, or has ∞ − ∞
        return sum(terms)


def decimal(number: Any, digits: int = 12) -> str:
    """The number in at most so many significant digits: `-0.5`, `1e-7`."""
    return short_exponent(f"{float(number):.{digits}g}")


def short_exponent(text: str) -> str:
    """The number's text without zeros before its exponent: `1e-7` for `1e-07`."""
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


_own = threading.local()


def scratch(count: int, size: int) -> list[Array]:
    """`count` float64 arrays of `size` elements for temporary values, with any content.

    Each thread has its own; they are valid until the thread calls this again.
    """
    kept: Array | None = getattr(_own, "kept", None)
    if kept is None or kept.shape[0] < count or kept.shape[1] < size:
        kept = _own.kept = np.empty((count, size))
    return [row[:size] for row in kept[:count]]
