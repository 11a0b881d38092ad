"""`actgrad check`: the gradient and the behaviour of a layer."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_checked
from actgrad.cli.options import (
    ARRAY,
    CheckFormat,
    CheckFormatOption,
    CheckOutput,
    DtypeOption,
    parsed_shape,
    raw_shape,
)


def check(
    layers: Annotated[
        list[str],
        typer.Argument(
            metavar="LAYER...",
            help="NAME[:PARAM=VALUE,...] of the catalogue, file.py:Class[:param=value,...],"
            " package.module:Class, or file.py:forward,backward, two functions forward(x) and"
            " backward(x, dout). A class or function of PyTorch or JAX needs no backward."
            " A file.py or a folder stands for all layers in it.",
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
    shape: Annotated[
        str | None,
        typer.Option(
            "--shape",
            metavar="N,M,...",
            help="The shape of an x that the layer takes, such as 2,3,8,8. Without it, the layer's"
            " own input_shape, the sizes of its parameters and common shapes are tried."
            " With --x, the shape of its raw data.",
            show_default=False,
        ),
    ] = None,
    dtype: DtypeOption = None,
    formula: Annotated[
        str | None,
        typer.Option(
            "--formula",
            metavar="LAYER",
            help="Compare it with this layer of the catalogue, or with an expression.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="NAME", help="Ignore a finding of this name. Repeatable."),
    ] = None,
    form: CheckFormatOption = None,
    output: CheckOutput = None,
) -> int:
    """Check layers: their gradients, and how they behave.

    The gradient is compared with the numerical derivative. A layer may couple elements, and out may
    have any shape: then the Jacobian is compared. A layer must not write to its arguments, or use
    in backward what belongs to another forward.

    Exit status 0: no error was found; 1: a layer is wrong; 2: one could not be checked.
    """
    import math

    from actgrad.cli.exit import NOT_DONE, write_refusal
    from actgrad.cli.read import check_drawn, read_array
    from actgrad.cli.show import (
        at_work,
        check_answer,
        checks_answer,
        require_finding_names,
    )
    from actgrad.cli.write import Output
    from actgrad.layers.check import Report, examine, layer_texts, load_subject
    from actgrad.layers.errors import LayerRaisedError
    from actgrad.layers.printed import distinct_lines_on_stderr

    destination = Output(CheckFormat, form, output)
    ignored = ignore or []
    require_finding_names(ignored)
    sizes = parsed_shape(shape) if x is None else raw_shape(shape, x)
    given = None if x is None else read_array(x, "--x", dtype, sizes)
    if given is None and sizes is not None:
        check_drawn(math.prod(sizes))
    texts = [text for layer in layers for text in layer_texts(layer)]

    def report_on(text: str) -> Report:
        try:
            of_all = f", {texts.index(text) + 1} of {len(texts)}" if len(texts) > 1 else ""
            with at_work(f"checking {text}{of_all}"), distinct_lines_on_stderr():
                subject = load_subject(text)
                return examine(subject, given, dtype, formula, sizes).filtered(strict, ignored)
        except LayerRaisedError as error:
            if error.hint and error.hint.endswith("the shape of x"):
                error.hint += " with --shape, as --shape 2,3,8,8"
            raise

    reports: list[Report] = []
    refused: dict[str, Exception] = {}

    def page() -> str:
        # Imported for HTML only: it imports half of actgrad.
        from actgrad.cli.page import check_page

        return check_page(reports, refused)

    if texts == layers and len(texts) == 1:
        reports.append(report_on(texts[0]))
        destination.deliver(check_answer(reports[0]).with_text("html", page))
        return 0 if reports[0].ok else 1
    for text in texts:
        try:
            reports.append(report_on(text))
        except Exception as error:
            refused[text] = error
    destination.deliver(checks_answer(reports, refused).with_text("html", page))
    for refusal in refused.values():
        write_refusal(refusal)
    return NOT_DONE if refused else int(not all(report.ok for report in reports))
