"""`actgrad verify`: how many ULP is a kernel off, and where?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from actgrad.cli.options import (
    ARRAY,
    Bits,
    Device,
    Dout,
    Dtype,
    DtypeOption,
    Jit,
    Layers,
    OverflowOption,
    Quiet,
    RawShape,
    VerificationFormat,
    VerificationFormatOption,
    VerificationOutput,
    parsed_shape,
    range_of,
)

if TYPE_CHECKING:
    from actgrad.cli.read import Encoding
    from actgrad.cli.show import VerifiedDump
    from actgrad.layers.verify import Attempt, Policy

Limit = float | None
#: The numbers at which --try computes without --x.
SAMPLE = 20_000
#: The numbers at which --run computes without --x.
SAMPLE_TO_RUN = 100_000

#: The option that sets each field of a policy.
OPTIONS = {
    "max_ulp": "--max-ulp",
    "max_abs": "--max-abs",
    "max_rel": "--max-rel",
    "within": "--range",
    "like": "--like",
}


def verify_dump(
    layers: Layers,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="ARRAY",
            help=f"The input: {ARRAY}. With --run or --try, a sample is drawn without it.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="ARRAY", help="The kernel's result, of out's shape."),
    ] = None,
    dx: Annotated[
        str | None,
        typer.Option("--dx", metavar="ARRAY", help="The kernel's gradient, of x's shape."),
    ] = None,
    d2x: Annotated[
        str | None,
        typer.Option(
            "--d2x", metavar="ARRAY", help="The kernel's second derivative, dout·∂²out/∂x²."
        ),
    ] = None,
    dout: Dout = None,
    dtype: DtypeOption = None,
    shape: RawShape = None,
    bits: Bits = False,
    overflow: OverflowOption = None,
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
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            metavar="PRESET",
            help="The limits of torch.testing.assert_close (torch), or of WebNN's tests (webnn).",
        ),
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
    keep_zero_sign: Annotated[
        bool, typer.Option("--keep-zero-sign", help="A 0 must have the sign of the exact value.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Conventions count: the signs of 0, the slopes at kinks, nan or 0."
        ),
    ] = False,
    within: Annotated[
        str | None,
        typer.Option("--range", metavar="LOW:HIGH", help="Verify only LOW ≤ x ≤ HIGH."),
    ] = None,
    monotonic: Annotated[
        bool,
        typer.Option("--monotonic", help="out must rise and fall only where the layer does."),
    ] = False,
    tries: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="LAYER",
            help="Compute this expression or layer step by step in the dtype, instead of reading"
            " --out and --dx. Repeatable; the best comes first.",
        ),
    ] = None,
    accumulate: Annotated[
        Dtype | None,
        typer.Option(
            "--accumulate", metavar="DTYPE", help="Round the steps of --try to this dtype."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="TARGET",
            help="Run this kernel, instead of reading --out and --dx: torch, jax, onnxruntime,"
            " numpy or scipy, or one of your own as file.py:function, file.py:Class or"
            " module:function.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --run, every number of an 8- or 16-bit dtype as x.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            metavar="N",
            min=1,
            help="With --run or --try, how many numbers are drawn as x.",
            show_default=f"{SAMPLE_TO_RUN} with --run, {SAMPLE} with --try",
        ),
    ] = None,
    device: Device = None,
    jit: Jit = False,
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
    from functools import partial

    from actgrad.cli.read import Encoding
    from actgrad.cli.show import attempts_answer, verification_answer
    from actgrad.cli.write import Output
    from actgrad.layers import ActgradError, Policy, PolicyError

    destinations = [Output(VerificationFormat, form, output)]
    if report is not None:
        destinations.insert(0, Output(report_formats(report), None, [report]))
    span = None if within is None else range_of(within)
    if within is not None and span is None:
        raise PolicyError(OPTIONS["within"], f"{within} is not LOW:HIGH", "such as --range -3:3")
    limits = (max_ulp, max_abs, max_rel)
    ignore = ignore_nan_payload or not keep_nan_payload
    try:
        policy = Policy(
            *limits,
            flush_subnormals,
            ignore,
            span,
            monotonic,
            keep_zero_sign or strict,
            overflow,
            strict,
            like,
        ).checked()
    except PolicyError as error:
        raise PolicyError(OPTIONS[error.field], error.problem) from None
    encoding = Encoding(dtype, parsed_shape(shape), bits)
    if tries:
        attempts = tried_ways(layers, tries, x, dout, encoding, accumulate, policy, count or SAMPLE)
        for destination in destinations:
            page = partial(attempts_html, attempts)
            destination.deliver(attempts_answer(attempts).with_text("html", page))
        return 0 if attempts[0].verification.ok else 1
    arguments = {"x": x, "out": out, "dout": dout, "dx": dx, "d2x": d2x}
    given = {
        name: value
        for name, value in {"--all": every, "--device": device, "--jit": jit, "-n": count}.items()
        if value
    }
    if target is not None:
        from actgrad.cli.kernel import KernelOptions, verified_run

        drawn = None if every else count or SAMPLE_TO_RUN
        kernel = KernelOptions(target, drawn, device, jit)
        dump = verified_run(layers, kernel, arguments, encoding, policy)
    elif given:
        raise ActgradError(f"{next(iter(given))} needs --run", "--run TARGET runs a kernel")
    elif x is None or accumulate:
        missing = "--accumulate needs --try" if x else "verify needs --x"
        raise ActgradError(missing, "or --run with a kernel, or --try with a way to compute it")
    else:
        dump = verified(layers, arguments, encoding, policy, quiet)
    for destination in destinations:
        page = partial(verification_html, dump)
        destination.deliver(verification_answer(dump).with_text("html", page))
    return 0 if dump.verification.ok else 1


def attempts_html(attempts: list[Attempt]) -> str:
    """The page of the attempts."""
    # Imported for HTML only: it imports plots and derivations.
    from actgrad.cli.page import attempts_page

    return attempts_page(attempts)


def verification_html(dump: VerifiedDump) -> str:
    """The page of a dump."""
    from actgrad.cli.page import verification_page

    return verification_page(dump)


def report_formats(file: str) -> tuple[str, str]:
    """The formats of `--report`.

    Raises:
        OutputError: the suffix of the file names neither.
    """
    from actgrad.cli.answer import OutputError

    if not file.lower().endswith((".csv", ".json")):
        raise OutputError(f"--report {file}: its suffix names no format", "use .csv or .json")
    return "csv", "json"


def tried_ways(
    specs: list[str],
    ways: list[str],
    x: str | None,
    dout: str | None,
    encoding: Encoding,
    accumulate: str | None,
    policy: Policy,
    count: int,
) -> list[Attempt]:
    """Compute the layers in each of the ways, at x or at a sample; the best comes first.

    Raises:
        ActgradError: a layer or an array is refused.
    """
    import numpy as np

    from actgrad.cli.read import in_memory, open_array
    from actgrad.layers import ShapeError, any_layer, chain_of
    from actgrad.layers.arrays import named
    from actgrad.layers.casting import in_dtype
    from actgrad.layers.verify import draw_sample, tried

    chain = chain_of(specs)
    if x is None:
        given = draw_sample(chain, named(encoding.dtype or "float32"), count)
        with np.errstate(invalid="ignore"):
            given = given[np.isfinite(given)]
    else:
        with open_array(x, "--x", encoding) as array:
            given = in_memory(array, encoding.dtype)
    upstream = np.ones((), given.dtype)
    if dout is not None:
        with open_array(dout, "--dout", encoding) as array:
            upstream = in_dtype(in_memory(array, encoding.dtype), given.dtype)
    try:
        upstream = np.broadcast_to(upstream, given.shape)
    except ValueError:
        raise ShapeError(f"--dout has shape {upstream.shape}, but x has {given.shape}") from None
    return tried(
        chain,
        [any_layer(way) for way in ways],
        given.ravel(),
        upstream.ravel(),
        accumulate=named(accumulate) if accumulate else None,
        policy=policy,
    )


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
    from actgrad.layers.casting import overflow
    from actgrad.layers.verify import WRONG_ARRAY, Verification

    if all(arguments[name] is None for name in ("out", "dx", "d2x")):
        raise ActgradError("there is nothing to verify", "give --out, --dx or --d2x")
    chain = chain_of(specs)
    with ExitStack() as files:
        dump = Dump(chain, arguments, encoding, files)
        files.enter_context(overflow(policy.overflow, dump.dtype))
        if not math.prod(dump.shapes["x"]):
            raise ActgradError(f"--x {arguments['x']} has no elements to verify")
        verification = Verification(chain, dump.dtype, policy)
        bar, done = files.enter_context(Bar(sum(map(nbytes, dump.sources.values())), quiet)), 0
        for block in dump.blocks():
            verification.add(block)
            done += block.x.size
            bar(done / math.prod(dump.shapes["x"]))
    causes = verification.likely_causes
    for name, likely in causes.items():
        tally = verification.tallies[name]
        if likely.cause.startswith(WRONG_ARRAY) and tally.failed > tally.count / 2:
            held = likely.cause.removeprefix(WRONG_ARRAY).strip()
            raise ActgradError(f"--{name} {arguments[name]} is the wrong array: it holds {held}")
    return VerifiedDump(verification, causes, dump.indices)
