"""A verification for people: what fails, where along x, and the worst elements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import IO

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from actgrad.cli.show.page import Page, numeral, short_exponent
from actgrad.cli.show.verification import SHOWN, Found
from actgrad.layers.verify import FAILURES, Binade, JudgedElement, Tally

#: The most rows a histogram has, and the columns of its longest bar.
ROWS, BAR = 20, 24
#: The columns that stand beside the bars.
OTHERS = 56


def show(found: Found, file: IO[str]) -> None:
    """Print the verification; the verdict is its last line."""
    page = Page(file)
    for name, tally in found.verification.tallies.items():
        page.print(Text(f"{name}: {'FAILED' if tally.failed else 'ok'}", style(not tally.failed)))
        page.print(statistics(tally))
        for kind, count in tally.failures.items():
            if count:
                page.print(Text(f"  {count} {kind}: {FAILURES[kind]}", "red"))
        if name in found.guesses:
            guess = found.guesses[name]
            share = f"it explains {guess.share:.0%} of what was looked at"
            page.print(Text(f"  a guess at the cause: {guess.cause} ({share})", "yellow"))
        if tally.binades:
            page.print(histogram(tally, page))
        if tally.max > 0.5 or tally.failed:
            page.print(worst(found, name, page))
    page.print(Text(found.verification.summary, style(found.ok)))


def style(good: bool) -> str:
    """The colour of a verdict."""
    return "bold green" if good else "bold red"


def statistics(tally: Tally) -> Text:
    """The errors in a few lines."""
    quantiles = ", ".join(f"p{q:g} {ulp(tally.quantile(q / 100))}" for q in (50, 99, 99.9))
    share = f"{tally.nearest / tally.count:.4%}" if tally.count else "none"
    lines = [f"  ULP: max {ulp(tally.max)}, mean {ulp(tally.mean)}, {quantiles}"]
    lines.append(f"  correctly rounded: {share} of {tally.count}")
    if tally.flushed:
        lines.append(f"  flushed, as allowed: {tally.flushed}")
    if tally.left_out:
        lines.append(f"  outside --range, not judged: {tally.left_out}")
    return Text("\n".join(lines))


def ulp(error: float) -> str:
    """An error in a few digits."""
    return numeral(error, 3)


def histogram(tally: Tally, page: Page) -> Table:
    """The largest error along x, neighbouring binades of like error in one row."""
    rows = list(merged(tally.binades))
    longest = min(BAR, max(page.width - OTHERS, 0))
    most = max(row.error for row in rows)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("  x", "max ULP", "fail", "of", ""):
        table.add_column(head, justify="left" if head in ("  x", "") else "right", no_wrap=True)
    for row in rows:
        bar = Text("█" * scaled(row.error, most, longest), "red" if row.failed else "green")
        failed = Text(str(row.failed or ""), "red")
        table.add_row(f"  {span(row)}", ulp(row.error), failed, str(row.judged), bar)
    return table


def scaled(error: float, most: float, longest: int) -> int:
    """A bar's length: an error of 2^−4 ULP or less has none, and each doubling adds as much."""
    if error <= 2.0**-4:
        return 0
    return round(longest * math.log2(error * 16) / max(math.log2(most * 16), 5))


def span(row: Binade) -> str:
    """A row's x, from the end nearer to −inf."""
    if row.low == row.high or (math.isinf(row.low) and math.isinf(row.high)):
        return f"{short(row.low)}, nan" if math.isinf(row.low) else short(row.low)
    return f"{short(row.low)} … {short(row.high)}"


def short(x: float) -> str:
    return numeral(x, 3)


def merged(binades: Sequence[Binade]) -> Iterator[Binade]:
    """At most ROWS rows: neighbours join while their errors are within a step of one another."""
    step = 1.0
    while True:
        rows: list[Binade] = []
        for one in binades:
            if rows and alike(rows[-1], one, step):
                last = rows.pop()
                one = Binade(
                    last.low,
                    one.high,
                    last.judged + one.judged,
                    last.failed + one.failed,
                    max(last.error, one.error),
                )
            rows.append(one)
        if len(rows) <= ROWS or step > 2000:
            return iter(rows)
        step *= 2


def alike(one: Binade, other: Binade, step: float) -> bool:
    """Whether two neighbours may share a row."""
    if math.isinf(one.low) or math.isinf(other.high):
        return False
    if not one.failed and not other.failed and max(one.error, other.error) <= 0.5:
        return True
    levels = [math.log2(max(row.error, 0.25)) // step for row in (one, other)]
    return levels[0] == levels[1] and bool(one.failed) == bool(other.failed)


def worst(found: Found, name: str, page: Page) -> RenderableType:
    """The worst elements, in decimal and in bits; a line each where the page is narrow."""
    cases = found.worst(name, SHOWN)
    with_dout = any(case.dout != 1 for _, case in cases)
    heads = ["  at", "x", *(["dout"] if with_dout else []), "got", "truth", "ULP", "failure"]
    table = Table(*heads, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index, case in cases:
        table.add_row(
            f"  {index}",
            f"{numeral(case.x, 9)}\n{case.x_bits}",
            *([numeral(case.dout, 9)] if with_dout else []),
            f"{numeral(case.got, 9)}\n{case.got_bits}",
            f"{short_exponent(case.truth)}\n{case.nearest_bits}",
            ulp(case.error),
            case.kind,
        )
    if page.fits(table):
        return table
    return Text("\n".join(f"  {index}: {line(case)}" for index, case in cases))


def line(case: JudgedElement) -> str:
    """An element in words."""
    dout = "" if case.dout == 1 else f", dout {numeral(case.dout, 9)}"
    return (
        f"x {numeral(case.x, 9)} ({case.x_bits}){dout}, got {numeral(case.got, 9)}"
        f" ({case.got_bits}), truth {short_exponent(case.truth)} ({case.nearest_bits}):"
        f" {ulp(case.error)} ULP {case.kind}"
    )
