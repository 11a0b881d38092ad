"""`actgrad verify`: how many ULP is a kernel off, and where?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import (
    Bits,
    Dout,
    DtypeOption,
    Layers,
    Quiet,
    RawShape,
    VerificationFormat,
    VerificationFormatOption,
    VerificationOutput,
    X,
    parsed_shape,
    range_of,
)

if TYPE_CHECKING:
    from actgrad.cli.read import Encoding
    from actgrad.cli.show import VerifiedDump
    from actgrad.layers.verify import Policy

Limit = float | None

#: The option that sets each field of a policy.
OPTIONS = {
    "max_ulp": "--max-ulp",
    "max_abs": "--max-abs",
    "max_rel": "--max-rel",
    "within": "--range",
}


def verify_dump(
    layers: Layers,
    x: X,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="ARRAY", help="The kernel's result, of out's shape."),
    ] = None,
    dx: Annotated[
        str | None,
        typer.Option("--dx", metavar="ARRAY", help="The kernel's gradient, of x's shape."),
    ] = None,
    dout: Dout = None,
    dtype: DtypeOption = None,
    shape: RawShape = None,
    bits: Bits = False,
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
        typer.Option("--flush-subnormals", help="Allow 0 for subnormal inputs and results."),
    ] = False,
    keep_nan_payload: Annotated[
        bool,
        typer.Option("--keep-nan-payload", help="A nan must have its input's sign and payload."),
    ] = False,
    ignore_nan_payload: Annotated[
        bool, typer.Option("--ignore-nan-payload", help="The default.", hidden=True)
    ] = False,
    within: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW:HIGH", help="Verify only LOW ≤ x ≤ HIGH."),
    ] = None,
    monotonic: Annotated[
        bool,
        typer.Option("--monotonic", help="out must rise and fall only where the layer does."),
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", help="Write the worst elements to FILE, as .csv or .json."
        ),
    ] = None,
    form: VerificationFormatOption = None,
    output: VerificationOutput = None,
    quiet: Quiet = False,
) -> int:
    """Measure the error of a kernel's results in ULP.

    Every element is compared with the correctly rounded value. The report says how large the
    errors are, where along x they are, and what may cause them.

    Exit status 0: all errors are within the limits; 1: one is not; 2: it could not be verified.
    """
    from actgrad.cli.read import Encoding
    from actgrad.cli.show import verification_answer
    from actgrad.cli.write import Output
    from actgrad.layers import Policy, PolicyError

    destinations = [Output(VerificationFormat, form, output)]
    if report is not None:
        destinations.insert(0, Output(report_formats(report), None, [report]))
    span = None if within is None else range_of(within)
    if within is not None and span is None:
        raise PolicyError(OPTIONS["within"], f"{within} is not LOW:HIGH", "such as --range -3:3")
    limits = (max_ulp, max_abs, max_rel)
    ignore = ignore_nan_payload or not keep_nan_payload
    try:
        policy = Policy(*limits, flush_subnormals, ignore, span, monotonic).checked()
    except PolicyError as error:
        raise PolicyError(OPTIONS[error.field], error.problem) from None
    encoding = Encoding(dtype, parsed_shape(shape) if shape else None, bits)
    dump = verified(layers, {"x": x, "out": out, "dout": dout, "dx": dx}, encoding, policy, quiet)
    for destination in destinations:
        destination.deliver(verification_answer(dump))
    return 0 if dump.verification.ok else 1


def report_formats(file: str) -> tuple[str, str]:
    """The formats of `--report`.

    Raises:
        OutputError: the suffix of the file names neither.
    """
    from actgrad.cli.answer import OutputError

    if not file.lower().endswith((".csv", ".json")):
        raise OutputError(f"--report {file}: its suffix names no format", "use .csv or .json")
    return "csv", "json"


def verified(
    specs: list[str],
    arguments: dict[str, str | None],
    encoding: Encoding,
    policy: Policy,
    quiet: bool,
) -> VerifiedDump:
    """Verify the dump in the ARRAYs `arguments`, by their names; None is not given.

    Raises:
        ActgradError: an array cannot be read, does not fit x, or is another array of the run.
    """
    import math
    from contextlib import ExitStack

    from actgrad.cli.read import Dump, nbytes
    from actgrad.cli.show import Bar, VerifiedDump
    from actgrad.layers import ActgradError, chain_of
    from actgrad.layers.verify import WRONG_ARRAY, Verification

    if arguments["out"] is None and arguments["dx"] is None:
        raise ActgradError("there is nothing to verify", "give --out, --dx or both")
    chain = chain_of(specs)
    with ExitStack() as files:
        dump = Dump(chain, arguments, encoding, files)
        if not math.prod(dump.shapes["x"]):
            raise ActgradError(f"--x {arguments['x']} has no elements to verify")
        verification = Verification(chain, dump.dtype, policy)
        bar, done = files.enter_context(Bar(sum(map(nbytes, dump.sources.values())), quiet)), 0
        for block in dump.blocks():
            verification.add(block)
            done += block.x.size
            bar(done / math.prod(dump.shapes["x"]))
    causes = verification.likely_causes
    for name, (cause, _) in causes.items():
        tally = verification.tallies[name]
        if cause.startswith(WRONG_ARRAY) and tally.failed > tally.count / 2:
            held = cause.removeprefix(WRONG_ARRAY).strip()
            raise ActgradError(f"--{name} {arguments[name]} is the wrong array: it holds {held}")
    return VerifiedDump(verification, causes, dump.indices)
