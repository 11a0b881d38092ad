"""Casting to the dtypes of ml_dtypes: a single rounding, and what overflow in 8 bits gives.

A cast of ml_dtypes goes through float32 and would round a float64 twice. Its overflow in 8 bits is
one of several conventions. `overflow` chooses another:

| | ml_dtypes | PyTorch 2.13 | ONNX Cast |
|---|---|---|---|
| float8_e5m2 | infinity | infinity | the largest number |
| float8_e4m3fn, which has no infinity | nan | the largest number | the largest number |
| the fnuz dtypes, which have no infinity | nan | nan | the largest number |

Source: Micikevicius et al., "FP8 formats for deep learning", 2022; Noune et al., "8-bit numerical
formats for deep neural networks", 2022, for fnuz.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from actgrad.layers.errors import DtypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The 8-bit floats.
EIGHT_BIT = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
#: The dtypes that NumPy has only through ml_dtypes.
OF_PACKAGE = ("bfloat16", *EIGHT_BIT)
#: The 8-bit floats that have infinities.
INFINITE = ("float8_e5m2",)
#: What a value beyond the largest number may become; infinity only where the dtype has it.
OVERFLOWS = ("nan", "saturate", "inf")


class Overflow:
    """The choice of what overflow in 8 bits gives, and whether a value has overflowed."""

    def __init__(self, gives: str | None) -> None:
        #: One of OVERFLOWS, or None for what ml_dtypes gives.
        self.gives = gives
        #: The dtype in which a value has overflowed.
        self.dtype: np.dtype[Any] | None = None


_overflow: ContextVar[Overflow | None] = ContextVar("overflow", default=None)


@contextmanager
def overflow(gives: str | None, dtype: np.dtype[Any]) -> Iterator[Overflow]:
    """Within this context, a value beyond the largest number of an 8-bit float becomes `gives`.

    It is "nan", "saturate" (the largest number, also for an infinity) or "inf"; None is what
    ml_dtypes gives. Other dtypes overflow to infinity.

    Raises:
        DtypeError: `dtype`, in which the context computes, leaves no such choice.
    """
    if gives is not None and dtype.name not in EIGHT_BIT:
        raise DtypeError(f"{dtype.name} overflows to infinity", "8-bit floats alone have a choice")
    if gives == "inf" and dtype.name not in INFINITE:
        raise DtypeError(f"{dtype.name} has no infinity to overflow to", "nan or saturate")
    chosen = Overflow(gives)
    token = _overflow.set(chosen)
    try:
        yield chosen
    finally:
        _overflow.reset(token)


def overflow_of(dtype: np.dtype[Any]) -> str:
    """What a value beyond the dtype's largest number becomes: one of OVERFLOWS."""
    if dtype.name not in EIGHT_BIT:
        return "inf"
    chosen = _overflow.get()
    own = "inf" if dtype.name in INFINITE else "nan"
    return own if chosen is None else chosen.gives or own


def overflows(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Which float32 values are beyond the largest number of an 8-bit float, once rounded."""
    import ml_dtypes

    untyped: Any = ml_dtypes
    about = untyped.finfo(dtype)
    largest = float(about.max)
    limit = largest + 2.0 ** (int(about.maxexp) - 2 - int(about.nmant))
    # The tie between the largest number and the next goes to the even one of them.
    is_even = largest / (2 * (limit - largest)) % 2 == 0
    return np.asarray(np.abs(values) > limit if is_even else np.abs(values) >= limit)


def to_odd(values: NDArray[Any]) -> NDArray[Any]:
    """The values in float32; the last bit is 1 where the value is none of float32.

    So rounded, a value rounds again to a dtype of fewer bits as if it were rounded once (Boldo and
    Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
    odd", 2008).
    """
    with np.errstate(all="ignore"):
        single = np.array(values, np.float32)
        bits = single.view(np.uint32)
        np.subtract(bits, np.abs(single) > np.abs(values), out=bits, casting="unsafe")
        np.bitwise_or(bits, single != values, out=bits, casting="unsafe")
    return single


def for_bfloat16(values: NDArray[Any]) -> NDArray[Any]:
    """The float32 numbers that round to bfloat16 as the float64 `values` do.

    Only a value that float32 rounds to a tie would be rounded twice.
    """
    single = values.astype(np.float32)
    unsure = np.nonzero(((single.view(np.uint32) & 0xFFFF) == 0x8000) & (single != values))
    toward = np.where(values[unsure] > single[unsure], np.float32(np.inf), np.float32(-np.inf))
    single[unsure] = np.nextafter(single[unsure], toward)
    return single


def for_cast(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers that the cast to `dtype` rounds as `values` are to be rounded."""
    if dtype.isbuiltin != 2:  # it is NumPy's own; to ask for its name takes longer
        return values
    if dtype.name == "bfloat16":
        return for_bfloat16(values) if values.dtype.itemsize > 4 else values
    if dtype.name not in EIGHT_BIT:
        return values
    single, gives = to_odd(values), overflow_of(dtype)
    beyond = overflows(single, dtype)
    if beyond.any():
        if (chosen := _overflow.get()) is not None:
            chosen.dtype = dtype
        import ml_dtypes

        untyped: Any = ml_dtypes
        sizes = {"nan": np.nan, "saturate": float(untyped.finfo(dtype).max), "inf": np.inf}
        single = np.where(beyond, np.copysign(np.float32(sizes[gives]), single), single)
    return single


def in_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The array in another dtype, rounded once."""
    with np.errstate(all="ignore"):
        prepared = for_cast(np.atleast_1d(values), dtype)
        return prepared.astype(dtype).reshape(values.shape)


def nearest_numbers(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers of the dtype that are nearest to float64 `values`, in float64.

    Beyond the largest number it is ±inf, in a dtype without infinities too.
    """
    with np.errstate(all="ignore"):
        if dtype.name not in EIGHT_BIT:
            return for_cast(values, dtype).astype(dtype).astype(np.float64)
        single = to_odd(values)
        rounded = single.astype(dtype).astype(np.float64)
        return np.where(overflows(single, dtype), np.copysign(np.inf, single), rounded)


def round_into(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Fill `out` with the float64 `values`, rounded to its dtype once."""
    np.copyto(out, for_cast(values, out.dtype), casting="same_kind")
