"""The diagnosis of a network: its layers at one of the recorded steps, and what causes what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from actgrad.layers.diagnose.depth import depth_faults
from actgrad.layers.diagnose.report import Diagnosis
from actgrad.layers.diagnose.rules import (
    CONSTANT,
    DEAD_UNITS,
    DORMANT_UNITS,
    NOT_FINITE,
    VANISHING,
    Fault,
    Thresholds,
)
from actgrad.layers.errors import ActgradError


class NetworkDiagnosis(NamedTuple):
    """The diagnoses of layers in the order in which the network runs them."""

    layers: Sequence[Diagnosis]
    #: What is wrong with the network as a whole.
    findings: Sequence[Fault]
    #: The diagnoses of each layer at all its steps, in the order of the network.
    steps: Sequence[Sequence[Diagnosis]]
    #: The step that `layers` are of, None where no step is known.
    step: int | None = None
    #: The network at the last step before `step` that has finite numbers only; None where `step`
    #: has finite numbers itself, or no step before it has.
    last_finite: NetworkDiagnosis | None = None

    @property
    def ok(self) -> bool:
        """Whether no rule fires."""
        return not self.findings and all(layer.ok for layer in self.layers)

    @property
    def is_judged(self) -> bool:
        """Whether every layer has enough samples to be judged."""
        return all(layer.is_judged for layer in self.layers)

    @property
    def recorded(self) -> list[int]:
        """The steps that are known, in rising order."""
        return recorded_steps(self.steps)

    def only(self, name: str) -> NetworkDiagnosis:
        """The layer of that name, without what concerns the whole network."""
        return self._replace(
            layers=[layer for layer in self.layers if layer.name == name],
            findings=[],
            steps=[steps for steps in self.steps if steps[-1].name == name],
            last_finite=None if self.last_finite is None else self.last_finite.only(name),
        )


def recorded_steps(steps: Sequence[Sequence[Diagnosis]]) -> list[int]:
    """The steps of these layers, in rising order."""
    return sorted({each.step for layer in steps for each in layer if each.step is not None})


def diagnose_network(
    steps: Sequence[Sequence[Diagnosis]], thresholds: Thresholds, step: int | None = None
) -> NetworkDiagnosis:
    """Put the diagnoses of layers together, in the order in which the network runs them.

    Each layer has a diagnosis for each of its steps. Its verdict is that of `step`, or of its last
    step; each finding says since which step it has been there.

    Raises:
        ActgradError: there is no such step.
    """
    if len(steps) > 1:
        steps = beside_the_last(steps, thresholds)
    recorded = recorded_steps(steps)
    if step is not None and step not in recorded:
        known = ", ".join(map(str, recorded))
        hint = f"the recorded steps are {known}" if known else "only a recording has steps"
        raise ActgradError(f"step {step} was not recorded", hint)
    shown = [
        [each for each in layer if step is None or each.step is None or each.step <= step]
        for layer in steps
    ]
    layers = [last_step(layer, recorded) for layer in shown if layer]
    trained = [place for place, layer in enumerate(layers) if layer.units.has_gradient]
    gradients = [layers[place].units.mean_gradient for place in trained]
    for place, own, next_one in zip(trained, gradients, gradients[1:], strict=False):
        layers[place] = layers[place]._replace(factor=own / next_one if next_one else None)
    faults = depth_faults([layers[place].units for place in trained], thresholds)
    at = max((layer.step for layer in layers if layer.step is not None), default=None)
    finite = last_finite_step(shown)
    before = None if finite is None else diagnose_network(steps, thresholds, finite)
    return NetworkDiagnosis(with_causes(layers), faults, step_causes(steps), at, before)


def last_finite_step(steps: Sequence[Sequence[Diagnosis]]) -> int | None:
    """The last step with finite numbers only, if the last step of a layer has others."""

    def is_finite(each: Diagnosis) -> bool:
        return NOT_FINITE not in [finding.rule for finding in each.findings]

    if all(is_finite(layer[-1]) for layer in steps if layer):
        return None
    broken = {each.step for layer in steps for each in layer if not is_finite(each)}
    return max((step for step in recorded_steps(steps) if step not in broken), default=None)


def beside_the_last(
    steps: Sequence[Sequence[Diagnosis]], thresholds: Thresholds
) -> list[list[Diagnosis]]:
    """The diagnoses without a vanishing gradient that is not small beside the last layer's.

    The size of dx is also that of the loss: 1/N if the loss is a mean over N numbers.
    """
    references: dict[int | None, float] = {}
    for layer in steps:
        for each in layer:
            if each.units.has_gradient:
                dout = each.units.mean_dout
                references[each.step] = each.units.mean_gradient if dout is None else dout

    def is_small(each: Diagnosis) -> bool:
        size = each.units.mean_gradient
        return not size * thresholds.total_fall > references[each.step]

    return [
        [
            each._replace(
                findings=[f for f in each.findings if f.rule != VANISHING or is_small(each)]
            )
            for each in layer
        ]
        for layer in steps
    ]


def last_step(steps: Sequence[Diagnosis], recorded: Sequence[int]) -> Diagnosis:
    """The last diagnosis of a layer; each finding says since which step it has been there."""
    *_, last = steps
    if last.step is None:
        return last

    def dated(finding: Fault) -> Fault:
        since, before = last.step, None
        for earlier in reversed(steps):
            if finding.rule not in [each.rule for each in earlier.findings]:
                before = earlier.step
                break
            since = earlier.step
        if finding.rule == DEAD_UNITS:
            advice = f"{time_of_death(since, before)}{finding.advice}"
            finding = finding._replace(advice=advice)
        return finding if len(recorded) == 1 else finding._replace(since=since, before=before)

    return last._replace(findings=list(map(dated, last.findings)))


def time_of_death(since: int | None, before: int | None) -> str:
    """What the steps tell of the cause of dead units."""
    if before is not None:
        return (
            f"The training stopped them between the steps {before} and {since}; a lower learning"
            " rate moves them less. "
        )
    if since == 0:
        return "Units were dead before the first step of the training changed a weight. "
    return ""


def with_causes(layers: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The diagnoses, with the findings that follow from another layer's apart from the others."""
    judged: list[Diagnosis] = []
    for place, layer in enumerate(layers):
        own, follow = [], []
        for finding in layer.findings:
            cause = next(causes(finding, layer, judged, layers[place + 1 :]), None)
            if cause is None:
                own.append(finding)
            else:
                follow.append(finding._replace(cause=cause))
        judged.append(layer._replace(findings=own, consequences=follow))
    return judged


def step_causes(steps: Sequence[Sequence[Diagnosis]]) -> list[list[Diagnosis]]:
    """The diagnoses of each layer at its steps, with the causes at the same step."""
    at_step: dict[int | None, list[Diagnosis]] = {}
    for layer in steps:
        for each in layer:
            at_step.setdefault(each.step, []).append(each)
    judged = {step: iter(with_causes(layers)) for step, layers in at_step.items()}
    return [[next(judged[each.step]) for each in layer] for layer in steps]


def causes(
    finding: Fault, layer: Diagnosis, before: Sequence[Diagnosis], after: Sequence[Diagnosis]
) -> Iterator[str]:
    """The layers whose dead or constant units explain the finding, the nearest last.

    Units that are constant in one layer stay so in the layers that follow without weights between
    them, and all units do if all are constant. A dead unit stops the gradient of the same unit
    before it, and a layer without a unit alive that of all, its own included.
    """
    if finding.rule in {CONSTANT, DEAD_UNITS}:
        units = layer.units
        if not all(units.low[unit] == units.high[unit] for unit in finding.units):
            return
        for other in before:
            for fault in other.findings:
                is_same = other.units.units == units.units and {*finding.units} <= {*fault.units}
                is_all = len(fault.units) == other.units.units
                if fault.rule in {CONSTANT, DEAD_UNITS} and (is_same or is_all):
                    yield other.name
    elif finding.rule in {VANISHING, DORMANT_UNITS}:
        stopped = {*finding.units} or {*range(layer.units.units)}
        if any(layer.units.gradient[unit] for unit in stopped):
            return
        for other in (layer, *after):
            for fault in other.findings:
                is_same = other.units.units == layer.units.units and stopped <= {*fault.units}
                is_all = len(fault.units) == other.units.units
                if fault.rule == DEAD_UNITS and (is_same or is_all):
                    yield other.name
