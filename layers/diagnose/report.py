"""The diagnosis of a layer, and of the layers of a network: statistics and the rules that fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Order
from actgrad.layers.diagnose.collect import collect
from actgrad.layers.diagnose.depth import depth_faults
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
                f"to call a unit dead, saturated, dormant or a duplicate, {ENOUGH_SAMPLES} samples"
                f" are needed; a unit has {fewest}"
            )
        return None


class NetworkDiagnosis(NamedTuple):
    """The diagnoses of layers in the order in which the network runs them."""

    layers: Sequence[Diagnosis]
    #: What is wrong with the network as a whole.
    findings: Sequence[Fault]
    #: The diagnoses of each layer at all its steps, in the order of the network.
    steps: Sequence[Sequence[Diagnosis]]

    @property
    def ok(self) -> bool:
        """Whether no rule fires."""
        return not self.findings and all(layer.ok for layer in self.layers)


def diagnose_network(
    steps: Sequence[Sequence[Diagnosis]], thresholds: Thresholds
) -> NetworkDiagnosis:
    """Put the diagnoses of layers together, in the order in which the network runs them.

    Each layer has a diagnosis for each of its steps; the last of them is its verdict.
    """
    layers = list(map(last_step, steps))
    gradients = [layer.units.mean_gradient for layer in layers if layer.units.has_gradient]
    return NetworkDiagnosis(layers, depth_faults(gradients, thresholds.fall), steps)


def last_step(steps: Sequence[Diagnosis]) -> Diagnosis:
    """The last diagnosis of a layer; each finding says since which step it has been there."""
    *_, last = steps
    if len(steps) == 1:
        return last

    def since(finding: Fault) -> Fault:
        first = last.step
        for earlier in reversed(steps):
            if finding.rule not in [each.rule for each in earlier.findings]:
                break
            first = earlier.step
        return finding._replace(message=f"{finding.message}, since step {first}")

    return last._replace(findings=list(map(since, last.findings)))


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
    statistics: UnitStatistics | None = None
    shapes: list[tuple[int, ...]] = []
    first_not_finite = ""
    given = "x"
    for number, sources in enumerate(parts):
        given, source = next(iter(sources.items()))
        check_part(sources)
        part = collect(layer, sources, axis, dtype=dtype, threads=threads, progress=progress)
        if part.first_not_finite is not None and not first_not_finite:
            first_not_finite = given + place_text(source.shape, source.order, part.first_not_finite)
            first_not_finite += f" of part {number}" if number else ""
        shapes.append(source.shape)
        if statistics is None:
            statistics = part
        elif (part.units, part.dtype) != (statistics.units, statistics.dtype):
            raise ShapeError(
                f"part {number} has {part.units} units of {part.dtype.name}, but part 0 has"
                f" {statistics.units} of {statistics.dtype.name}",
                "the parts of one layer have equal units",
            )
        else:
            statistics.merge(part)
    if statistics is None:
        raise ShapeError("there is no array to diagnose")
    units, limits = UnitSummary(statistics), thresholds or Thresholds()
    case = Case(layer, given, units, limits, first_not_finite)
    return diagnosis_of(case, shapes, name, step)


def diagnosis_of(
    case: Case, shapes: Sequence[tuple[int, ...]], name: str, step: int | None
) -> Diagnosis:
    """The diagnosis of a layer whose units are known."""
    layer = str(case.layer)
    return Diagnosis(name, layer, case.given, shapes, case.summary, findings(case), step)


def place_text(shape: tuple[int, ...], order: Order, position: int) -> str:
    """The indices of an element, from its position in the memory of the array: `[600, 5]`."""
    place = np.unravel_index(position, shape, order)
    return f"[{', '.join(map(str, place))}]"


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
