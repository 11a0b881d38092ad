"""A kernel verified where it runs, in blocks of several sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import DtypeError, ShapeError
from actgrad.layers.frameworks import Environment, Results, Target
from actgrad.layers.layer import Layer
from actgrad.layers.verify import Block, Policy, Verification

#: The elements of the blocks in which all of x is run.
BODY = 1 << 16
#: The sizes of the blocks in which some of x is run again. A vectorised kernel computes the rest of
#: a block after its last whole vector by other code.
SIZES = (1, 7, 8, 9, 64)
#: How many elements, or lines, are run again, in how many blocks of each size at most.
PROBES, BLOCKS = 192, 64


class BlockDifference(NamedTuple):
    """Elements of a result that differ between blocks of two sizes, and the first of them."""

    result: str
    #: How many differ, of how many that were run again.
    differing: int
    compared: int
    #: The size of the smaller block.
    size: int
    x: float
    in_block: float
    in_body: float

    def __str__(self) -> str:
        """The difference as a report states it."""
        return (
            f"{self.result} depends on the size of the block: {self.differing} of {self.compared}"
            f" elements; x = {self.x:.9g} gives {self.in_block:.9g} in a block of {self.size},"
            f" and {self.in_body:.9g} in a large one"
        )


class TargetRun(NamedTuple):
    """What was run and where, and which results depend on the size of a block."""

    target: str
    environment: Environment
    #: The sizes of the blocks, the largest first.
    blocks: tuple[int, ...]
    differences: tuple[BlockDifference, ...]
    #: The flat index of each element that follows those of x: one that was run again and differs.
    repeated: tuple[int, ...]

    def indices(self, position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The indices of an element of an array of that shape, from its position."""
        size = int(np.prod(shape))
        flat = position if position < size else self.repeated[position - size]
        return tuple(int(i) for i in np.unravel_index(flat, shape))

    def __str__(self) -> str:
        """What was run, as a report states it."""
        sizes = ", ".join(map(str, self.blocks))
        return f"{self.target}; {self.environment}; blocks of {sizes}"


def verify_kernel(
    layer: Layer, target: Target, x: Array, dout: Array, policy: Policy | None = None
) -> tuple[Verification, TargetRun]:
    """Run the target at x, and verify its results as those of the layer.

    x is 1-d, or lines for a layer along its last axis; dout has the shape of the layer's out. Some
    elements are run again in small blocks. Those that differ there are verified too.

    Raises:
        TargetError: the target raises an exception.
        ShapeError, DtypeError: its results have another shape or dtype than the layer's.
        PolicyError: a limit is negative or nan.
    """
    step = max(1, BODY // (x.shape[1] if x.ndim == 2 else 1))
    verification = Verification(layer, x.dtype, policy)
    body = in_blocks(target, layer, x, dout, step)
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        verification.add(block_at(part, x, dout, body, part))
    again = [run_again(target, layer, x, dout, body, size) for size in SIZES if size < len(x)]
    repeated: list[int] = []
    for run in again:
        if x.ndim == 1 and run.differs.any():
            which = run.probes[run.differs]
            repeated += which.tolist()
            verification.add(block_at(which, x, dout, run.results, run.differs))
    blocks = (min(step, len(x)), *(run.size for run in reversed(again)))
    differences = worst_of([each for run in again for each in run.differences])
    return verification, TargetRun(
        target.name, target.environment, blocks, differences, tuple(repeated)
    )


def block_at(
    places: slice | Array, x: Array, dout: Array, results: Results, own: slice | Array
) -> Block:
    """The elements of x and dout at `places`, whose results are at `own`."""
    dx = None if results.dx is None else results.dx[own]
    return Block(x[places], results.out[own], dout[places], dx)


class RunAgain(NamedTuple):
    """Elements, or lines, that were run again in blocks of one size."""

    size: int
    #: Their indices in x.
    probes: Array
    results: Results
    #: Which of them have another result than in a large block.
    differs: Array
    differences: list[BlockDifference]


def run_again(
    target: Target, layer: Layer, x: Array, dout: Array, body: Results, size: int
) -> RunAgain:
    """Run elements of x, or lines, again in blocks of that size; `body` has the results of all x.

    Raises:
        TargetError, ShapeError, DtypeError: as `verify_kernel`.
    """
    probes = probed(x, size)
    results = in_blocks(target, layer, x[probes], dout[probes], size)
    differs, differences = np.zeros(len(probes), bool), []
    for name, got, whole in zip(Results._fields, results, body, strict=True):
        if got is None or whole is None:
            continue
        expected = whole[probes]
        apart = differ_in_bits(got, expected)
        if apart.any():
            differs |= apart.reshape(len(probes), -1).any(axis=1)
            differences.append(difference(name, size, x[probes], got, expected, apart))
    return RunAgain(size, probes, results, differs, differences)


def checked(target: Target, layer: Layer, x: Array, dout: Array) -> Results:
    """The target's results, which have the layer's shapes and x's dtype.

    Raises:
        TargetError: it raises an exception.
        ShapeError, DtypeError: they have not.
    """
    results = target.run(x, dout)
    for name, got, shape in zip(
        Results._fields, results, (layer.out_shape(x.shape), x.shape), strict=True
    ):
        if got is None:
            continue
        if got.shape != shape:
            raise ShapeError(
                f"{target.name}: {name} has shape {got.shape}, but must have {shape} for x of"
                f" {x.shape}"
            )
        if got.dtype != x.dtype:
            raise DtypeError(f"{target.name}: {name} is {got.dtype}, but x is {x.dtype}")
    return results


def in_blocks(target: Target, layer: Layer, x: Array, dout: Array, size: int) -> Results:
    """The target's results at x, computed in blocks of that size."""
    return joined(
        [
            checked(target, layer, x[start : start + size], dout[start : start + size])
            for start in range(0, len(x), size)
        ]
    )


def joined(parts: list[Results]) -> Results:
    """The results of the parts in a row."""
    out = np.concatenate([part.out for part in parts])
    gradients = [part.dx for part in parts if part.dx is not None]
    return Results(out, np.concatenate(gradients) if gradients else None)


def probed(x: Array, size: int) -> Array:
    """The indices of the elements, or lines, that are run again in whole blocks of that size."""
    probes = np.linspace(0, len(x) - 1, min(PROBES, len(x))).astype(np.intp)
    if x.ndim == 1:
        with np.errstate(invalid="ignore"):
            special = np.flatnonzero(~np.isfinite(x) | (x == 0))
        probes = np.concatenate([special[:: max(1, len(special) // 8)], probes])
    probes = np.unique(probes)
    count = min(len(probes) // size, BLOCKS) * size
    return np.asarray(probes[np.linspace(0, len(probes) - 1, count).astype(np.intp)])


def differ_in_bits(results: Array, others: Array) -> Array:
    """Where two results of one dtype are different numbers; a nan equals any nan."""
    bits = f"u{results.dtype.itemsize}"
    same = results.view(bits) == others.view(bits)
    return np.asarray(~same & ~(np.isnan(results) & np.isnan(others)))


def difference(
    name: str, size: int, x: Array, got: Array, expected: Array, apart: Array
) -> BlockDifference:
    """The elements of one result that are `apart`, and the first of them."""
    first = tuple(int(i[0]) for i in np.nonzero(apart))
    at = x[first[0]] if x.ndim == 1 else x[first[0], first[1] % x.shape[1]]
    numbers = (float(number) for number in (at, got[first], expected[first]))
    return BlockDifference(name, int(np.count_nonzero(apart)), apart.size, size, *numbers)


def worst_of(differences: list[BlockDifference]) -> tuple[BlockDifference, ...]:
    """Of each result, the size of block at which the most elements differ."""
    worst: dict[str, BlockDifference] = {}
    for each in differences:
        if each.result not in worst or each.differing > worst[each.result].differing:
            worst[each.result] = each
    return tuple(worst.values())
