"""`actgrad sample`: inputs at which kernels fail."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad.cli.completion import complete_layer
from actgrad.cli.options import (
    LAYER,
    ArrayFormat,
    ArrayFormatOption,
    ArrayOutput,
    Dtype,
    Histograms,
    parsed_shape,
)


def sample(
    layers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAYER...]",
            help=f"{LAYER}, to sample near its critical points.",
            show_default=False,
            autocompletion=complete_layer,
        ),
    ] = None,
    dtype: Annotated[
        Dtype, typer.Option("--dtype", metavar="DTYPE", help=f"The dtype: {', '.join(Dtype)}.")
    ] = Dtype.float32,
    every: Annotated[
        bool, typer.Option("--all", help="Give every bit pattern of an 8- or 16-bit dtype.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option("-n", "--count", metavar="N", help="How many numbers.", show_default="100000"),
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--shape", metavar="N,M,...", help="The array's shape.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Another seed draws other numbers.")
    ] = 0,
    plot: Histograms = False,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
) -> None:
    """Draw inputs that expose the errors of a kernel.

    They cover every binade of x and of the results, the neighbours of critical points, and the
    range from −12 to 12.
    """
    import math

    import numpy as np

    from actgrad.cli.exit import to_stderr
    from actgrad.cli.read import check_drawn
    from actgrad.cli.write import ArrayAnswer, Output
    from actgrad.layers import SampleError, chain_of
    from actgrad.layers.arrays import named
    from actgrad.layers.verify import draw_sample, every_number

    destination = Output(ArrayFormat, form, output)
    if plot:
        destination.require_table("--plot")
    sizes = parsed_shape(shape)
    room = None if sizes is None else math.prod(sizes)
    for number in (count, room):
        if number is not None:
            check_drawn(number)
    chain = chain_of(layers) if layers else None
    if every and (count is not None or layers):
        raise SampleError("--all gives every number for any layer", "leave out LAYER and -n")
    if every:
        x = every_number(named(dtype))
    else:
        wanted = count if count is not None else room or 100_000
        x = draw_sample(chain, named(dtype), wanted, seed)
        if count is not None and x.size < count:
            to_stderr(f"note: {dtype} has {x.size} numbers, repeated to make {count}")
            x = np.resize(x, count)
    if sizes is not None and room is not None:
        if room < x.size:
            raise SampleError(f"{x.size} numbers do not fit into --shape {shape}, which has {room}")
        if room > x.size:
            to_stderr(f"note: {x.size} numbers, repeated to fill {room} places")
        x = np.resize(x, sizes)
    names = tuple(map(str, chain.layers)) if chain else ()
    destination.deliver(ArrayAnswer("sample", names, {"x": x}, "x", plot))
