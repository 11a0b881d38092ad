"""`actgrad survey`: how many ULP is every layer of a framework off?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.completion import complete_framework, complete_layer
from actgrad.cli.options import (
    Device,
    Dtype,
    Jit,
    Quiet,
    VerificationFormat,
    VerificationFormatOption,
    VerificationOutput,
)

if TYPE_CHECKING:
    from actgrad.cli.show import SurveyReport


def survey_framework(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="torch, jax, onnxruntime, numpy or scipy.",
            show_default=False,
            autocompletion=complete_framework,
        ),
    ],
    layers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAYER...]",
            help="These layers alone.",
            show_default="every layer that TARGET has",
            autocompletion=complete_layer,
        ),
    ] = None,
    dtypes: Annotated[
        str, typer.Option("--dtype", metavar="DTYPE,...", help=f"Of {', '.join(Dtype)}.")
    ] = "float32",
    count: Annotated[
        int,
        typer.Option(
            "-n", "--count", metavar="N", min=1, help="How many numbers are drawn for each layer."
        ),
    ] = 1 << 16,
    max_ulp: Annotated[
        float,
        typer.Option("--max-ulp", metavar="ULP", help="The error up to which a result passes."),
    ] = 1.0,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="An earlier survey in JSON. Exit status 1 says that something got worse.",
        ),
    ] = None,
    device: Device = None,
    jit: Jit = False,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            metavar="N",
            min=1,
            max=1024,
            help="How many at once.",
            show_default="all cores",
        ),
    ] = None,
    form: VerificationFormatOption = None,
    output: VerificationOutput = None,
    quiet: Quiet = False,
) -> int:
    """Measure the errors of every layer of a framework, forward and backward.

    Each layer is run as `verify LAYER --run TARGET` does it. A cell of the table has the largest
    error, the share of correctly rounded results, the failures by kind and their likely cause.
    """
    from functools import partial
    from os import cpu_count

    from actgrad.cli.read import check_drawn, read_baseline
    from actgrad.cli.show import Bar, SurveyReport, survey_answer
    from actgrad.cli.write import Output
    from actgrad.layers import Policy
    from actgrad.layers.frameworks import CPU, Place
    from actgrad.layers.survey import changes, survey

    destination = Output(VerificationFormat, form, output)
    check_drawn(count)
    before = None if baseline is None else read_baseline(baseline, target, count)
    with Bar(None, quiet) as bar:
        now = survey(
            target,
            dtypes.split(","),
            layers or (),
            count=count,
            place=Place(device or CPU.device, jit),
            policy=Policy(max_ulp=max_ulp),
            processes=processes or cpu_count() or 1,
            progress=bar,
        )
    report = SurveyReport(now, None if before is None else changes(before, now))
    destination.deliver(survey_answer(report).with_text("html", partial(survey_html, report)))
    return 0 if report.ok else 1


def survey_html(report: SurveyReport) -> str:
    """The page of a survey."""
    # Imported for HTML only: it imports plots and derivations.
    from actgrad.cli.page import survey_page

    return survey_page(report)
