"""A verification as tables and a histogram, as JSON, as Markdown, or its worst elements as CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.show.page import Page, numeral
from actgrad.layers.arrays import short_exponent
from actgrad.layers.verify import (
    FAILURES,
    Binade,
    LikelyCause,
    Tally,
    Verification,
    VerifiedElement,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

#: How many of the worst elements a report shows, and how many the CSV has.
SHOWN, LISTED = 10, 100
#: The quantiles of the error that are shown, in per cent.
QUANTILES = (50, 99, 99.9)
#: The most rows of a histogram, and the most columns of its bars.
HISTOGRAM_ROWS, LONGEST_BAR = 20, 24
#: The columns beside the bars, each at its greatest width.
BESIDE_BARS = 56
#: The indent of what continues a folded line.
HANGING = "    "
#: An error up to this many ULP has no bar; every doubling makes a bar longer by the same length.
NO_BAR = 2.0**-4
#: The JSON keys of an element whose names in the code differ.
JSON_KEYS = {"position": "place", "failure": "kind"}

#: An error, or an end of a range, in three digits: `1.68e7`.
_short = partial(numeral, digits=3)
#: An element's number in nine digits; its bits have the rest.
_number = partial(numeral, digits=9)

#: Elements, each with its indices: `3,7`.
Worst: TypeAlias = Sequence[tuple[str, VerifiedElement]]


class VerifiedDump(NamedTuple):
    """A dump that was verified to its end."""

    verification: Verification
    likely_causes: Mapping[str, LikelyCause]
    #: The indices of an element of a result, from its position in the dump.
    indices: Callable[[str, int], tuple[int, ...]]

    def worst(self, name: str, count: int) -> Worst:
        """At most `count` of the worst elements of a result."""
        return [
            (",".join(map(str, self.indices(name, element.position))), element)
            for element in self.verification.worst(name, count)
        ]


def verification_answer(dump: VerifiedDump) -> TextAnswer:
    """The verification in every format of `actgrad verify`."""
    texts = {
        "json": partial(verification_json, dump),
        "csv": partial(verification_csv, dump),
        "markdown": partial(verification_markdown, dump),
    }
    return TextAnswer("verify", partial(show_verification, dump), texts)


def verification_json(dump: VerifiedDump) -> str:
    """The verification as one JSON object."""
    verification = dump.verification
    policy = verification.policy
    within = None if policy.within is None else [json_number(end) for end in policy.within]
    report = {
        "command": "verify",
        "layers": list(verification.layers),
        "dtype": verification.dtype,
        "ok": verification.ok,
        "summary": verification.summary,
        "policy": {**policy._asdict(), "within": within, "text": str(policy)},
        "exact": verification.exact,
        "results": {name: _result_json(dump, name) for name in verification.tallies},
    }
    return json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n"


def _result_json(dump: VerifiedDump, name: str) -> dict[str, Any]:
    tally = dump.verification.tallies[name]
    cause = dump.likely_causes.get(name)
    ulp = {"max": tally.max, "mean": tally.mean}
    ulp |= {f"p{share:g}": tally.quantile(share / 100) for share in QUANTILES}
    return {
        "ok": not tally.failed,
        "count": tally.count,
        "failed": tally.failed,
        "failures": tally.failures,
        "correctly_rounded": tally.nearest,
        "flushed": tally.flushed,
        "left_out": tally.left_out,
        "ulp": {key: json_number(value) for key, value in ulp.items()},
        "at": None if tally.at is None else json_number(tally.at),
        "guess": cause and cause._asdict(),
        "binades": [
            {
                "low": json_number(binade.low),
                "high": json_number(binade.high),
                "count": binade.elements,
                "failed": binade.failed,
                "ulp": json_number(binade.error),
            }
            for binade in tally.binades
        ],
        "worst": [_element_json(*worst) for worst in dump.worst(name, SHOWN)],
    }


def _element_json(index: str, element: VerifiedElement) -> dict[str, Any]:
    return {"index": index} | {
        JSON_KEYS.get(key, key): json_number(value) if isinstance(value, float) else value
        for key, value in element._asdict().items()
    }


def verification_csv(dump: VerifiedDump) -> str:
    """The worst elements as CSV, one a row; indices are separated by spaces."""
    heads = ("result", "index", "x", "dout", "got", "truth", "nearest", "ulp", "kind")
    lines = [",".join((*heads, "x_bits", "got_bits", "nearest_bits"))]
    for name in dump.verification.tallies:
        for index, element in dump.worst(name, LISTED):
            cells = (v if isinstance(v, str) else str(json_number(v)) for v in element[1:])
            lines.append(",".join((name, index.replace(",", " "), *cells)))
    return "\n".join(lines) + "\n"


def verification_markdown(dump: VerifiedDump) -> str:
    """The verification as Markdown: summary, then for each result statistics and tables."""
    verification = dump.verification
    parts = [f"**{verification.summary}**"]
    for name, tally in verification.tallies.items():
        parts.append(f"## {name}: {_verdict(tally)}")
        parts.append(_markdown_table(("ULP", ""), _errors(tally)))
        parts.append("\n".join(f"- {line}" for line in _counts(tally)))
        if tally.failed:
            parts.append(_markdown_table(("failure", "elements", "meaning"), _failures(tally)))
        if name in dump.likely_causes:
            parts.append(_likely(dump.likely_causes[name]))
        if _has_wrong(tally):
            parts.append(_markdown_table(*_worst_cells(dump.worst(name, SHOWN), "<br>")))
    return "\n\n".join(parts) + "\n"


def _markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def show_verification(dump: VerifiedDump, file: IO[str]) -> None:
    """Print the verification for people; the summary is the last line."""
    from rich.text import Text

    page = Page(file)

    def show(text: str, style: str = "") -> None:
        page.print(Text(page.fold(text, HANGING), style))

    for name, tally in dump.verification.tallies.items():
        show(f"{name}: {_verdict(tally)}", _style(not tally.failed))
        errors = ", ".join(f"{label} {error}" for label, error in _errors(tally))
        for line in (f"ULP: {errors}", *_counts(tally)):
            show(f"  {line}")
        for failure, count, meaning in _failures(tally):
            show(f"  {count} {failure}: {meaning}", "red")
        if name in dump.likely_causes:
            show(f"  {_likely(dump.likely_causes[name])}", "yellow")
        if tally.binades:
            page.print(_histogram(tally, page))
        if _has_wrong(tally):
            page.print(_worst_elements(dump.worst(name, SHOWN), page))
    show(dump.verification.summary, _style(dump.verification.ok))


def _verdict(tally: Tally) -> str:
    return "FAILED" if tally.failed else "ok"


def _style(good: bool) -> str:
    return "bold green" if good else "bold red"


def _has_wrong(tally: Tally) -> bool:
    """Whether an element fails or is not correctly rounded."""
    return tally.max > 0.5 or tally.failed > 0


def _errors(tally: Tally) -> list[tuple[str, str]]:
    """The statistics of the errors in ULP."""
    quantiles = [(f"p{share:g}", _short(tally.quantile(share / 100))) for share in QUANTILES]
    return [("max", _short(tally.max)), ("mean", _short(tally.mean)), *quantiles]


def _counts(tally: Tally) -> list[str]:
    """How many elements are correctly rounded, flushed and left out."""
    share = f"{tally.nearest / tally.count:.4%}" if tally.count else "none"
    lines = [f"correctly rounded: {share} of {tally.count}"]
    if tally.flushed:
        lines.append(f"flushed, as allowed: {tally.flushed}")
    if tally.left_out:
        lines.append(f"outside --range, not verified: {tally.left_out}")
    return lines


def _failures(tally: Tally) -> list[tuple[str, str, str]]:
    """Each failure that occurs: its name, how many elements have it, and what it means."""
    counts = tally.failures.items()
    return [(failure, str(count), FAILURES[failure]) for failure, count in counts if count]


def _likely(cause: LikelyCause) -> str:
    return f"likely cause: {cause.cause} (explains {cause.share:.0%} of the elements examined)"


def _histogram(tally: Tally, page: Page) -> RenderableType:
    """The largest error in each stretch of binades of x: a table, or lines on a narrow page."""
    from rich.text import Text

    rows = merged_binades(tally.binades)
    longest = min(LONGEST_BAR, max(page.width - BESIDE_BARS, 0))
    most = max(row.error for row in rows)
    table = _table(("  x", "left"), ("max ULP", "right"), ("fail", "right"), ("of", "right"))
    if longest:
        table.add_column("", no_wrap=True)
    for row in rows:
        color = "red" if row.failed else "green"
        bar = Text("█" * _bar_length(row.error, most, longest), color)
        failed = Text(str(row.failed or ""), "red")
        cells = (f"  {_stretch(row)}", _short(row.error), failed, str(row.elements), bar)
        table.add_row(*cells[: len(table.columns)])
    if page.fits(table):
        return table
    return _folded(
        page,
        (
            f"  x {_stretch(row)}: max {_short(row.error)} ULP, {row.failed} of {row.elements} fail"
            for row in rows
        ),
    )


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
    if error <= NO_BAR:
        return 0
    return round(longest * math.log2(error / NO_BAR) / max(math.log2(most / NO_BAR), 5))


def _stretch(row: Binade) -> str:
    """A row's x: `-4 … -1`, `0`, or `inf, nan` for the binade that holds both."""
    if row.low == row.high or (math.isinf(row.low) and math.isinf(row.high)):
        return f"{_short(row.low)}, nan" if math.isinf(row.low) else _short(row.low)
    return f"{_short(row.low)} … {_short(row.high)}"


def merged_binades(binades: Sequence[Binade]) -> list[Binade]:
    """At most HISTOGRAM_ROWS stretches: neighbours join if their errors are of similar size."""
    octaves = 1
    while True:
        rows: list[Binade] = []
        for binade in binades:
            if rows and _may_join(rows[-1], binade, octaves):
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


def _may_join(left: Binade, right: Binade, octaves: int) -> bool:
    """Whether both pass or both fail, with errors in one interval of so many octaves."""
    if math.isinf(left.low) or math.isinf(right.high):
        return False
    if not left.failed and not right.failed and max(left.error, right.error) <= 0.5:
        return True
    steps = [math.log2(max(row.error, 0.25)) // octaves for row in (left, right)]
    return steps[0] == steps[1] and bool(left.failed) == bool(right.failed)


def _worst_elements(worst: Worst, page: Page) -> RenderableType:
    """The worst elements, in decimal and in bits; a line for each where the page is narrow."""
    heads, rows = _worst_cells(worst, "\n")
    table = _table((f"  {heads[0]}", "left"), *((head, "left") for head in heads[1:]))
    for index, *cells in rows:
        table.add_row(f"  {index}", *cells)
    return table if page.fits(table) else _folded(page, (_line(*element) for element in worst))


def _worst_cells(worst: Worst, line_break: str) -> tuple[list[str], list[list[str]]]:
    """The heads and rows of a table of the worst elements; a dout of ones has no column."""
    rows = [
        {
            "at": index,
            "x": f"{_number(element.x)}{line_break}{element.x_bits}",
            "dout": _number(element.dout),
            "got": f"{_number(element.got)}{line_break}{element.got_bits}",
            "truth": f"{short_exponent(element.truth)}{line_break}{element.nearest_bits}",
            "ULP": _short(element.error),
            "failure": element.failure,
        }
        for index, element in worst
    ]
    has_dout = any(element.dout != 1 for _, element in worst)
    heads = [head for head in rows[0] if head != "dout" or has_dout]
    return heads, [[row[head] for head in heads] for row in rows]


def _line(index: str, element: VerifiedElement) -> str:
    x, got = _number(element.x), _number(element.got)
    dout = "" if element.dout == 1 else f", dout {_number(element.dout)}"
    truth = short_exponent(element.truth)
    failure = f", failure: {element.failure}" if element.failure else ""
    return (
        f"  {index}: x {x} ({element.x_bits}){dout}, got {got} ({element.got_bits}),"
        f" truth {truth} ({element.nearest_bits}), error {_short(element.error)} ULP{failure}"
    )
