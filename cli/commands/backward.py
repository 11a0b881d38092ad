"""`actgrad backward`: the gradient that a layer passes on, and the run that `forward` shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actgrad.cli.options import (
    ArrayFormat,
    ArrayFormatOption,
    ArrayOutput,
    Bits,
    Dout,
    DtypeOption,
    Layers,
    Order,
    Quiet,
    RawShape,
    Threads,
    X,
    parsed_shape,
)

if TYPE_CHECKING:
    from actgrad.cli.read import Encoding
    from actgrad.cli.write import ArrayAnswer
    from actgrad.layers import Layer
    from actgrad.layers.arrays import Array
    from actgrad.layers.run import Source

#: Bytes above which an array is not read as a whole.
LARGE = 1 << 22
STDIN = "-"


def backward(
    layers: Layers,
    x: X,
    dout: Dout = None,
    order: Order = 1,
    dtype: DtypeOption = None,
    shape: RawShape = None,
    bits: Bits = False,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run a layer, or a chain, forward on x and back from dout.

    The answer is that of forward, then dout = ∂L/∂out and dx = ∂L/∂x, and d2x with --order 2.
    """
    from actgrad.cli.read import Encoding

    encoding = Encoding(dtype, parsed_shape(shape), bits)
    run_layers(layers, x, dout, order, encoding, form, output, threads, quiet)


def run_layers(
    specs: Sequence[str],
    x: str,
    dout: str | None,
    order: int,
    encoding: Encoding,
    form: str | None,
    output: Sequence[str] | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Run the layers forward on the ARRAY `x`, and back from `dout`; deliver the answer.

    `order` 0 is forward alone, 1 has dx, and 2 has dx and d2x, with all arrays in memory.

    Raises:
        ActgradError: a layer, an array or a file is refused.
    """
    from contextlib import ExitStack
    from math import prod

    import numpy as np

    from actgrad.cli.read import in_memory, open_array
    from actgrad.cli.show import distinct_lines_on_stderr
    from actgrad.cli.write import Output
    from actgrad.layers import chain_of
    from actgrad.layers.arrays import named

    destination, dtype = Output(ArrayFormat, form, output), encoding.dtype
    with distinct_lines_on_stderr():
        chain = chain_of(specs)
    with ExitStack() as files:
        given: Array | Source = files.enter_context(open_array(x, "--x", encoding))
        upstream: Array | Source | None = None
        if order and dout is not None:
            if x == dout == STDIN and not isinstance(given, np.ndarray):
                # Standard input may hold both arrays, one after the other, and is read once.
                from actgrad.cli.read import random_access

                given = random_access(given)
            upstream = files.enter_context(open_array(dout, "--dout", encoding))
            if not upstream.shape:
                upstream = in_memory(upstream, dtype)
        elif order:
            upstream = np.ones((), given.dtype.newbyteorder("="))
        if order < 2 and prod(given.shape) * given.dtype.itemsize > LARGE:
            from actgrad.cli.write import streamed_run

            streamed = streamed_run(chain, given, upstream, named(dtype) if dtype else None)
            if streamed is not None:
                streamed.deliver(destination, threads, quiet)
                note_undefined(chain)
                return
        gradient = None if upstream is None else in_memory(upstream, dtype)
        array = in_memory(given, dtype)
        with distinct_lines_on_stderr():
            answer = run_in_memory(chain, array, gradient)
        if order == 2:
            answer = with_second_order(answer, chain)
    note_undefined(chain)
    destination.deliver(answer)


def with_second_order(answer: ArrayAnswer, chain: Layer) -> ArrayAnswer:
    """The answer with d2x too; a note on stderr names the first x at a kink.

    Raises:
        ShapeError: a layer of the chain works along an axis.
    """
    import numpy as np

    from actgrad.cli.exit import to_stderr
    from actgrad.layers.arrays import decimal
    from actgrad.layers.explain import Derivative

    derivative = Derivative(chain)
    x = answer.arrays["x"]
    slopes = derivative.forward(x)
    d2x = derivative.backward(np.asarray(answer.arrays["dout"], slopes.dtype))
    for kink in derivative.kinks:
        if np.any(x == kink):
            to_stderr(f"note: {chain} has a kink at x = {decimal(kink)}, so d2x is 0 there")
    return answer._replace(arrays={**answer.arrays, "d2x": d2x})


def note_undefined(chain: Layer) -> None:
    """Say on stderr where a layer met an x outside the domain of its function."""
    from actgrad.cli.exit import to_stderr
    from actgrad.layers.arrays import decimal

    for prefix, layer in chain.named():
        for name, x in layer.undefined.items():
            lacking = "value" if name == "out" else "gradient"
            where = f"at x = {decimal(x)}, so {prefix}{name} is nan there"
            to_stderr(f"note: {layer.name} has no {lacking} {where}")


def run_in_memory(chain: Layer, x: Array, dout: Array | None) -> ArrayAnswer:
    """Run the chain on x, and back from dout; return every array by its name, as it is shown.

    A 0-d dout stands for an array of out's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    import numpy as np

    from actgrad.cli.write import ArrayAnswer

    layers = tuple(map(str, chain.layers))
    if dout is None:
        return ArrayAnswer("forward", layers, chain.trace(x), "out")
    if not dout.ndim:
        dout = np.broadcast_to(dout, chain.out_shape(x.shape))
    return ArrayAnswer("backward", layers, chain.trace(x, dout), "dx")
