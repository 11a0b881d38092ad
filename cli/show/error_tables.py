"""Tables of errors: elements by the size of their error, and the regions of x that fail."""

from __future__ import annotations

from typing import Any

from actgrad.cli.answer import json_fields
from actgrad.cli.show.binades import short_numeral
from actgrad.cli.show.page import numeral
from actgrad.cli.show.parts import Rows
from actgrad.layers.verify import MOST_REGIONS, Tally

#: The most digits of the ends of a region.
END_DIGITS = 9


def bucket_rows(tally: Tally) -> Rows:
    """How many elements are in each bucket of errors in ULP, for each kind of truth."""
    counts = tally.buckets.counts()
    heads = list(next(iter(counts.values())))
    rows = [(kind, *map(str, row.values())) for kind, row in counts.items() if any(row.values())]
    shown = [short_head(head) for head in heads]
    return Rows(("truth", *shown), rows, shown)


def short_head(bucket: str) -> str:
    """The head of a bucket's column; the unit stands in the heading."""
    return {"correctly rounded": "rounded"}.get(bucket, bucket)


def region_rows(tally: Tally, most: int = MOST_REGIONS) -> Rows:
    """At most so many regions of x in which elements fail; their ends are elements that fail."""
    rows = [
        (
            numeral(region.low, END_DIGITS),
            numeral(region.high, END_DIGITS),
            str(region.failed),
            str(region.elements),
            short_numeral(region.error),
        )
        for region in tally.regions.merged(most)
    ]
    return Rows(("fails from x =", "to", "fail", "of", "max ULP"), rows, ("fail", "of", "max ULP"))


def regions_json(tally: Tally) -> list[dict[str, Any]]:
    """The regions of x in which elements fail."""
    return [json_fields(region._asdict()) for region in tally.regions.merged()]
