"""A verification as tables and a histogram, as JSON, as Markdown, or its worst elements as CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from actgrad.cli.answer import TextAnswer, json_number
from actgrad.cli.show.binades import merged_binades, short_numeral, stretch
from actgrad.cli.show.error_tables import bucket_rows, region_rows, regions_json
from actgrad.cli.show.page import Page, numeral
from actgrad.cli.show.parts import Heading, Items, Paragraph, Part, Rows, markdown_of
from actgrad.layers.arrays import short_exponent
from actgrad.layers.verify import (
    FAILURES,
    LikelyCause,
    Tally,
    Verification,
    VerifiedElement,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from actgrad.layers.survey import TargetRun

#: How many of the worst elements a table on a terminal shows, a report, and the CSV.
SHOWN, REPORTED, LISTED = 10, 50, 100
#: The most regions of x that a terminal shows.
REGIONS_SHOWN = 8
#: The quantiles of the error that are shown, in per cent.
QUANTILES = (50, 99, 99.9)
#: The most columns of the bars of a histogram.
LONGEST_BAR = 24
#: The columns beside the bars, each at its greatest width.
BESIDE_BARS = 56
#: What elements do that pass by another convention.
CONVENTIONS = "by another convention: the slope at a kink, or the result for infinities in a line"
#: The indent of what continues a folded line.
HANGING = "    "
#: An error up to this many ULP has no bar; every doubling makes a bar longer by the same length.
NO_BAR = 2.0**-4
#: The JSON keys of an element whose names in the code differ.
JSON_KEYS = {"position": "place", "failure": "kind"}

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
    #: What was run, where the results are not those of a file.
    run: TargetRun | None = None

    def worst(self, name: str, count: int) -> Worst:
        """At most `count` of the worst elements of a result."""
        return [
            (",".join(map(str, self.indices(name, element.position))), element)
            for element in self.verification.worst(name, count)
        ]


def verification_answer(dump: VerifiedDump) -> TextAnswer:
    """The verification in every format of `actgrad verify`."""
    texts: dict[str, Callable[[], str | bytes]] = {
        "json": partial(verification_json, dump),
        "csv": partial(verification_csv, dump),
        "markdown": lambda: markdown_of(verification_parts(dump)),
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
        "with_flushing": verification.with_flushing,
        "policy": {**policy._asdict(), "within": within, "text": str(policy)},
        "exact": verification.exact,
        "run": None if dump.run is None else run_json(dump.run),
        "results": {name: _result_json(dump, name) for name in verification.tallies},
    }
    return json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n"


def run_json(run: TargetRun) -> dict[str, Any]:
    """What was run, as JSON."""
    return {
        "target": run.target,
        **run.environment._asdict(),
        "blocks": run.blocks,
        "block_differences": [
            {
                key: json_number(value) if isinstance(value, float) else value
                for key, value in difference._asdict().items()
            }
            for difference in run.differences
        ],
    }


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
        "zero_signs": tally.zero_signs,
        "conventions": tally.conventions,
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
        "buckets": tally.buckets.counts(),
        "flushable": sum(tally.flushable.values()),
        "against_direction": tally.against,
        "regions": regions_json(tally),
        "worst": [_element_json(*worst) for worst in dump.worst(name, REPORTED)],
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


def verification_parts(dump: VerifiedDump) -> Iterator[Part]:
    """The verification as the parts of a report: the summary, then each result."""
    yield from head_parts(dump)
    for name in dump.verification.tallies:
        yield from result_parts(dump, name)
        yield from worst_parts(dump, name)


def head_parts(dump: VerifiedDump) -> Iterator[Part]:
    """The summary, what was run, and its results that depend on the size of a block."""
    yield Paragraph(dump.verification.summary, is_verdict=True)
    if dump.verification.with_flushing:
        yield Paragraph(dump.verification.with_flushing)
    if dump.run is not None:
        yield Items([f"run: {dump.run}", *map(str, dump.run.differences)])


def result_parts(dump: VerifiedDump, name: str) -> Iterator[Part]:
    """A result as the parts of a report: statistics, failures and the likely cause."""
    tally = dump.verification.tallies[name]
    yield Heading(2, f"{name}: {_verdict(tally)}")
    yield Rows(("ULP", ""), _errors(tally))
    yield Items(_counts(tally))
    if tally.failed:
        yield Rows(("failure", "elements", "meaning"), _failures(tally))
    if name in dump.likely_causes:
        yield Paragraph(_likely(dump.likely_causes[name]))
    yield bucket_rows(tally)
    if tally.failed:
        yield region_rows(tally)


def worst_parts(dump: VerifiedDump, name: str) -> Iterator[Part]:
    """The worst elements of a result, if one of them is not correctly rounded."""
    if _has_wrong(dump.verification.tallies[name]):
        yield Rows(*_worst_cells(dump.worst(name, REPORTED)))


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
        show(f"{name}: {_verdict(tally)}", _style(not tally.failed))
        errors = ", ".join(f"{label} {error}" for label, error in _errors(tally))
        for line in (f"ULP: {errors}", *_counts(tally)):
            show(f"  {line}")
        for failure, count, meaning in _failures(tally):
            show(f"  {count} {failure}: {meaning}", "red")
        if name in dump.likely_causes:
            show(f"  {_likely(dump.likely_causes[name])}", "yellow")
        _show_rows(bucket_rows(tally), page)
        if tally.failed:
            _show_rows(region_rows(tally, REGIONS_SHOWN), page)
        if tally.binades:
            page.print(_histogram(tally, page))
        if _has_wrong(tally):
            page.print(_worst_elements(dump.worst(name, SHOWN), page))
    if dump.verification.with_flushing:
        show(dump.verification.with_flushing)
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
    quantiles = [(f"p{share:g}", short_numeral(tally.quantile(share / 100))) for share in QUANTILES]
    return [("max", short_numeral(tally.max)), ("mean", short_numeral(tally.mean)), *quantiles]


def _counts(tally: Tally) -> list[str]:
    """How many elements are correctly rounded, flushed and left out."""
    share = f"{tally.nearest / tally.count:.4%}" if tally.count else "none"
    lines = [f"correctly rounded: {share} of {tally.count}"]
    if tally.flushed:
        lines.append(f"flushed, as allowed: {tally.flushed}")
    for failure, count in tally.zero_signs.items():
        if count:
            lines.append(f"passed: {count} {failure}: {FAILURES[failure]}; see --keep-zero-sign")
    if tally.conventions:
        lines.append(f"passed: {tally.conventions} {CONVENTIONS}; see --strict")
    if tally.against and not tally.failures["decreasing"]:
        lines.append(f"against the layer's direction: {tally.against}; see --monotonic")
    if tally.left_out:
        lines.append(f"outside --range, not verified: {tally.left_out}")
    return lines


def _failures(tally: Tally) -> list[tuple[str, str, str]]:
    """Each failure that occurs: its name, how many elements have it, and what it means."""
    counts = tally.failures.items()
    return [(failure, str(count), FAILURES[failure]) for failure, count in counts if count]


def _likely(cause: LikelyCause) -> str:
    examined = "the elements examined" + " that fail by much" * cause.of_large
    return f"likely cause: {cause.cause} (explains {cause.share:.0%} of {examined})"


def _histogram(tally: Tally, page: Page) -> RenderableType:
    """The largest error in each stretch of binades of x: a table, or lines on a narrow page."""
    from rich.text import Text

    rows = merged_binades(tally.binades)
    longest = min(LONGEST_BAR, max(page.width - BESIDE_BARS, 0))
    most = max(row.error for row in rows)
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
        "  " + ", ".join(f"{head} {cell}" for head, cell in zip(heads, row, strict=True))
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
    if error <= NO_BAR:
        return 0
    return round(longest * math.log2(error / NO_BAR) / max(math.log2(most / NO_BAR), 5))


def _worst_elements(worst: Worst, page: Page) -> RenderableType:
    """The worst elements, in decimal and in bits; a line for each where the page is narrow."""
    heads, rows = _worst_cells(worst)
    table = _table((f"  {heads[0]}", "left"), *((head, "left") for head in heads[1:]))
    for index, *cells in rows:
        table.add_row(f"  {index}", *cells)
    return table if page.fits(table) else _folded(page, (_line(*element) for element in worst))


def _worst_cells(worst: Worst) -> tuple[list[str], list[list[str]]]:
    """The heads and rows of a table of the worst elements; a dout of ones has no column."""
    rows = [
        {
            "at": index,
            "x": f"{_number(element.x)}\n{element.x_bits}",
            "dout": _number(element.dout),
            "got": f"{_number(element.got)}\n{element.got_bits}",
            "truth": f"{short_exponent(element.truth)}\n{element.nearest_bits}",
            "ULP": short_numeral(element.error),
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
        f" truth {truth} ({element.nearest_bits}),"
        f" error {short_numeral(element.error)} ULP{failure}"
    )
