"""The run that `actgrad forward` and `actgrad backward` share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from actgrad.cli.options import ArrayFormat
from actgrad.cli.read.source import opened
from actgrad.cli.read.stored import Repeated, at_rest, nbytes, whole
from actgrad.cli.write.answer import ArrayAnswer
from actgrad.cli.write.output import Output
from actgrad.layers import Layer, chain_of
from actgrad.layers.arrays import Array, named
from actgrad.layers.run import Source, blank, piecewise

#: Bytes above which an array is not read as a whole.
LARGE = 1 << 22
STDIN = "-"


def run(
    specs: Sequence[str],
    x: str,
    dout: str | None = None,
    *,
    backward: bool = False,
    dtype: str | None,
    form: str | None,
    output: Sequence[str] | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Run the layers forward on the ARRAY `x`, and back from `dout`; deliver the answer.

    Raises:
        ActgradError: a layer, an array or a file is refused.
    """
    destination = Output(ArrayFormat, form, output)
    chain = chain_of(specs)
    with ExitStack() as files:
        source = files.enter_context(opened(x, "--x", dtype))
        upstream = None
        if backward:
            if x == dout == STDIN:
                source = at_rest(source)
            upstream = _upstream(chain, source, dout, dtype, files)
        if nbytes(source) > LARGE and piecewise(chain, source, upstream):
            from actgrad.cli.write.streamed import StreamedRun

            streamed = StreamedRun(chain, source, upstream, named(dtype) if dtype else None)
            streamed.deliver(destination, threads, quiet)
            return
        gradient = None if upstream is None else whole(upstream, dtype)
        answer = run_in_memory(chain, whole(source, dtype), gradient)
    destination.deliver(answer)


def run_in_memory(chain: Layer, x: Array, dout: Array | None) -> ArrayAnswer:
    """Run the chain on x, and back from dout: x, what each layer keeps and puts out, out, …, dx.

    A 0-d dout stands for an array of out's shape.

    Raises:
        ShapeError: dout has another shape than out.
    """
    layers = tuple(map(str, chain.layers))
    if dout is None:
        return ArrayAnswer("forward", layers, chain.trace(x), "out")
    if not dout.ndim:
        dout = np.broadcast_to(dout, chain.out_shape(x.shape))
    return ArrayAnswer("backward", layers, chain.trace(x, dout), "dx")


def _upstream(
    chain: Layer, x: Source, dout: str | None, dtype: str | None, files: ExitStack
) -> Source:
    """The array that `--dout` stands for: without it ones, and of a single number copies."""
    if dout is None:
        value = np.ones((), blank(x, named(dtype) if dtype else None).dtype)
    else:
        source = files.enter_context(opened(dout, "--dout", dtype))
        if source.shape:
            return source
        value = whole(source, dtype)
    return Repeated(value, chain.out_shape(x.shape), x.order)
