"""Errors by binades of x: the rows of a report, in which similar neighbours are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from actgrad.cli.show.page import numeral
from actgrad.layers.verify import Binade

#: The most rows of a report.
HISTOGRAM_ROWS = 20

#: An error, or an end of a range, in three digits: `1.68e7`.
short_numeral = partial(numeral, digits=3)


def stretch(row: Binade) -> str:
    """A row's x: `-4 … -1`, `0`, or `inf, nan` for the binade that holds both."""
    if row.low == row.high or (math.isinf(row.low) and math.isinf(row.high)):
        low = short_numeral(row.low)
        return f"{low}, nan" if math.isinf(row.low) else low
    return f"{short_numeral(row.low)} … {short_numeral(row.high)}"


def merged_binades(binades: Sequence[Binade]) -> list[Binade]:
    """At most HISTOGRAM_ROWS stretches: neighbours join if their errors are of similar size."""
    octaves = 1
    while True:
        rows: list[Binade] = []
        for binade in binades:
            if rows and may_join(rows[-1], binade, octaves):
                last = rows.pop()
                binade = Binade(
                    last.low,
                    binade.high,
                    last.elements + binade.elements,
                    last.failed + binade.failed,
                    max(last.error, binade.error),
                )
            rows.append(binade)
        if len(rows) <= HISTOGRAM_ROWS or octaves > 2000:
            return rows
        octaves *= 2


def may_join(left: Binade, right: Binade, octaves: int) -> bool:
    """Whether both pass or both fail, with errors in one interval of so many octaves."""
    if math.isinf(left.low) or math.isinf(right.high):
        return False
    if not left.failed and not right.failed and max(left.error, right.error) <= 0.5:
        return True
    if math.isinf(left.error) or math.isinf(right.error):
        return left.error == right.error
    steps = [math.log2(max(row.error, 0.25)) // octaves for row in (left, right)]
    return steps[0] == steps[1] and bool(left.failed) == bool(right.failed)
