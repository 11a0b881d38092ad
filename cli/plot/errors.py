"""The errors of results over x on logarithmic axes: a dot for each binade, and the worst."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from actgrad.cli.plot.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    GridLine,
    grid_parts,
    mark_part,
    svg_document,
)
from actgrad.cli.show import numeral

#: An error below the first is drawn there; the axis of errors reaches to the second or further.
LEAST, HIGHEST = 1e-2, 10.0
#: The most ticks on each side of 0 on the axis of x, and on the axis of errors.
X_SIDE, Y_MOST = 4, 7
#: The least distance of two ticks in pixels.
TICK = 52
#: The room for infinite numbers at an end of an axis: a share of it.
ROOM = 0.06


class ErrorMark(NamedTuple):
    """An error that is drawn: its x, its size, whether it is too large, and what it is.

    An element is a cross; the dot of a binade is its largest error.
    """

    x: float
    error: float
    is_wrong: bool
    text: str
    is_element: bool = True


class SignedLog(NamedTuple):
    """An axis for numbers of both signs by their binades, 0 in the middle of them."""

    #: The exponents of the least and the greatest |x|, and which signs there are.
    low: float
    high: float
    has_negative: bool
    has_positive: bool

    def share(self, x: float) -> float:
        """Where x stands: 0 at the left end, 1 at the right end; nan is at the right end."""
        left, right = (
            (-self.span if self.has_negative else 0.0),
            (self.span if self.has_positive else 0.0),
        )
        if not math.isfinite(x):
            return 0.0 if x < 0 else 1.0
        place = 0.0
        if x:
            place = math.copysign(min(max(math.log2(abs(x)) - self.low, 0) + 1, self.span), x)
        return ROOM + (1 - 2 * ROOM) * (place - left) / (right - left)

    @property
    def span(self) -> float:
        """The length of one side, in binades."""
        return self.high - self.low + 1

    def ticks(self) -> Iterator[float]:
        """Powers of ten on each side that has numbers, and 0."""
        first, last = (math.ceil(self.low * math.log10(2)), math.floor(self.high * math.log10(2)))
        step = max(math.ceil((last - first + 1) / X_SIDE), 1)
        powers = [10.0**k for k in range(first, last + 1) if k % step == 0]
        if self.has_negative:
            yield from (-power for power in powers)
        yield 0.0
        if self.has_positive:
            yield from powers


def signed_log(numbers: Sequence[float]) -> SignedLog:
    """The axis on which these numbers stand."""
    finite = [x for x in numbers if math.isfinite(x) and x]
    exponents = [math.log2(abs(x)) for x in finite] or [0.0]
    signs = [any(x < 0 for x in finite), any(x > 0 for x in finite)]
    return SignedLog(
        min(exponents),
        max(max(exponents), min(exponents) + 1),
        *(signs if any(signs) else (True, True)),
    )


def errors_svg(title: str, marks: Sequence[ErrorMark], limit: float | None) -> str:
    """The drawing; the limit is a dashed line."""
    across = signed_log([mark.x for mark in marks])
    sizes = [mark.error for mark in marks if 0 < mark.error < math.inf]
    sizes += [limit] if limit else []
    low = math.floor(math.log10(max(min(sizes, default=LEAST), LEAST)))
    high = math.ceil(math.log10(max([HIGHEST, *sizes])))
    right, bottom = WIDTH - RIGHT, TOP + HEIGHT

    def column(x: float) -> float:
        return LEFT + (right - LEFT) * across.share(x)

    def row(error: float) -> float:
        if not math.isfinite(error):
            return float(TOP)
        place = (math.log10(max(error, 10.0**low)) - low) / (high - low)
        return bottom - (1 - ROOM) * HEIGHT * place

    step = max(math.ceil((high - low) / Y_MOST), 1)
    up = [GridLine(row(10.0**k), numeral(10.0**k), False) for k in range(low, high + 1, step)]
    if any(not math.isfinite(mark.error) for mark in marks):
        up.append(GridLine(float(TOP), "inf", False))
    ticks = list[GridLine]()
    for tick in sorted(across.ticks(), key=lambda tick: tick != 0):
        line = GridLine(column(tick), numeral(tick), tick == 0)
        if all(abs(line.place - other.place) >= TICK for other in ticks):
            ticks.append(line)
    parts = [*grid_parts((title, "x, by powers of two on both sides of 0"), ticks, up, TOP)]
    if limit:
        parts.append(f'<path class="limit" d="M{LEFT} {row(limit):.1f}H{right}"/>')
    parts += [mark_part(*m[2:], column(m.x), row(m.error)) for m in marks]
    return svg_document(title, TOP + HEIGHT + BOTTOM, parts)
