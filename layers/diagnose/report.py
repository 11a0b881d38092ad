"""The diagnosis of a layer: its statistics and the rules that fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.diagnose.collect import collect
from actgrad.layers.diagnose.rules import ENOUGH_SAMPLES, Case, Fault, Thresholds, findings
from actgrad.layers.diagnose.summary import UnitSummary
from actgrad.layers.errors import ShapeError
from actgrad.layers.layer import Layer
from actgrad.layers.run import Progress, Source


class Diagnosis(NamedTuple):
    """What is known of a layer, and what is wrong with it."""

    #: The layer as the command line names it.
    layer: str
    #: The array that the statistics are of, "x" or "out", and its shape.
    given: str
    shape: tuple[int, ...]
    units: UnitSummary
    findings: list[Fault]

    @property
    def ok(self) -> bool:
        """Whether no rule fires."""
        return not self.findings

    @property
    def note(self) -> str | None:
        """What could not be judged, and why."""
        fewest = int(self.units.samples.min())
        if fewest < ENOUGH_SAMPLES:
            return (
                f"{fewest} samples are too few to call a unit dead, saturated, dormant or a"
                f" duplicate: {ENOUGH_SAMPLES} are needed"
            )
        return None


def diagnose_layer(
    layer: Layer,
    sources: Mapping[str, Source],
    axis: int | None = None,
    thresholds: Thresholds | None = None,
    *,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Diagnose an element-wise layer or chain from the arrays of its runs.

    `sources` has x, or else out, and may have dout. `axis` holds the units: the last of two or
    three axes, axis 1 of more. Every other axis counts samples. The arrays are read once, piece by
    piece.

    Raises:
        ShapeError: the layer works along an axis, the arrays are empty, dout has another shape,
            or there is no such axis.
        ActgradError: only out is given, and it does not determine the slope.
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
    statistics = collect(layer, sources, axis, dtype=dtype, threads=threads, progress=progress)
    units = UnitSummary(statistics)
    case = Case(layer, name, units, thresholds or Thresholds())
    return Diagnosis(str(layer), name, given.shape, units, findings(case))
