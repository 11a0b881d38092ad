"""`actgrad verify`: how many ULP is a kernel off, and where?"""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_target
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
    Scheduler,
    VerificationFormatOption,
    VerificationOutput,
    raw_shape,
)

Limit = float | None
#: The numbers at which --try computes without --x.
SAMPLE = 20_000
#: The numbers at which --run computes without --x.
SAMPLE_TO_RUN = 100_000


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
            autocompletion=complete_target,
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
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> int:
    """Measure the error of a kernel's results in ULP.

    Every element is compared with the correctly rounded value. The report says how large the
    errors are, where along x they are, and what may cause them.

    Exit status 0: all errors are within the limits; 1: one is not; 2: it could not be verified.
    """
    from actgrad.cli.pattern import is_pattern
    from actgrad.cli.read import Encoding
    from actgrad.cli.verify import Destinations, stated_policy
    from actgrad.layers import ActgradError, Policy

    if scheduler is not None and not is_pattern(x or ""):
        raise ActgradError("--scheduler needs several files", "--x 'x-*.npy' --out 'out-*.npy'")
    destinations = Destinations(form, output, report)
    policy = Policy(
        max_ulp,
        max_abs,
        max_rel,
        flush_subnormals,
        ignore_nan_payload or not keep_nan_payload,
        monotonic=monotonic,
        keep_zero_sign=keep_zero_sign or strict,
        overflow=overflow,
        keep_conventions=strict,
        like=like,
    )
    policy = stated_policy(policy, within)
    encoding = Encoding(dtype, raw_shape(shape, x, out, dx, d2x, dout), bits)
    if tries:
        from actgrad.cli.verify import tried_ways

        attempts = tried_ways(layers, tries, x, dout, encoding, accumulate, policy, count or SAMPLE)
        return destinations.deliver_attempts(attempts)
    arguments = {"x": x, "out": out, "dout": dout, "dx": dx, "d2x": d2x}
    if target is not None:
        from actgrad.cli.verify import KernelOptions, verified_run

        drawn = None if every else count or SAMPLE_TO_RUN
        kernel = KernelOptions(target, drawn, device, jit)
        dump = verified_run(layers, kernel, arguments, encoding, policy)
        return destinations.deliver_dump(dump)
    for option, value, needed in (
        ("--all", every, "--run TARGET"),
        ("--device", device, "--run TARGET"),
        ("--jit", jit, "--run TARGET"),
        ("-n", count, "--run TARGET or --try LAYER"),
        ("--accumulate", accumulate, "--try LAYER"),
    ):
        if value:
            raise ActgradError(f"{option} needs {needed}")
    if x is None:
        hint = "or --run with a kernel, or --try with a way to compute it"
        raise ActgradError("verify needs --x", hint)
    if out is dx is d2x is None:
        raise ActgradError("there is nothing to verify", "give --out, --dx or --d2x")
    if is_pattern(x):
        from actgrad.cli.verify import verified_files

        dump = verified_files(layers, arguments, encoding, policy, scheduler, quiet)
    else:
        from actgrad.cli.verify import verified

        dump = verified(layers, arguments, encoding, policy, quiet)
    return destinations.deliver_dump(dump)
