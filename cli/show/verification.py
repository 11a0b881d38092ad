"""A verification as tables and a histogram on a terminal, and the answer in every format."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from actgrad.cli.answer import TextAnswer
from actgrad.cli.show.binades import merged_binades, short_numeral, stretch
from actgrad.cli.show.error_tables import bucket_rows, region_rows
from actgrad.cli.show.page import Page
from actgrad.cli.show.parts import Rows, markdown_of
from actgrad.cli.show.verification_json import verification_csv, verification_json
from actgrad.cli.show.verification_parts import verification_parts
from actgrad.cli.show.verified_dump import (
    ElementPlace,
    VerifiedDump,
    Worst,
    cause_text,
    error_statistics,
    failure_rows,
    has_wrong,
    nine_digits,
    passed_counts,
    verdict_of,
    worst_cells,
)
from actgrad.layers.arrays import short_exponent
from actgrad.layers.verify import (
    Tally,
    VerifiedElement,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

#: How many of the worst elements a table on a terminal shows.
SHOWN = 10
#: The most regions of x that a terminal shows.
REGIONS_SHOWN = 8
#: The most columns of the bars of a histogram.
LONGEST_BAR = 24
#: The columns beside the bars, each at its greatest width.
BESIDE_BARS = 56
#: The indent of what continues a folded line.
HANGING = "    "
#: An error up to this many ULP has no bar; every doubling makes a bar longer by the same length.
NO_BAR = 2.0**-4


def verification_answer(dump: VerifiedDump) -> TextAnswer:
    """The verification in every format of `actgrad verify`."""
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": partial(verification_json, dump),
        "csv": partial(verification_csv, dump),
        "markdown": lambda: markdown_of(verification_parts(dump)),
    }
    show = partial(show_verification, dump)
    return TextAnswer("verify", show, texts, dump.verification.summary)


def show_verification(dump: VerifiedDump, file: IO[str]) -> None:
    """Print the verification for people; the summary is the last line."""
    from rich.text import Text

    page = Page(file)

    def show(text: str, style: str = "") -> None:
        page.print(Text(page.fold(text, HANGING), style))

    if dump.run is not None:
        show(f"run: {dump.run}")
        for difference in dump.run.differences:
            show(str(difference), "yellow")
    for name, tally in dump.verification.tallies.items():
        show(f"{name}: {verdict_of(tally)}", _style(not tally.failed))
        errors = ", ".join(f"{label} {error}" for label, error in error_statistics(tally))
        for line in (f"ULP: {errors}", *passed_counts(tally)):
            show(f"  {line}")
        for failure, count, meaning in failure_rows(tally):
            show(f"  {count} {failure}: {meaning}", "red")
        if name in dump.likely_causes:
            show(f"  {cause_text(dump.likely_causes[name])}", "yellow")
        _show_rows(bucket_rows(tally), page)
        if tally.failed:
            _show_rows(region_rows(tally, REGIONS_SHOWN), page)
        if tally.binades:
            page.print(_histogram(tally, page))
        if has_wrong(tally):
            page.print(_worst_elements(dump.worst(name, SHOWN), page))
    if dump.verification.with_flushing:
        show(dump.verification.with_flushing)
    show(dump.verification.summary, _style(dump.verification.ok))


def _style(good: bool) -> str:
    return "bold green" if good else "bold red"


def _histogram(tally: Tally, page: Page) -> RenderableType:
    """The largest error in each stretch of binades of x: a table, or lines on a narrow page."""
    from rich.text import Text

    rows = merged_binades(tally.binades)
    most = max((row.error for row in rows if math.isfinite(row.error)), default=0.0)
    longest = min(LONGEST_BAR, max(page.width - BESIDE_BARS, 0)) if most > NO_BAR else 0
    table = _table(("  x", "left"), ("max ULP", "right"), ("fail", "right"), ("of", "right"))
    if longest:
        table.add_column(f"bar: {NO_BAR:g} … {short_numeral(most)} ULP, log scale", no_wrap=True)
    for row in rows:
        color = "red" if row.failed else "green"
        bar = Text("█" * _bar_length(row.error, most, longest), color)
        failed = Text(str(row.failed or ""), "red")
        cells = (f"  {stretch(row)}", short_numeral(row.error), failed, str(row.elements), bar)
        table.add_row(*cells[: len(table.columns)])
    if page.fits(table):
        return table
    return _folded(
        page,
        (
            f"  x {stretch(row)}: max {short_numeral(row.error)} ULP,"
            f" {row.failed} of {row.elements} fail"
            for row in rows
        ),
    )


def _show_rows(part: Rows, page: Page) -> None:
    """Print the rows of a part: as a table, or as lines on a narrow page."""
    heads, rows = part.heads, part.rows
    justify = ["right" if head in part.numeric else "left" for head in heads]
    table = _table((f"  {heads[0]}", "left"), *zip(heads[1:], justify[1:], strict=True))
    for first, *rest in rows:
        table.add_row(f"  {first}", *rest)
    lines = (
        "  "
        + ", ".join(
            f"{head}{':' * (head[0] in '≤>')} {cell}" for head, cell in zip(heads, row, strict=True)
        )
        for row in rows
    )
    page.print(table if page.fits(table) else _folded(page, lines))


def _folded(page: Page, lines: Iterable[str]) -> Text:
    """The lines, folded to the page."""
    from rich.text import Text

    return Text("\n".join(page.fold(line, HANGING) for line in lines))


def _table(*columns: tuple[str, Any]) -> Table:
    """A table without lines, whose cells are never broken."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head, justify in columns:
        table.add_column(head, justify=justify, no_wrap=True)
    return table


def _bar_length(error: float, most: float, longest: float) -> int:
    if error <= NO_BAR or not longest:
        return 0
    return round(longest * math.log2(min(error, most) / NO_BAR) / max(math.log2(most / NO_BAR), 5))


def _worst_elements(worst: Worst, page: Page) -> RenderableType:
    """The worst elements, in decimal and in bits; a line for each where the page is narrow."""
    heads, rows = worst_cells(worst)
    table = _table((f"  {heads[0]}", "left"), *((head, "left") for head in heads[1:]))
    for index, *cells in rows:
        table.add_row(f"  {index}", *cells)
    return table if page.fits(table) else _folded(page, (_line(*each) for each in worst))


def _line(place: ElementPlace, element: VerifiedElement) -> str:
    x, got = nine_digits(element.x), nine_digits(element.got)
    dout = "" if element.dout == 1 else f", dout {nine_digits(element.dout)}"
    truth = short_exponent(element.truth)
    failure = f", failure: {element.failure}" if element.failure else ""
    return (
        f"  {place}: x {x} ({element.x_bits}){dout}, got {got} ({element.got_bits}),"
        f" truth {truth} ({element.nearest_bits}),"
        f" error {short_numeral(element.error)} ULP{failure}"
    )
