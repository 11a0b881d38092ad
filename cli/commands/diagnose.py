"""`actgrad diagnose`: which units are dead or saturated, and where does the gradient vanish?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from actgrad.cli.options import (
    ARRAY,
    DiagnosisFormat,
    DiagnosisFormatOption,
    DiagnosisOutput,
    DtypeOption,
    Layers,
    Quiet,
    Threads,
)

if TYPE_CHECKING:
    from actgrad.layers.diagnose import Diagnosis, Thresholds


def limit(name: str, what: str, default: str) -> Any:
    """The option `--max-NAME` of a rule's threshold."""
    return typer.Option(
        f"--max-{name}", metavar="SHARE", help=f"{what}, such as 10% or 0.1.", show_default=default
    )


Share = str | None

#: The option that sets each threshold.
LIMITS = {
    "dead": "--max-dead",
    "saturated": "--max-saturated",
    "constant": "--max-constant",
    "duplicate": "--max-duplicate",
    "dormant": "--max-dormant",
    "underflow": "--max-underflow",
    "gradient": "--min-gradient",
}


def show_rules(requested: bool) -> None:
    """Print the rules and exit."""
    if requested:
        from actgrad.layers.diagnose import RULES, Thresholds

        for rule in RULES:
            typer.echo(f"- {rule.name}: {rule.meaning}.")
            if rule.threshold:
                default = getattr(Thresholds(), rule.threshold)
                shown = f"{default:.0%}" if rule.threshold != "gradient" else f"{default:g}"
                typer.echo(f"  {LIMITS[rule.threshold]}: {shown}.")
            typer.echo(f"  Source: {rule.source}.")
        raise typer.Exit


def diagnose(
    layers: Layers,
    x: Annotated[
        str | None,
        typer.Option("--x", metavar="ARRAY", help=f"The input, samples × units: {ARRAY}."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="ARRAY", help="The output, where x is not known and out suffices."
        ),
    ] = None,
    dout: Annotated[
        str | None,
        typer.Option("--dout", metavar="ARRAY", help="The gradient from upstream, of x's shape."),
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(
            "--units",
            metavar="AXIS",
            help="The axis that holds the units; the others count samples.",
            show_default="the last of 2 or 3 axes, 1 of more",
        ),
    ] = None,
    max_dead: Annotated[Share, limit("dead", "The share of dead units allowed", "10%")] = None,
    max_saturated: Annotated[
        Share, limit("saturated", "The share of saturated units allowed", "10%")
    ] = None,
    max_constant: Annotated[
        Share, limit("constant", "The share of constant units allowed", "10%")
    ] = None,
    max_duplicate: Annotated[
        Share, limit("duplicate", "The share of duplicate units allowed", "10%")
    ] = None,
    max_dormant: Annotated[
        Share, limit("dormant", "The share of dormant units allowed", "10%")
    ] = None,
    max_underflow: Annotated[
        Share, limit("underflow", "The share of gradients that may underflow", "5%")
    ] = None,
    min_gradient: Annotated[
        float | None,
        typer.Option(
            "--min-gradient", metavar="SIZE", help="The least mean |dx|.", show_default="1e-7"
        ),
    ] = None,
    rules: Annotated[
        bool,
        typer.Option(
            "--rules",
            callback=show_rules,
            is_eager=True,
            help="List the rules, their thresholds and their sources.",
        ),
    ] = False,
    dtype: DtypeOption = None,
    form: DiagnosisFormatOption = None,
    output: DiagnosisOutput = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> int:
    """Find dead and saturated units, and vanishing gradients.

    The statistics of every unit are collected in one pass over its samples. Rules with names and
    thresholds tell what is wrong; zeros alone are no fault.

    Exit status 0: no rule fires; 1: one does; 2: it could not be diagnosed.
    """
    from actgrad.cli.show import diagnosis_answer
    from actgrad.cli.write import Output

    destination = Output(DiagnosisFormat, form, output)
    limits = {
        "dead": max_dead,
        "saturated": max_saturated,
        "constant": max_constant,
        "duplicate": max_duplicate,
        "dormant": max_dormant,
        "underflow": max_underflow,
    }
    thresholds = parsed_thresholds(limits, min_gradient)
    arrays = {"x": x, "out": out, "dout": dout}
    diagnosis = diagnosed(layers, arrays, units, thresholds, dtype, threads, quiet)
    destination.deliver(diagnosis_answer(diagnosis))
    return 0 if diagnosis.ok else 1


def parsed_thresholds(limits: dict[str, str | None], gradient: float | None) -> Thresholds:
    """The thresholds: the defaults, but for those that are given.

    Raises:
        ActgradError: a share is no number from 0 to 1.
    """
    from actgrad.layers import ActgradError
    from actgrad.layers.diagnose import Thresholds

    given = {}
    for name, text in limits.items():
        if text is None:
            continue
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1
        if not 0 <= share <= 1:
            raise ActgradError(f"--max-{name} {text} is no share", "write it as 10% or 0.1")
        given[name] = share
    if gradient is not None:
        given["gradient"] = gradient
    return Thresholds(**given)


def diagnosed(
    specs: list[str],
    arguments: dict[str, str | None],
    axis: int | None,
    thresholds: Thresholds,
    dtype: str | None,
    threads: int | None,
    quiet: bool,
) -> Diagnosis:
    """Diagnose the layers from the ARRAYs `arguments`, by their names; None is not given.

    Raises:
        ActgradError: an array cannot be read or does not fit, or x and out are not one of two.
    """
    from contextlib import ExitStack

    from actgrad.cli.read import Encoding, nbytes, open_array, random_access
    from actgrad.cli.show import Bar
    from actgrad.layers import ActgradError, chain_of
    from actgrad.layers.arrays import named
    from actgrad.layers.diagnose import diagnose_layer

    if (arguments["x"] is None) == (arguments["out"] is None):
        raise ActgradError("diagnose needs --x or --out, one of the two", "--x tells more")
    chain = chain_of(specs)
    with ExitStack() as files:
        sources = {
            name: random_access(
                files.enter_context(open_array(argument, f"--{name}", Encoding(dtype)))
            )
            for name, argument in arguments.items()
            if argument is not None
        }
        bar = files.enter_context(Bar(sum(map(nbytes, sources.values())), quiet))
        cast = named(dtype) if dtype else None
        return diagnose_layer(
            chain, sources, axis, thresholds, dtype=cast, threads=threads, progress=bar
        )
