"""The notations of arrays besides nested brackets: ranges, bit patterns and rows."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from itertools import count

import numpy as np

from actgrad.cli.read.literal import LiteralError, bracketed
from actgrad.cli.read.rows import matlab_rows, printed_rows
from actgrad.layers.arrays import Array, named

DECIMAL = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
#: `-3:3:0.5`, and `0:5` with the step 1.
RANGE = rf"\s*({DECIMAL})\s*:\s*({DECIMAL})\s*(?::\s*({DECIMAL})\s*)?"
#: The most numbers in a range.
MOST = 1 << 24
#: A bit pattern, such as 0xb4ab.
BITS = r"(?i)\b0x([0-9a-f]+)\b"


def unbracketed(text: str, dtype: str | None) -> Array | None:
    """The array that a range, bit patterns of `dtype`, or rows represent; None for another text.

    Raises:
        LiteralError: it is one of these, with a fault.
    """
    if match := re.fullmatch(RANGE, text):
        return stepped(*match.groups())
    if ("0x" in text or "0X" in text) and re.search(BITS, text):
        return bit_patterns(text, dtype)
    for rows in (matlab_rows, printed_rows):
        array = rows(text)
        if array is not None:
            return array
    return None


def stepped(start: str, end: str, step: str | None) -> Array:
    """The numbers from `start` in steps of `step` up to `end`, which is included.

    Each is the float nearest to the decimal number.

    Raises:
        LiteralError: the step is 0 or leads away from `end`, or the range is too long.
    """
    shown = f"{start}:{end}" + (f":{step}" if step else "")
    first, last, stride = Fraction(start), Fraction(end), Fraction(step or 1)
    if not stride or (last - first) / stride < 0:
        down = step.lstrip("+-") if step and stride else "1"
        right = f"{start}:{end}:{'-' * (last < first)}{down}"
        raise LiteralError(f"the range {shown} never reaches its end", f"write {right}")
    steps = (last - first) // stride
    if steps >= MOST:
        raise LiteralError(f"the range {shown} has more than {MOST} numbers")
    try:
        # The quotient of two integers is rounded correctly, as float(Fraction) is, but in a tenth
        # of the time.
        under = math.lcm(first.denominator, stride.denominator)
        begin, by = int(first * under), int(stride * under)
        return np.array([(begin + place * by) / under for place in range(steps + 1)])
    except OverflowError:
        raise LiteralError(f"the range {shown} has numbers beyond those of float64") from None


def bit_patterns(text: str, dtype: str | None) -> Array:
    """The array of the dtype whose elements have these bits: `[0xb4ab, 0x3f80]` in bfloat16.

    Raises:
        LiteralError: there is no dtype, a pattern has too many bits, or a number is no pattern.
    """
    digits = re.findall(BITS, text)
    if dtype is None:
        raise LiteralError(
            f"0x{digits[0]} is a bit pattern, which needs a dtype",
            "--dtype bfloat16, for example, says what the bits are",
        )
    # The brackets are read with each pattern's place for the pattern itself.
    places = count()
    shape = bracketed(re.sub(BITS, lambda match: f"{next(places):{len(match[0])}}", text)).shape
    kind = named(dtype)
    if len(digits) != np.prod(shape, dtype=int):
        raise LiteralError("bit patterns and numbers stand side by side")
    patterns = [int(pattern, 16) for pattern in digits]
    width = 8 * kind.itemsize
    for pattern, written in zip(patterns, digits, strict=True):
        if pattern >> width:
            raise LiteralError(f"0x{written} has more than the {width} bits of {dtype}")
    return np.array(patterns, f"u{kind.itemsize}").view(kind).reshape(shape)
