"""`actgrad diagnose`: which units are dead or saturated, and where does the gradient vanish?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import (
    ARRAY,
    DiagnosisFormat,
    DiagnosisFormatOption,
    DiagnosisOutput,
    DtypeOption,
    Layers,
    Quiet,
    Scheduler,
    Threads,
    share_option,
)

if TYPE_CHECKING:
    from actgrad.layers.diagnose import NetworkDiagnosis, Thresholds


Share = str | None

SEVERAL = (
    "A folder, an archive, or a pattern such as 'acts/*.npy' names several; LAYER runs on each."
)
#: The option that sets each threshold.
LIMITS = {
    "dead": "--max-dead",
    "saturated": "--max-saturated",
    "constant": "--max-constant",
    "duplicate": "--max-duplicate",
    "dormant": "--max-dormant",
    "underflow": "--max-underflow",
    "gradient": "--min-gradient",
    "fall": "--max-fall",
    "total_fall": "--max-total-fall",
}


def show_rules(requested: bool) -> None:
    """Print the rules and exit."""
    if requested:
        from actgrad.layers.arrays import decimal
        from actgrad.layers.diagnose import FALL, RISE, RULES, UNREAD, Thresholds

        for rule in (*RULES, FALL, RISE, UNREAD):
            typer.echo(f"- {rule.name}: {rule.meaning}.")
            for threshold in rule.thresholds:
                default = getattr(Thresholds(), threshold)
                is_share = threshold not in {"gradient", "fall", "total_fall"}
                shown = f"{default:.0%}" if is_share else decimal(default)
                typer.echo(f"  {LIMITS[threshold]}: {shown}.")
            typer.echo(f"  Source: {rule.source}.")
        raise typer.Exit


def diagnose_run(
    layers: Layers,
    x: Annotated[
        str | None,
        typer.Option(
            "--x", metavar="ARRAY", help=f"The input, samples × units: {ARRAY}. {SEVERAL}"
        ),
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
    dx: Annotated[
        str | None,
        typer.Option(
            "--dx", metavar="ARRAY", help="The gradient downstream, of x's shape, if it was kept."
        ),
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
    shards: Annotated[
        bool, typer.Option("--shards", help="The several arrays are parts of one layer's.")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="Diagnose the array of this name only, and show its units.",
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            metavar="N",
            help="Show this step of a recording.",
            show_default="the last",
        ),
    ] = None,
    worst_first: Annotated[
        bool, typer.Option("--worst-first", help="List the layers with most findings first.")
    ] = False,
    max_dead: Annotated[
        Share, share_option("dead", "The share of dead units allowed", "10%")
    ] = None,
    max_saturated: Annotated[
        Share, share_option("saturated", "The share of saturated units allowed", "10%")
    ] = None,
    max_constant: Annotated[
        Share, share_option("constant", "The share of constant units allowed", "10%")
    ] = None,
    max_duplicate: Annotated[
        Share, share_option("duplicate", "The share of duplicate units allowed", "10%")
    ] = None,
    max_dormant: Annotated[
        Share, share_option("dormant", "The share of dormant units allowed", "10%")
    ] = None,
    max_underflow: Annotated[
        Share, share_option("underflow", "The share of gradients that may underflow", "5%")
    ] = None,
    min_gradient: Annotated[
        float | None,
        typer.Option(
            "--min-gradient", metavar="SIZE", help="The least mean |dx|.", show_default="1e-7"
        ),
    ] = None,
    max_fall: Annotated[
        float | None,
        typer.Option(
            "--max-fall",
            metavar="FACTOR",
            help="How |dx| may change a layer.",
            show_default="10",
        ),
    ] = None,
    max_total_fall: Annotated[
        float | None,
        typer.Option(
            "--max-total-fall",
            metavar="FACTOR",
            help="How |dx| may change from the last layer to the first.",
            show_default="1000",
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
    scheduler: Scheduler = None,
    dtype: DtypeOption = None,
    form: DiagnosisFormatOption = None,
    output: DiagnosisOutput = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> int:
    """Find dead and saturated units, and vanishing gradients.

    LAYER is a layer and --x its input, or a folder that record has made.

    The statistics of every unit are collected in one pass over its samples. Rules with names and
    thresholds tell what is wrong; zeros alone are no fault.

    Exit status 0: no rule fires; 1: one does; 2: it could not be diagnosed.
    """
    from functools import partial

    from actgrad.cli.diagnosed import ReadOptions, diagnosed
    from actgrad.cli.read import is_folder, layer_runs, notes_on_chain, read_recording
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
    numbers = {"gradient": min_gradient, "fall": max_fall, "total_fall": max_total_fall}
    thresholds = parsed_thresholds(limits, numbers)
    arrays = {"x": x, "out": out, "dout": dout, "dx": dx}
    if x is out is None and is_folder(layers):
        runs, notes = read_recording(layers[0], only)
    else:
        runs = layer_runs(layers, arrays, shards, only)
        notes = notes_on_chain(layers, runs)
    for note in [] if quiet else notes:
        typer.echo(f"actgrad: {note}", err=True)
    reading = ReadOptions(units, dtype, threads)
    network = diagnosed(runs, thresholds, reading, scheduler, quiet, step)
    if only is not None:
        network = network.only(only)
    if worst_first:
        ranked = sorted(network.layers, key=lambda layer: -len(layer.findings))
        network = network._replace(layers=ranked)
    page = partial(diagnosis_html, network, x or out or layers[0], only is not None)
    destination.deliver(diagnosis_answer(network, only is not None).with_text("html", page))
    return 0 if network.ok else 1


def diagnosis_html(network: NetworkDiagnosis, subject: str, is_detailed: bool) -> str:
    """The page of a diagnosis."""
    # Imported for HTML only: it imports plots and derivations.
    from actgrad.cli.page import diagnosis_page

    return diagnosis_page(network, subject, is_detailed)


def parsed_thresholds(
    limits: dict[str, str | None], numbers: dict[str, float | None]
) -> Thresholds:
    """The thresholds: the defaults, but for those that are given.

    Raises:
        ActgradError: a share is no number from 0 to 1, or a factor is not above 1.
    """
    from actgrad.layers import ActgradError
    from actgrad.layers.diagnose import Thresholds

    given: dict[str, float] = {}
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
    for name, number in numbers.items():
        if number is None:
            continue
        if name != "gradient" and not number > 1:
            raise ActgradError(f"{LIMITS[name]} {number} is no factor", "write a number above 1")
        given[name] = number
    return Thresholds(**given)
