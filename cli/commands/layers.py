"""`actgrad layers`: the catalogue.

actgrad layers                a row for each layer
actgrad layers -f json        names, parameters and formulas, for programs
actgrad layers -f markdown    the table of docs/layers.md
"""

from __future__ import annotations

from actgrad.cli.options import ReportFormat, ReportFormatOption, ReportOutput


def layers(form: ReportFormatOption = None, output: ReportOutput = None) -> None:
    """List the layers of the catalogue.

    Each with its parameters, its formula, its names in frameworks, and what it keeps for backward.
    """
    from actgrad.cli.show import catalogue_answer
    from actgrad.cli.write import Output
    from actgrad.layers import catalogue

    Output(ReportFormat, form, output).deliver(catalogue_answer(catalogue()))
