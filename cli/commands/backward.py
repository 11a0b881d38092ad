"""`actgrad backward`: the gradient that a layer passes on, and the run that `forward` shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from actgrad.cli.options import (
    ArrayFormat,
    ArrayFormatOption,
    ArrayOutput,
    Bits,
    Dout,
    DtypeOption,
    Histograms,
    Layers,
    Order,
    OverflowOption,
    Quiet,
    RawShape,
    Scheduler,
    Threads,
    X,
    raw_shape,
)

if TYPE_CHECKING:
    from actgrad.cli.read import Encoding
    from actgrad.cli.write import ArrayAnswer
    from actgrad.layers import Layer
    from actgrad.layers.arrays import Array
    from actgrad.layers.casting import Overflow
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
    overflow: OverflowOption = None,
    plot: Histograms = False,
    form: ArrayFormatOption = None,
    output: ArrayOutput = None,
    threads: Threads = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """Run a layer, or a chain, forward on x and back from dout.

    The answer is that of forward, then dout = ∂L/∂out and dx = ∂L/∂x, and d2x with --order 2.
    """
    from actgrad.cli.read import Encoding

    encoding = Encoding(dtype, raw_shape(shape, x, dout), bits, threads=threads)
    options = RunOptions(order, encoding, overflow, plot, form, quiet)
    run_and_note(options, layers, x, dout, output, scheduler)


class RunOptions(NamedTuple):
    """What is run on arrays, and how.

    `order` 0 is forward alone, 1 has dx, and 2 has dx and d2x. With `plot`, histograms follow the
    tables.
    """

    order: int
    encoding: Encoding
    on_overflow: str | None
    plot: bool
    form: str | None
    quiet: bool


def run_and_note(
    options: RunOptions,
    specs: Sequence[str],
    x: str,
    dout: str | None,
    output: Sequence[str] | None,
    scheduler: str | None,
) -> None:
    """Run the layers on x, or on each file that x names, and write the notes to stderr.

    Raises:
        ActgradError: a layer, an array or a file is refused, or no scheduler answers.
    """
    from functools import partial

    from actgrad.cli.exit import to_stderr
    from actgrad.cli.pattern import is_pattern
    from actgrad.layers import ActgradError

    if is_pattern(x):
        # Imported for a pattern only: one array needs no cluster.
        from actgrad.cli.each_file import run_each_file

        run = partial(notes_of_run, options)
        for note in run_each_file(run, specs, x, dout, output, scheduler):
            to_stderr(note)
    elif scheduler is not None:
        raise ActgradError("--scheduler needs several files", "--x 'x-*.npy' -o 'out-*.npy'")
    else:
        run_layers(options, specs, x, dout, output, to_stderr)


def notes_of_run(
    options: RunOptions,
    specs: Sequence[str],
    x: str,
    dout: str | None,
    output: Sequence[str] | None,
) -> list[str]:
    """Run the layers as `run_layers` does, and return the notes."""
    notes: list[str] = []
    run_layers(options, specs, x, dout, output, notes.append)
    return notes


def run_layers(
    options: RunOptions,
    specs: Sequence[str],
    x: str,
    dout: str | None,
    output: Sequence[str] | None,
    note: Callable[[str], None],
) -> None:
    """Run the layers forward on the ARRAY `x`, and back from `dout`; deliver the answer.

    `note` takes what is to be said beside it: what overflow gave, and where a layer met a kink or
    has no value.

    Raises:
        ActgradError: a layer, an array or a file is refused, or order 2 meets a layer along an
            axis.
    """
    from contextlib import ExitStack
    from math import prod

    import numpy as np

    from actgrad.cli.read import in_memory, open_array
    from actgrad.cli.write import Output
    from actgrad.layers import chain_of
    from actgrad.layers.arrays import named, native_dtype
    from actgrad.layers.casting import overflow
    from actgrad.layers.printed import distinct_lines_on_stderr

    order, encoding, on_overflow, plot, form, quiet = options
    destination = Output(ArrayFormat, form, output)
    dtype, threads = encoding.dtype, encoding.threads
    if plot:
        destination.require_table("--plot")
    with distinct_lines_on_stderr():
        chain = chain_of(specs)
        if order == 2:
            from actgrad.layers.explain import WithSecondOrder

            chain = WithSecondOrder(chain)
    with ExitStack() as files:
        given: Array | Source = files.enter_context(open_array(x, "--x", encoding))
        working = named(dtype) if dtype else native_dtype(given.dtype)
        rounding = files.enter_context(overflow(on_overflow, working))
        upstream: Array | Source | None = None
        if order and dout is not None:
            if x == dout == STDIN and not isinstance(given, np.ndarray):
                # Standard input may hold both arrays, one after the other, and is read once.
                from actgrad.cli.read import random_access

                given = random_access(given, files)
            upstream = files.enter_context(open_array(dout, "--dout", encoding))
            if not upstream.shape:
                upstream = in_memory(upstream, dtype)
        elif order:
            upstream = np.ones((), working)
        if prod(given.shape) * given.dtype.itemsize > LARGE:
            from actgrad.cli.write import streamed_run

            streamed = streamed_run(chain, given, upstream, named(dtype) if dtype else None, plot)
            if streamed is not None:
                streamed.deliver(destination, threads, quiet)
                for text in (*notes_on_conventions(chain), *notes_on_overflow(rounding)):
                    note(text)
                return
        gradient = None if upstream is None else in_memory(upstream, dtype)
        array = in_memory(given, dtype)
        with distinct_lines_on_stderr():
            answer = run_in_memory(chain, array, gradient)
    for text in (*notes_on_conventions(chain), *notes_on_overflow(rounding)):
        note(text)
    destination.deliver(answer._replace(plotted=plot, threads=threads))


def notes_on_overflow(rounding: Overflow) -> Iterator[str]:
    """What numbers became that are beyond the largest one of an 8-bit float."""
    from actgrad.layers.arrays import finfo
    from actgrad.layers.casting import OVERFLOWS, overflow_of

    if (dtype := rounding.dtype) is None:
        return
    largest, gives = f"±{float(finfo(dtype).max):g}", rounding.gives or overflow_of(dtype)
    what = dict(zip(OVERFLOWS, ("nan", largest, "±inf"), strict=True))[gives]
    beyond = f"numbers beyond {largest}, the largest of {dtype.name}"
    yield f"note: {beyond}, are {what} (--overflow {gives})"


def notes_on_conventions(chain: Layer) -> Iterator[str]:
    """Where a layer met an x outside the domain of its function, or at a kink."""
    from actgrad.layers.arrays import decimal

    noted = set()
    for prefix, layer in chain.named():
        for name, x in layer.undefined.items():
            noted.add(x)
            lacking = "value" if name == "out" else "gradient"
            where = f"at x = {decimal(x)}, so {prefix}{name} is nan there"
            yield f"note: {layer.name} has no {lacking} {where}"
    if chain.second_order is None:
        return
    from actgrad.layers.explain import Derivative

    assert isinstance(chain.second_order, Derivative)
    for x in {*chain.second_order.undefined.values()} - noted:
        where = f"at x = {decimal(x)}, so d2x is nan there"
        yield f"note: {chain} has no second derivative {where}"
    for kink in sorted(chain.second_order.kinks_met):
        yield f"note: {chain} has a kink at x = {decimal(kink)}, so d2x is 0 there"


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
