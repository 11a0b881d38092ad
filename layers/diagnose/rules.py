"""The rules that tell a sick layer from a healthy one: names, thresholds and sources."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, decimal
from actgrad.layers.diagnose.gain import gain
from actgrad.layers.diagnose.statistics import GATED, SMALL, SQUASHED
from actgrad.layers.diagnose.summary import DEAD, UnitSummary
from actgrad.layers.layer import Layer

#: A unit is dormant if its mean |dx| is at most this share of the mean of all units.
DORMANT = 0.025
#: With fewer samples, chance alone can stop a healthy unit in all of them.
ENOUGH_SAMPLES = 20
#: Numbers in the last binades before the overflow are called exploding.
BINADES = 2
#: Dead units are far from the samples that would pass if |mean|/std is at least this.
FAR = 5.0
#: Gains for x and for its gradient that differ by more are not kept by the same weights.
APART = 1.5


class Thresholds(NamedTuple):
    """From where on each rule fires; a share is of a layer's units or of its elements."""

    dead: float = 0.1
    saturated: float = 0.1
    constant: float = 0.1
    duplicate: float = 0.1
    dormant: float = 0.1
    underflow: float = 0.05
    #: The least mean |dx|.
    gradient: float = 1e-7
    #: By what factor the gradient may change from layer to layer, and over the whole depth.
    fall: float = 10.0
    total_fall: float = 1000.0


class Rule(NamedTuple):
    """A rule: what it means, and where it comes from."""

    name: str
    meaning: str
    source: str
    #: The thresholds of `Thresholds` that decide.
    thresholds: tuple[str, ...] = ()


class Fault(NamedTuple):
    """A rule that fired at a layer."""

    rule: Rule
    message: str
    #: What to do; the same at every layer with the same fault.
    advice: str
    #: The units at fault; none for a fault of the whole layer.
    units: Sequence[int] = ()
    #: What the numbers of this layer say beside the message, in sentences.
    numbers: str = ""
    #: Since which recorded step the rule fires, and at which step before it does not.
    since: int | None = None
    before: int | None = None
    #: The layer whose fault explains this one; empty if there is none.
    cause: str = ""


#: What a rule yields: the message, the units at fault, the numbers, and the advice.
Firing = tuple[str, Array, str, str]


class Case(NamedTuple):
    """A layer and what is known of its units."""

    layer: Layer
    #: The array that the statistics are of: x or out.
    given: str
    summary: UnitSummary
    thresholds: Thresholds
    #: Where the first nan or infinity is, if there is one.
    first_not_finite: str = ""

    def enough(self) -> Array:
        """Which units have enough samples to be judged."""
        return self.summary.samples >= ENOUGH_SAMPLES


def dead_units(case: Case) -> Iterator[Firing]:
    """Units that pass no gradient."""
    units = case.summary.dead & case.enough()
    if not exceeds(units, case.thresholds.dead):
        return
    mean, std = describe(case.summary, units)
    numbers = f"Their {case.given} has mean {mean} and standard deviation {std}"
    distance = relative_mean(case.summary, units)
    alive = ~units
    if alive.any() and math.isfinite(distance):
        others = decimal(relative_mean(case.summary, alive), 3)
        numbers += f"; |mean|/std is {decimal(distance, 3)}, in the other units {others}"
    if distance < FAR:
        advice = (
            "The samples are near the edge of the dead side, and another batch may lie beyond it."
            " Where the samples resemble each other, as deep in a network without normalization,"
            " units are dead without a fault of the training. Normalize before the layer, or use a"
            " layer that stops no gradient, such as leaky_relu."
        )
    else:
        advice = (
            "The bias of these units, or the weights before them, put all samples on the dead side."
            " They get no gradient, so they do not recover: reset their weights, or use a layer"
            " that stops no gradient, such as leaky_relu."
        )
    message = f"the gradient is stopped in {DEAD:.0%} of the samples or more"
    yield message, units, f"{numbers}.", advice


def saturated_units(case: Case) -> Iterator[Firing]:
    """Units whose slope is small in most samples."""
    units = case.summary.saturated & case.enough()
    if not exceeds(units, case.thresholds.saturated):
        return
    mean, std = describe(case.summary, units)
    numbers = f"Their {case.given} has mean {mean} and standard deviation {std}."
    advice = "Scale the weights before the layer down, or normalize before it."
    if case.given == "x":
        spread = float(np.median(case.summary.std[units]))
        if spread > 1:
            numbers += (
                f" Weights before the layer that are divided by {decimal(spread, 3)} give x the"
                " standard deviation 1."
            )
        advice += f" {initial_weights(case.layer)}"
    share = case.summary.saturated_share
    yield f"the slope is small in {share:.0%} of the samples or more", units, numbers, advice


def infinite_or_nan(case: Case) -> Iterator[Firing]:
    """nan or ±∞."""
    nan, inf = case.summary.total("nan"), case.summary.total("inf")
    if nan + inf:
        units = (case.summary.counts["nan"] + case.summary.counts["inf"]) > 0
        advice = (
            "Look for what made the first of them: a division by 0, a logarithm of a number below"
            " 0, or a step that was too large. Clip the gradients, or lower the learning rate."
        )
        message = f"{nan} nan and {inf} infinities, the first at {case.first_not_finite}"
        yield message, units, "", advice


def constant_units(case: Case) -> Iterator[Firing]:
    """Units that are the same in every sample."""
    summary = case.summary
    is_dead = case.summary.dead if case.given == "out" else False
    units = (summary.low == summary.high) & (summary.samples > 1) & ~np.asarray(is_dead)
    if exceeds(units, case.thresholds.constant):
        advice = (
            "They carry no information. The weights before them are 0, or what feeds them does not"
            " depend on the sample."
        )
        yield f"{case.given} is the same in all samples", units, "", advice


def duplicate_units(case: Case) -> Iterator[Firing]:
    """Units with the same numbers: every exact statistic of theirs is equal."""
    summary = case.summary
    names = (summary.mean, summary.variance, summary.low, summary.high, summary.counts["zeros"])
    rows = np.stack([np.asarray(values, float) for values in names], axis=1)
    _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    units = first[group.reshape(-1)] != np.arange(summary.units)
    # Among units of few different numbers, as of truth values, some are equal by chance.
    is_whole = (np.floor(summary.low) == summary.low) & (np.floor(summary.high) == summary.high)
    units &= (summary.low < summary.high) & ~is_whole & case.enough()
    if exceeds(units, case.thresholds.duplicate):
        advice = (
            "Units that begin with equal weights get equal gradients and stay equal: initialize the"
            " weights at random."
        )
        yield "their statistics are those of an earlier unit", units, "", advice


def exploding(case: Case) -> Iterator[Firing]:
    """Numbers or gradients just below the overflow."""
    summary = case.summary
    edge = summary.overflow / 2.0**BINADES
    size = np.maximum(np.abs(summary.low), np.abs(summary.high))
    units = np.isfinite(size) & (size >= edge)
    advice = (
        f"{summary.dtype.name} overflows at {decimal(summary.overflow, 3)}. Normalize before the"
        " layer, scale the weights down, or clip the gradients."
    )
    if units.any():
        yield f"|{case.given}| reaches {decimal(size[units].max(), 3)}", units, "", advice
    if summary.has_gradient and summary.largest_gradient >= edge:
        yield f"|dx| reaches {decimal(summary.largest_gradient, 3)}", NO_UNITS, "", advice


def vanishing_gradient(case: Case) -> Iterator[Firing]:
    """A gradient that is too small to learn from."""
    summary = case.summary
    if summary.has_gradient and summary.mean_gradient < case.thresholds.gradient:
        dout, dx = summary.norms
        numbers = ""
        if dout:
            numbers = f"‖dx‖/‖dout‖ is {decimal(dx / dout, 3)}."
        message = f"the mean |dx| is {decimal(summary.mean_gradient, 3)}"
        yield message, NO_UNITS, numbers, initial_weights(case.layer)


def underflow(case: Case) -> Iterator[Firing]:
    """Gradients that a short dtype makes 0 or subnormal."""
    summary = case.summary
    passed, lost = summary.total("passed"), summary.total("underflown")
    if passed and lost / passed > case.thresholds.underflow:
        advice = (
            "Multiply the loss by a power of two, and divide the gradients by it before the step:"
            " torch.amp.GradScaler does so. bfloat16 has the range of float32."
        )
        message = f"{lost / passed:.1%} of the gradients are 0 or subnormal in float16"
        yield message, NO_UNITS, "", advice


def dormant_units(case: Case) -> Iterator[Firing]:
    """Units whose gradient is small beside that of the others."""
    summary = case.summary
    if not (summary.has_gradient and summary.mean_gradient):
        return
    units = summary.gradient <= DORMANT * summary.mean_gradient
    units &= ~case.summary.dead & case.enough()
    if exceeds(units, case.thresholds.dormant):
        advice = "They learn slowly beside the others: reset the weights that enter them."
        yield f"their mean |dx| is at most {DORMANT:.1%} of the layer's", units, "", advice


NO_UNITS = np.zeros(0, bool)

NOT_FINITE = Rule(
    "not-finite",
    "a nan or an infinity",
    "IEEE 754: both spread to every number that is computed from them",
)
DEAD_UNITS = Rule(
    "dead-units",
    f"the gradient is stopped in {DEAD:.0%} of a unit's samples",
    "SageMaker Debugger, DeadRelu: active in less than 1 %, in more than 50 % of the units;"
    " keras-contrib, DeadReluDetector: never active, in 10 % of the units or more",
    ("dead",),
)
CONSTANT = Rule(
    "constant-units",
    "a unit has the same number in all samples",
    "Glorot and Bengio, 2010",
    ("constant",),
)
DORMANT_UNITS = Rule(
    "dormant-units",
    f"the mean |dx| of a unit is at most {DORMANT:.1%} of the layer's",
    "Sokar et al., The dormant neuron phenomenon, 2023: 2.5 % of the layer's mean |out|; here"
    " of |dx|",
    ("dormant",),
)
VANISHING = Rule(
    "vanishing-gradient",
    "the mean |dx| is small, and in a network also beside the mean |dout| of the last layer",
    "SageMaker Debugger, VanishingGradient: the mean of the absolute values below 1e-7",
    ("gradient", "total_fall"),
)
#: Each rule and what finds its faults, the gravest first.
RULES: Mapping[Rule, Callable[[Case], Iterator[Firing]]] = {
    NOT_FINITE: infinite_or_nan,
    Rule(
        "exploding",
        f"|x| or |dx| within {BINADES} binades of the overflow",
        "Pascanu, Mikolov and Bengio, 2013",
    ): exploding,
    DEAD_UNITS: dead_units,
    Rule(
        "saturated-units",
        f"|slope| ≤ {SMALL:.0%} of its largest value in {SQUASHED:.0%} of a unit's samples, or in"
        f" {GATED:.0%} if the layer gates as relu does",
        "Glorot and Bengio, 2010; Karpathy, makemore, part 3: |tanh| > 0.97; SageMaker Debugger,"
        " SaturatedActivation: tanh beyond ±9.5, sigmoid below -23 or above 17, a slope of 1e-7",
        ("saturated",),
    ): saturated_units,
    VANISHING: vanishing_gradient,
    Rule(
        "underflow",
        "gradients that are 0 or subnormal in float16 and not in float32",
        "Micikevicius et al., Mixed precision training, 2018",
        ("underflow",),
    ): underflow,
    CONSTANT: constant_units,
    Rule(
        "duplicate-units",
        "units have the same statistics to the last bit, and not whole numbers for extrema",
        "Goodfellow, Bengio and Courville, Deep learning, 2016, section 8.4",
        ("duplicate",),
    ): duplicate_units,
    DORMANT_UNITS: dormant_units,
}


#: A report on fewer arrays than were named must say so.
UNREAD = Rule(
    "unread-arrays",
    "an array of several cannot be read; the report is of the others",
    "actgrad: nothing is known of an array that was not read",
)
#: The most arrays that its message lists.
LISTED = 10


def unread_arrays(reasons: Sequence[str], count: int) -> Fault:
    """The fault that, for these reasons, some of `count` arrays could not be read."""
    listed = "; ".join(reasons[:LISTED]) + ("; …" if len(reasons) > LISTED else "")
    message = f"{len(reasons)} of {count} could not be read: {listed}"
    return Fault(UNREAD, message, "The report is of the others. Save these again.")


def findings(case: Case) -> list[Fault]:
    """The rules that fire, the gravest first."""
    return [
        Fault(rule, message, advice, np.flatnonzero(units).tolist(), numbers)
        for rule, faults in RULES.items()
        for message, units, numbers, advice in faults(case)
    ]


def exceeds(units: Array, share: float) -> bool:
    """Whether more than that share of the units are chosen."""
    return bool(np.count_nonzero(units) > share * units.size)


def describe(summary: UnitSummary, units: Array) -> tuple[str, str]:
    """The median of the means and of the standard deviations of these units."""
    mean, std = (
        values[units & (summary.low <= summary.high)] for values in (summary.mean, summary.std)
    )
    if not mean.size:
        return "nan", "nan"
    return decimal(np.median(mean), 3), decimal(np.median(std), 3)


def relative_mean(summary: UnitSummary, units: Array) -> float:
    """The median of |mean|/std over these units; nan or ∞ if most do not vary."""
    with np.errstate(all="ignore"):
        distances = np.abs(summary.mean[units]) / summary.std[units]
    distances = distances[~np.isnan(distances)]
    return float(np.median(distances)) if distances.size else math.nan


def initial_weights(layer: Layer) -> str:
    """The gains for initial weights: by the layer's formula, and by PyTorch."""
    own = gain(layer)
    text = (
        f"After {layer}, with x of N(0, 1): weights of standard deviation"
        f" {decimal(own.forward, 4)}/√fan_in (the gain 1/√E[out²]) keep the variance of x, and"
        f" {decimal(own.backward, 4)}/√fan_out (1/√E[slope²]) that of the gradient;"
    )
    torch = "knows no such layer" if own.torch is None else f"gives {decimal(own.torch, 4)}"
    text += f" torch.nn.init.calculate_gain {torch}."
    ratio = own.backward / own.forward
    if ratio <= APART:
        return text
    return (
        f"{text} The two differ by a factor of {decimal(ratio, 3)} a layer, so no initial weights"
        " keep both in a deep network. Another activation, such as tanh or relu, normalization"
        " between the layers, or skip connections do."
    )
