"""The units of one layer in detail: a heat strip, and the histogram of their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from actgrad.cli.show.page import Page, numeral
from actgrad.layers.diagnose import Diagnosis

#: From no sample with a stopped gradient to all of them.
SHADES = "·▁▂▃▄▅▆▇█"
#: The units in a group of a strip, and the columns of its first unit's number.
GROUP, NUMBER = 10, 7
#: The longest bar of the histogram.
LONGEST = 30
#: The bins of the histogram on each side of 0; what is nearer to 0 is in the innermost.
SIDE = 6


def show_units(diagnosis: Diagnosis, page: Page) -> None:
    """Print for each unit in how many samples the gradient is stopped, then the histograms."""
    page.print("")
    scale = f"{SHADES[0]} 0 %, {SHADES[len(SHADES) // 2]} 50 %, {SHADES[-1]} 100 %"
    heading = f"share of the samples in which the gradient is stopped, by unit ({scale}):"
    page.print(Text(page.fold(heading)))
    for line in strip(diagnosis, page.width):
        page.print(Text(line))
    for head, bins in diagnosis.histograms.items():
        page.print("")
        page.print(histogram(head, bins))


def strip(diagnosis: Diagnosis, width: int) -> Iterator[str]:
    """A character for each unit, in groups of ten; each line begins with its first unit."""
    shares = diagnosis.units.share("stopped").tolist()
    cells = "".join(SHADES[round(share * (len(SHADES) - 1))] for share in shares)
    groups = max(1, (width - NUMBER) // (GROUP + 1))
    for start in range(0, len(cells), groups * GROUP):
        line = cells[start : start + groups * GROUP]
        parts = [line[k : k + GROUP] for k in range(0, len(line), GROUP)]
        yield f"{start:>{NUMBER - 1}} {' '.join(parts)}"


def histogram(head: str, filled: Sequence[tuple[float, float, int]]) -> Table:
    """The bins that hold numbers, in order."""
    bins = [each for each in merged_bins(filled) if each[2]]
    most = max((count for *_, count in bins), default=1)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(head, no_wrap=True)
    table.add_column("numbers", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for low, high, count in bins:
        span = f"{numeral(low, 3)} … {numeral(high, 3)}"
        table.add_row(span, str(count), "█" * round(LONGEST * count / most))
    return table


def merged_bins(bins: Sequence[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The bins, those nearest to 0 merged into one on each side."""
    end = max((max(-low, high) for low, high, _ in bins), default=1.0)
    least = end / 4.0 ** (SIDE - 1)
    outer = [each for each in bins if max(-each[0], each[1]) > least]
    counts = dict.fromkeys((-1, 1), 0)
    for low, high, count in bins:
        if max(-low, high) <= least:
            counts[1 if high > 0 else -1] += count
    inner = [(-least, 0.0, counts[-1]), (0.0, least, counts[1])]
    return sorted([*outer, *(each for each in inner if each[2])])
