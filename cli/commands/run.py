"""Forward and backward as the command line runs them: in memory, or past it where that is large."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from actgrad.cli.options import Format
from actgrad.cli.read.source import opened
from actgrad.cli.read.stored import Repeated, at_rest, nbytes, whole
from actgrad.cli.write.answer import run_backward, run_forward
from actgrad.cli.write.output import STDOUT, deliver
from actgrad.layers import Chain, layer
from actgrad.layers.arrays import named
from actgrad.layers.run import Source, blank, piecewise

#: Bytes above which an array is not read as a whole.
LARGE = 1 << 22


def run(
    specs: Sequence[str],
    x: str,
    dout: str | None = None,
    *,
    backward: bool = False,
    dtype: str | None,
    form: Format | None,
    output: Sequence[str] | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Run the layers forward on the ARRAY `x`, and back from `dout`; deliver the answer.

    Raises what the readers, the layers and the writers raise.
    """
    chain = Chain([layer(spec) for spec in specs])
    with ExitStack() as files:
        given = files.enter_context(opened(x, "--x", dtype))
        upstream = None
        if backward:
            if x == dout == STDOUT:
                given = at_rest(given)
            upstream = _upstream(chain, given, dout, dtype, files)
        if nbytes(given) > LARGE and piecewise(chain, given, upstream):
            from actgrad.cli.write.streamed import Flow

            flow = Flow(chain, given, upstream, named(dtype) if dtype else None)
            flow.deliver(form, output or [], threads, quiet)
            return
        array = whole(given, dtype)
        answer = (
            run_forward(chain, array)
            if upstream is None
            else run_backward(chain, array, whole(upstream, dtype))
        )
    deliver(answer, form, output)


def _upstream(
    chain: Chain, x: Source, dout: str | None, dtype: str | None, files: ExitStack
) -> Source:
    """What `--dout` stands for: ones if it is not given, and a single number for an array of it."""
    if dout is None:
        value = np.ones((), blank(x, named(dtype) if dtype else None).dtype)
    else:
        found = files.enter_context(opened(dout, "--dout", dtype))
        if found.shape:
            return found
        value = whole(found, dtype)
    return Repeated(value, chain.out_shape(x.shape), x.order)
