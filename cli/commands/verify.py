"""`actgrad verify`: how many ULP is that kernel off, and where?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import (
    FORMAT,
    Dout,
    Dtype,
    Layers,
    Quiet,
    VerificationFormat,
    X,
    file_option,
)

if TYPE_CHECKING:
    from actgrad.cli.show.verification import Found
    from actgrad.layers import Policy

Limit = float | None


def verify(
    layers: Layers,
    x: X,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="ARRAY", help="What the kernel gave, of out's shape."),
    ] = None,
    dx: Annotated[
        str | None,
        typer.Option("--dx", metavar="ARRAY", help="The gradient that it gave, of x's shape."),
    ] = None,
    dout: Dout = None,
    dtype: Annotated[
        Dtype | None, typer.Option("--dtype", help="Cast all arrays to this dtype first.")
    ] = None,
    max_ulp: Annotated[
        Limit,
        typer.Option(
            "--max-ulp",
            metavar="ULP",
            help="The error allowed, in units in the last place.",
            show_default="1 without another limit",
        ),
    ] = None,
    max_abs: Annotated[
        Limit,
        typer.Option("--max-abs", metavar="SIZE", help="The absolute error allowed, in addition."),
    ] = None,
    max_rel: Annotated[
        Limit,
        typer.Option("--max-rel", metavar="SIZE", help="The relative error allowed, in addition."),
    ] = None,
    flush_subnormals: Annotated[
        bool,
        typer.Option(
            "--flush-subnormals", help="Subnormal inputs, results or both may count as 0."
        ),
    ] = False,
    ignore_nan_payload: Annotated[
        bool,
        typer.Option(
            "--ignore-nan-payload/--keep-nan-payload",
            help="Whether one nan is as good as another, or must be the input's own.",
        ),
    ] = True,
    within: Annotated[
        str | None,
        typer.Option("--range", metavar="LO,HI", help="Judge only where x lies between these."),
    ] = None,
    monotonic: Annotated[
        bool, typer.Option("--monotonic", help="out must not fall where the layer does not.")
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", help="Write the worst elements to FILE, as .csv or .json."
        ),
    ] = None,
    form: Annotated[VerificationFormat | None, FORMAT] = None,
    output: Annotated[list[str] | None, file_option(".json, .csv, .md or .txt")] = None,
    quiet: Quiet = False,
) -> int:
    """Hold a kernel's results against the exact truth: how far off are they, and where?

    Exit status 0: every element keeps the limits; 1: one does not; 2: it could not be verified.
    """
    from actgrad.cli.show.verification import answer
    from actgrad.cli.write import Output
    from actgrad.layers import Policy

    destinations = [Output(VerificationFormat, form, output)]
    if report is not None:
        destinations.insert(0, Output(worst_elements(report), None, [report]))
    policy = Policy(
        max_ulp, max_abs, max_rel, flush_subnormals, ignore_nan_payload, span(within), monotonic
    )
    found = judged(layers, {"x": x, "out": out, "dout": dout, "dx": dx}, dtype, policy, quiet)
    for destination in destinations:
        destination.deliver(answer(found))
    return 0 if found.ok else 1


def worst_elements(report: str) -> tuple[str, str]:
    """The formats that `--report` has.

    Raises:
        OutputError: the suffix of the file names neither.
    """
    from actgrad.cli.write import OutputError

    if not report.lower().endswith((".csv", ".json")):
        raise OutputError(f"--report {report}: its suffix names no format", "use .csv or .json")
    return "csv", "json"


def span(text: str | None) -> tuple[float, float] | None:
    """`-3,3` as the range of x that is judged.

    Raises:
        PolicyError: it is none.
    """
    from actgrad.layers.verify import PolicyError

    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise PolicyError(f"--range {text} is no range", "write it as --range -3,3") from None
    return low, high


def judged(
    specs: list[str],
    arguments: dict[str, str | None],
    dtype: str | None,
    policy: Policy,
    quiet: bool,
) -> Found:
    """Everything that verifying the dumps found out.

    Raises:
        ActgradError: a dump cannot be read, does not fit x, or holds another array.
    """
    import math
    from contextlib import ExitStack

    from actgrad.cli.read import Dump, nbytes
    from actgrad.cli.show import Bar
    from actgrad.cli.show.verification import Found
    from actgrad.layers import ActgradError, Verification, chain_of
    from actgrad.layers.verify import WRONG_ARRAY

    if arguments["out"] is None and arguments["dx"] is None:
        raise ActgradError("there is nothing to verify", "give --out, --dx or both")
    chain = chain_of(specs)
    with ExitStack() as files:
        dump = Dump(chain, arguments, dtype, files)
        verification = Verification(chain, dump.dtype, policy)
        bar, done = files.enter_context(Bar(sum(map(nbytes, dump.sources.values())), quiet)), 0
        for block in dump.blocks():
            verification.add(block)
            done += block.x.size
            bar(done / math.prod(dump.shapes["x"]))
    found = Found(verification, verification.guesses, dump.indices)
    for name, guess in found.guesses.items():
        tally = verification.tallies[name]
        if guess.cause.startswith(WRONG_ARRAY) and tally.failed > tally.count / 2:
            raise ActgradError(
                f"--{name} {arguments[name]} is the wrong array: it holds {guess.cause.split()[-1]}"
            )
    return found
