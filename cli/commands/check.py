"""`actgrad check`: the gradient and the behaviour of a layer."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_layer
from actgrad.cli.options import ARRAY, DtypeOption, ReportFormat, ReportFormatOption, ReportOutput


def check(
    layer: Annotated[
        str,
        typer.Argument(
            metavar="LAYER",
            help="NAME[:PARAM=VALUE,...] of the catalogue, file.py:Class[:param=value,...],"
            " package.module:Class, or file.py:forward,backward.",
            show_default=False,
            autocompletion=complete_layer,
        ),
    ],
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="ARRAY",
            help=f"Check these numbers only: {ARRAY}.",
            show_default="points where layers go wrong",
        ),
    ] = None,
    dtype: DtypeOption = None,
    formula: Annotated[
        str | None,
        typer.Option("--formula", metavar="NAME", help="The catalogue layer that it should be."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Make warnings errors.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="NAME", help="Leave out a finding. Repeatable."),
    ] = None,
    form: ReportFormatOption = None,
    output: ReportOutput = None,
) -> int:
    """Compare a layer's gradient with the numerical derivative, and test its behaviour.

    Exit status 0: no error was found; 1: the layer is wrong; 2: it could not be checked.
    """
    import sys
    from contextlib import redirect_stdout

    from actgrad.cli.read import read_array
    from actgrad.cli.show import check_answer, require_finding_names
    from actgrad.cli.write import Output
    from actgrad.layers.check import examine, load_subject

    destination = Output(ReportFormat, form, output)
    ignored = ignore or []
    require_finding_names(ignored)
    given = None if x is None else read_array(x, "--x", dtype)
    # Text that the layer prints is not part of the answer.
    with redirect_stdout(sys.stderr):
        report = examine(load_subject(layer), given, dtype, formula).judged(strict, ignored)
    destination.deliver(check_answer(report))
    return 0 if report.ok else 1
