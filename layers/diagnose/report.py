"""The diagnosis of a layer: its statistics and the rules that fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Order
from actgrad.layers.diagnose.collect import collect
from actgrad.layers.diagnose.rules import ENOUGH_SAMPLES, Case, Fault, Thresholds, findings
from actgrad.layers.diagnose.statistics import UnitStatistics
from actgrad.layers.diagnose.summary import UnitSummary
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run import Progress, Source


class Diagnosis(NamedTuple):
    """What is known of a layer, and what is wrong with it."""

    #: The name of the layer in its network; empty if it has none.
    name: str
    #: The layer as the command line names it.
    layer: str
    #: The array that the statistics are of, "x" or "out", and the shape of each of its parts.
    given: str
    shapes: Sequence[tuple[int, ...]]
    units: UnitSummary
    findings: Sequence[Fault]
    #: The step of the training at which the layer was run, if it is known.
    step: int | None = None
    #: The mean |dx| over that of the next layer with a gradient, if there is one.
    factor: float | None = None
    #: The findings that follow from those of another layer.
    consequences: Sequence[Fault] = ()

    @property
    def ok(self) -> bool:
        """Whether no rule fires but those that follow from another layer."""
        return not self.findings

    @property
    def is_judged(self) -> bool:
        """Whether every unit has enough samples to be judged."""
        return self.note is None

    @property
    def histograms(self) -> dict[str, list[tuple[float, float, int]]]:
        """The histograms that hold numbers, by what they are of."""
        heads = {"histogram": self.given, "outs": "out", "slopes": "∂out/∂x", "gradients": "|dx|"}
        histograms = {head: self.units.histogram(name) for name, head in heads.items()}
        return {head: bins for head, bins in histograms.items() if bins}

    @property
    def note(self) -> str | None:
        """What could not be judged, and why."""
        fewest = int(self.units.samples.min())
        if fewest < ENOUGH_SAMPLES:
            return (
                f"to call a unit dead, saturated, dormant or a duplicate, {ENOUGH_SAMPLES} samples"
                f" are needed; a unit has {fewest}"
            )
        return None


def diagnose_layer(
    layer: Layer,
    parts: Iterable[Mapping[str, Source]],
    axis: int | None = None,
    thresholds: Thresholds | None = None,
    *,
    name: str = "",
    step: int | None = None,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Diagnose an element-wise layer or chain from the arrays of its runs.

    Each part of the run has x, or else out, and may have dout and dx; without dx it is computed
    from dout. `axis` holds the units: the last of two or three axes, axis 1 of more. Every other
    axis counts samples. The arrays are read once; the cut into parts changes no bit of the result.

    Raises:
        ShapeError: the layer works along an axis, an array is empty, dout or dx has another
            shape, there is no such axis, or parts differ in their units.
        ActgradError: only out is given, and it does not determine the slope.
    """
    runs = (
        run_statistics(layer, sources, axis, dtype=dtype, threads=threads, progress=progress)
        for sources in parts
    )
    return diagnose_runs(layer, runs, thresholds, name=name, step=step)


class RunStatistics(NamedTuple):
    """The statistics of the arrays of one run of a layer."""

    statistics: UnitStatistics
    #: The array that they are of, "x" or "out", its shape and its memory order.
    given: str
    shape: tuple[int, ...]
    order: Order

    @property
    def first_not_finite(self) -> str:
        """The first nan or infinity, as `x[600, 5]`; empty if there is none."""
        position = self.statistics.first_not_finite
        if position is None:
            return ""
        place = np.unravel_index(position, self.shape, self.order)
        return f"{self.given}[{', '.join(map(str, place))}]"


def run_statistics(
    layer: Layer,
    sources: Mapping[str, Source],
    axis: int | None = None,
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> RunStatistics:
    """The statistics of a run; raises what `diagnose_layer` raises."""
    check_part(sources)
    given, source = next(iter(sources.items()))
    statistics = collect(layer, sources, axis, dtype=dtype, threads=threads, progress=progress)
    return RunStatistics(statistics, given, source.shape, source.order)


def diagnose_runs(
    layer: Layer,
    runs: Iterable[RunStatistics | None],
    thresholds: Thresholds | None = None,
    *,
    name: str = "",
    step: int | None = None,
) -> Diagnosis:
    """Diagnose a layer from the statistics of the parts of its run; None stands for a lost part.

    Raises:
        ShapeError: there is no part, or parts differ in their units.
    """
    whole: UnitStatistics | None = None
    shapes: list[tuple[int, ...]] = []
    given, first_not_finite = "x", ""
    for number, run in enumerate(runs):
        if run is None:
            continue
        part, given = run.statistics, run.given
        if run.first_not_finite and not first_not_finite:
            first_not_finite = run.first_not_finite + (f" of part {number}" if number else "")
        shapes.append(run.shape)
        if whole is None:
            whole = part
        elif (part.units, part.dtype) != (whole.units, whole.dtype):
            raise ShapeError(
                f"part {number} has {part.units} units of {part.dtype.name}, but part 0 has"
                f" {whole.units} of {whole.dtype.name}",
                "the parts of one layer have equal units",
            )
        else:
            whole.merge(part)
    if whole is None:
        raise ShapeError("there is no array to diagnose")
    units = UnitSummary(whole)
    case = Case(layer, given, units, thresholds or Thresholds(), first_not_finite)
    return Diagnosis(name, str(layer), given, shapes, units, findings(case), step)


def check_part(sources: Mapping[str, Source]) -> None:
    """Check that the arrays of a run fit each other.

    Raises:
        ShapeError: an array is empty, or dout or dx has another shape or another memory order.
    """
    name, given = next(iter(sources.items()))
    if not np.prod(given.shape):
        raise ShapeError(f"{name} has shape {given.shape}: no sample")
    for other, source in sources.items():
        if source.shape != given.shape:
            raise ShapeError(f"{other} has shape {source.shape}, but {name} has {given.shape}")
        if source.order != given.order and len(given.shape) > 1:
            raise ShapeError(
                f"{other} is in {source.order} order, but {name} is in {given.order} order",
                "save both in the same memory order",
            )
