"""`actgrad check`: the gradient and the behaviour of a layer."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_checked
from actgrad.cli.options import ARRAY, DtypeOption, ReportFormat, ReportFormatOption, ReportOutput


def check(
    layer: Annotated[
        str,
        typer.Argument(
            metavar="LAYER",
            help="NAME[:PARAM=VALUE,...] of the catalogue, file.py:Class[:param=value,...],"
            " package.module:Class, or file.py:forward,backward.",
            show_default=False,
            autocompletion=complete_checked,
        ),
    ],
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="ARRAY",
            help=f"Check at these numbers only: {ARRAY}.",
            show_default="points where errors are likely",
        ),
    ] = None,
    dtype: DtypeOption = None,
    formula: Annotated[
        str | None,
        typer.Option(
            "--formula", metavar="NAME", help="Compare it with this layer of the catalogue."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="NAME", help="Ignore a finding of this name. Repeatable."),
    ] = None,
    form: ReportFormatOption = None,
    output: ReportOutput = None,
) -> int:
    """Check a layer: its gradient, and how it behaves.

    The gradient is compared with the numerical derivative. The layer must not write to its
    arguments, depend on earlier calls, or treat an element by its position.

    Exit status 0: no error was found; 1: the layer is wrong; 2: it could not be checked.
    """
    from actgrad.cli.read import read_array
    from actgrad.cli.show import check_answer, distinct_lines_on_stderr, require_finding_names
    from actgrad.cli.write import Output
    from actgrad.layers.check import examine, load_subject

    destination = Output(ReportFormat, form, output)
    ignored = ignore or []
    require_finding_names(ignored)
    given = None if x is None else read_array(x, "--x", dtype)
    with distinct_lines_on_stderr():
        report = examine(load_subject(layer), given, dtype, formula).filtered(strict, ignored)
    destination.deliver(check_answer(report))
    return 0 if report.ok else 1
