"""One element of a result in numbers and in bits, with its exact value."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from mpmath import isinf, nstr

from actgrad.layers.casting import in_dtype
from actgrad.layers.exact import in_bits, nearest
from actgrad.layers.verify.judge import FAILURES, Reference
from actgrad.layers.verify.tally import Elements

#: The digits of an exact value that are shown, by the dtype's precision in bits.
DIGITS = {3: 5, 4: 5, 8: 7, 11: 8, 24: 12, 53: 20}
#: The bits of the longest binary exponent that is shown: exp(exp(exp(10.5))) has one of 52,000.
LONGEST = 128


class VerifiedElement(NamedTuple):
    """One element of a result, in numbers and in the dtype's bits."""

    #: The position in the whole dump, in the order of its blocks.
    position: int
    x: float
    dout: float
    got: float
    #: The exact value, to more digits than the dtype has; ±∞ or 0 where its exponent is too long.
    truth: str
    #: The exact value, correctly rounded.
    nearest: float
    #: In ULP.
    error: float
    #: One of FAILURES, or "".
    failure: str
    x_bits: str
    got_bits: str
    nearest_bits: str


def with_exact_value(reference: Reference, name: str, element: Elements) -> VerifiedElement:
    """A single element of a result, with its exact value."""
    float_format = reference.float_format
    x, dout, got, truth, error = (float(column[0]) for column in element[1:6])
    rounded = math.copysign(float_format.beyond, truth)
    if not math.isinf(truth):
        rounded = float(in_dtype(np.array([truth]), float_format.dtype)[0])
    digits = f"{truth:.17g}"
    if (
        reference.layer.is_elementwise
        and math.isfinite(x + dout)
        and not math.isnan(truth)
        and not reference.layer.by_convention(np.array([x]), np.zeros(1)).any()
    ):
        value = reference.exact_at(x, dout)[name == "dx"]
        if math.isfinite(truth):
            rounded = math.copysign(nearest(value, float_format), truth)
        is_negative_0 = not rounded and truth == 0 and math.copysign(1, truth) < 0
        if not isinf(value) and value.man_exp[1].bit_length() <= LONGEST:
            digits = "-0" if is_negative_0 else nstr(value, DIGITS[float_format.precision])
    failure = ("", *FAILURES)[int(element.failure[0])]
    bits = (in_bits(number, float_format) for number in (x, got, rounded))
    position = int(element.position[0])
    return VerifiedElement(position, x, dout, got, digits, rounded, error, failure, *bits)
