"""The pages of reports: what `check` and `verify` say, with curves and the errors over x."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

import numpy as np

from actgrad import __version__
from actgrad.cli.page.frame import framed_page, html_of
from actgrad.cli.plot import ErrorMark, Figure, errors_svg, figure_svg
from actgrad.cli.show import (
    WRONG,
    Heading,
    Marks,
    Panel,
    Rows,
    SurveyReport,
    VerifiedDump,
    attempts_parts,
    check_parts,
    checks_parts,
    differing,
    drawable,
    dump_of,
    head_parts,
    merged_binades,
    numeral,
    result_parts,
    stretch,
    survey_parts,
    worst_parts,
)
from actgrad.layers.arrays import Array
from actgrad.layers.check import GradientCurve, Report
from actgrad.layers.explain import Break, Curve, curves
from actgrad.layers.verify import Attempt, Binade, Verification

#: How many of the worst elements are marked.
MARKED = 100
#: How far beside a curve a wrong value is drawn where it is, as a share of the curve's height.
BESIDE = 0.5
#: What is said of a drawing of errors.
ERRORS = (
    "A dot is the largest error in a range of x between two powers of two. A cross is an error that"
    " is too large. The dashed line is the limit."
)


def check_page(reports: Sequence[Report], refused: Mapping[str, Exception]) -> str:
    """The reports of `actgrad check` on a page; `refused` says which layers have none, and why."""
    if len(reports) == 1 and not refused:
        return report_page(f"check {reports[0].layer}", check_body(reports[0], 1))
    body = list(map(html_of, checks_parts(reports, refused)))
    for report in reports:
        if not report.ok:
            body += check_body(report, 2)
    return report_page("check", body)


def verification_page(dump: VerifiedDump) -> str:
    """The report of `actgrad verify` on a page."""
    title = f"verify {' → '.join(dump.verification.layers)}"
    return report_page(title, [f"<h1>{escape(title)}</h1>", *verification_body(dump)])


def attempts_page(attempts: Sequence[Attempt]) -> str:
    """The attempts of `actgrad verify --try`, and the verification of the best of them."""
    title = f"verify {attempts[0].text}"
    body = [html_of(Heading(1, f"verify `{attempts[0].text}`"))]
    if len(attempts) > 1:
        body += map(html_of, attempts_parts(attempts))
    return report_page(title, [*body, *verification_body(dump_of(attempts[0]))])


def survey_page(report: SurveyReport) -> str:
    """The tables of `actgrad survey` on a page."""
    return report_page(f"survey {report.survey.target}", map(html_of, survey_parts(report)))


def report_page(title: str, body: Iterable[str]) -> str:
    """The page, at whose foot are the versions with which the report was made."""
    versions = f"actgrad {__version__}, NumPy {np.__version__}, Python {platform.python_version()}"
    return framed_page(title, [*body, f'<p class="note">{versions}</p>'])


def check_body(report: Report, level: int) -> Iterator[str]:
    """The verdict, the drawings where the gradient has a curve, the findings and the notes.

    The headings begin at that level.
    """
    parts = [
        Heading(part.level + level - 2, part.text) if isinstance(part, Heading) else part
        for part in check_parts(report)
    ]
    yield from map(html_of, parts[:2])
    if report.curve is not None:
        yield from gradient_drawings(report, report.curve, level + 1)
    yield from map(html_of, parts[2:])


def gradient_drawings(report: Report, curve: GradientCurve, level: int) -> Iterator[str]:
    """The curve of the right gradient with the wrong points, and the errors over x."""
    wrong, allowed = differing(curve)
    breaks = [
        Break(kink.at.x, kink.at.left, kink.gradient, kink.at.right)
        for kink in report.kinks
        if curve.x[0] < kink.at.x < curve.x[-1] and not kink.at.jump
    ]
    right = Curve("the numerical derivative", 1, curve.x, curve.derivative, breaks)
    marks = Marks(curve.x[wrong], curve.backward[wrong], WRONG, "")
    figure = Figure([right.layer], [Panel("dx for dout = 1", [right], [marks])])
    yield html_of(Heading(level, "The gradient"))
    count = int(np.count_nonzero(wrong))
    yield f"<p>backward differs at {count} of {curve.x.size} points: the crosses.</p>"
    yield figure_svg(figure)
    with np.errstate(all="ignore"):
        errors = np.abs(curve.backward - curve.derivative) / allowed
    bins = binades_of(curve.x, errors, wrong)
    worst = [
        ErrorMark(where.x, abs(where.got - where.expected) / where.tolerance, True, finding.name)
        for finding in report.findings
        if (where := finding.where) is not None and where.tolerance and where.got != where.expected
    ]
    yield html_of(Heading(level, "The error over x"))
    yield f"<p>The error is divided by its tolerance. {ERRORS}</p>"
    yield errors_svg("error / tolerance", [*map(bin_mark, bins), *worst], 1.0)
    yield html_of(bins_table(bins, "max error / tolerance"))


def binades_of(x: Array, errors: Array, wrong: Array) -> list[Binade]:
    """The largest error and the number of wrong points in each binade of x, in rising order."""
    with np.errstate(divide="ignore"):
        exponents = np.where(x == 0, -np.inf, np.floor(np.log2(np.abs(x))))
    bins = []
    for sign, exponent in sorted({*zip(np.sign(x).tolist(), exponents.tolist(), strict=True)}):
        inside = (np.sign(x) == sign) & (exponents == exponent)
        power = 2.0**exponent
        ends = (power, min(2 * power, sys.float_info.max))
        low, high = sorted(sign * end for end in ends) if sign else (0.0, 0.0)
        error = float(np.nanmax(errors[inside], initial=0.0))
        bins.append(Binade(low, high, int(inside.sum()), int(wrong[inside].sum()), error))
    return sorted(bins, key=lambda each: each.low)


def bin_mark(binade: Binade) -> ErrorMark:
    """The dot of a binade, at the middle of its octave."""
    low, high = abs(binade.low), abs(binade.high)
    middle = 0.0
    if low and high:
        middle = math.copysign(math.sqrt(low) * math.sqrt(high), binade.low)
    failed = f"{binade.failed} of {binade.elements} fail"
    text = f"x {stretch(binade)}: {numeral(binade.error, 3)}, {failed}"
    return ErrorMark(middle, binade.error, binade.failed > 0, text, is_element=False)


def bins_table(bins: Sequence[Binade], error: str) -> Rows:
    """The ranges of x, neighbours with errors of similar size joined."""
    rows = [
        (stretch(row), numeral(row.error, 3), str(row.failed or ""), str(row.elements))
        for row in merged_binades(bins)
    ]
    return Rows(("x", error, "fail", "of"), rows, (error, "fail", "of"))


def verification_body(dump: VerifiedDump) -> Iterator[str]:
    """The summary; for each result its statistics, the drawings, the bins and worst elements."""
    verification = dump.verification
    yield from map(html_of, head_parts(dump))
    for name, tally in verification.tallies.items():
        yield from map(html_of, result_parts(dump, name))
        if verification.reference.layer.is_elementwise:
            yield from curve_drawing(verification, name)
        marks = [
            ErrorMark(e.x, e.error, bool(e.failure), f"x = {numeral(e.x, 9)}: {e.error:.3g} ULP")
            for _, e in dump.worst(name, MARKED)
            if e.failure or e.error > 0.5
        ]
        bins = tally.binades
        yield html_of(Heading(3, "The error over x"))
        yield f"<p>{ERRORS} An infinite error is at the upper edge.</p>"
        marks = [*map(bin_mark, bins), *marks]
        yield errors_svg("error in ULP", marks, verification.policy.max_ulp)
        yield html_of(bins_table(bins, "max ULP"))
        yield html_of(Heading(3, "The worst elements"))
        yield from map(html_of, worst_parts(dump, name))


def curve_drawing(verification: Verification, name: str) -> Iterator[str]:
    """The curve of out, or of dx for dout = 1, with elements that fail."""
    tally, order = verification.tallies[name], int(name == "dx")
    (curve,) = curves([verification.reference.layer], [order], verification.policy.within)
    x = y = np.zeros(0)
    wrong = tally.failing.elements
    if wrong is not None:
        with np.errstate(all="ignore"):
            y = wrong.got.astype(np.float64) / (wrong.dout if order else 1)
        inside = (wrong.x >= curve.x[0]) & (wrong.x <= curve.x[-1]) & np.isfinite(y)
        x, y = wrong.x[inside], y[inside]
        chosen = np.argsort(x)[:: max(x.size // MARKED, 1)]
        x, y = x[chosen], y[chosen]
        if (finite := curve.y[np.isfinite(curve.y)]).size:
            low, high = drawable(float(finite.min()), float(finite.max()))
            beside = BESIDE * (high - low)
            y = np.clip(y, low - beside, high + beside)
    panel = Panel("dx for dout = 1" if order else "out", [curve], [Marks(x, y, WRONG, "")])
    yield html_of(Heading(3, "The curve"))
    if tally.failed:
        yield f"<p>The crosses are {x.size} of the {tally.failed} elements that fail.</p>"
    yield figure_svg(Figure([curve.layer], [panel]))
