"""The likely cause of a wrong gradient: the hypothesis that reproduces the layer's numbers.

A hypothesis is given as a cause only if it agrees with what backward gives at all the points that
are compared, and the true derivative does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.activations import catalogue
from actgrad.layers.arrays import Array
from actgrad.layers.check.discontinuities import shortest
from actgrad.layers.check.evidence import (
    Evidence,
    agree,
    numeric_attributes,
    with_attribute,
)
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import ActgradError

#: The ratios that have a name.
RATIOS = {2: "twice", 0.5: "half", 4: "4 times", 0.25: "a quarter of", 3: "3 times"}


#: So many wrong points on one side show a branch, if the error of the first is this part of the
#: largest.
FEWEST_WRONG, SUDDEN = 3, 1e-3


class Cause(NamedTuple):
    """What backward does wrong, as a guess, and what to change."""

    sentence: str
    remedy: str


Comparison: TypeAlias = Callable[[Evidence], tuple[Any, Any]]


class Hypothesis(NamedTuple):
    """A possible mistake: two rows that are equal if it was made, and its cause."""

    compared: Comparison
    sentence: str
    remedy: str


def _gate(e: Evidence) -> Array:
    """The s(x) of a forward that is x·s(x)."""
    return np.asarray(e.out / e.x)


FITS_FORWARD = Cause(
    "backward fits forward, and forward is not the formula",
    "compare forward and its parameters with the formula",
)
MULTIPLY = "multiply the derivative by dout: dx = dout * derivative"
PRODUCT = "the derivative of x·s(x) is s(x) + x·s′(x)"
#: Mistakes in the use of dout. They are tried if backward is not linear in dout.
OF_DOUT = (
    Hypothesis(lambda e: (e.upstream, e.slope), "backward ignores dout", MULTIPLY),
    Hypothesis(lambda e: (e.upstream, e.dx), "backward ignores dout", MULTIPLY),
    Hypothesis(
        lambda e: (e.upstream, e.dout**2 * e.dx), "backward multiplies by dout twice", MULTIPLY
    ),
    Hypothesis(
        lambda e: (e.upstream, e.dout + e.slope),
        "backward adds dout to the derivative instead of multiplying them",
        MULTIPLY,
    ),
    Hypothesis(
        lambda e: (e.upstream, e.dout * e.slope_at(e.dout)),
        "backward computes the derivative (or the mask) from dout",
        "compute it from the x that forward keeps",
    ),
    Hypothesis(
        lambda e: (e.upstream, np.abs(e.dout) * e.dx), "backward uses |dout| for dout", MULTIPLY
    ),
    Hypothesis(
        lambda e: (e.upstream, np.sign(e.dout) * e.dx),
        "backward uses only the sign of dout",
        MULTIPLY,
    ),
    Hypothesis(
        lambda e: (e.upstream, np.clip(e.dout, -1, 1) * e.dx),
        "backward clips dout to [-1, 1]",
        "clip gradients outside the layer",
    ),
    Hypothesis(
        lambda e: (e.upstream, np.maximum(e.dout, 0) * e.dx),
        "backward stops a negative dout",
        "the sign of dout must not matter: take the mask from x alone",
    ),
    Hypothesis(lambda e: (e.upstream, e.dout.mean() * e.dx), "backward averages dout", MULTIPLY),
    Hypothesis(lambda e: (e.upstream, e.dout.sum() * e.dx), "backward sums dout", MULTIPLY),
)
#: Mistakes in the derivative.
OF_SLOPE = (
    Hypothesis(
        lambda e: (e.dx_at(e.out), e.slope),
        "the derivative in backward is right if it is fed out; as called, it is fed x",
        "keep out in forward, and compute the derivative from it",
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope_at(e.out) if not e.is_piecewise_linear else np.nan),
        "the derivative in backward is right if it is fed x; as called, it is fed out",
        "keep x in forward, and compute the derivative from it",
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope_at(e.out)),
        "the mask is taken from out; it belongs to x",
        "compute the mask from x in forward, and keep it",
    ),
    Hypothesis(
        lambda e: (e.dx, -e.slope), "the sign of the gradient is wrong", "change the sign of dx"
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope.min() + e.slope.max() - e.slope),
        "the mask is the wrong way round",
        "negate the mask in backward",
    ),
    Hypothesis(lambda e: (e.dx, 0), "backward gives 0 everywhere", MULTIPLY),
    Hypothesis(
        lambda e: (e.dx, 1), "backward returns dout itself: the derivative is missing", MULTIPLY
    ),
    Hypothesis(
        lambda e: (e.dx, e.out),
        "backward gives dout * out: it has forward's value for its derivative",
        "multiply dout by the derivative of forward",
    ),
    Hypothesis(lambda e: (e.dx, e.x), "backward gives dout * x", "multiply dout by the derivative"),
    Hypothesis(
        lambda e: (e.dx, e.out * (1 - e.out)),
        "backward gives dout * out * (1 - out), which is the gradient of the sigmoid",
        "use the derivative of this layer's forward",
    ),
    Hypothesis(
        lambda e: (e.dx, 1 - e.out**2),
        "backward gives dout * (1 - out**2), which is the gradient of tanh",
        "use the derivative of this layer's forward",
    ),
    Hypothesis(
        lambda e: (e.dx, 1 - e.out),
        "backward gives dout * (1 - out): a factor is missing",
        "the gradient of the sigmoid is dout * out * (1 - out)",
    ),
    Hypothesis(
        lambda e: (e.dx, _gate(e)),
        "backward gives the first term s(x) of the product rule for x·s(x) only",
        PRODUCT,
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope - _gate(e)),
        "backward gives the second term x·s′(x) of the product rule for x·s(x) only",
        PRODUCT,
    ),
    Hypothesis(
        lambda e: (e.dx, 2 * _gate(e) - e.slope),
        "the second term of the product rule for x·s(x) has the wrong sign",
        PRODUCT,
    ),
    Hypothesis(
        lambda e: (e.dx, _gate(e) + (e.slope - _gate(e)) / e.x),
        "the second term of the product rule for x·s(x) lacks the factor x",
        PRODUCT,
    ),
    Hypothesis(lambda e: (e.dx, e.slope**2), "the derivative is squared", MULTIPLY),
    Hypothesis(
        lambda e: (e.dx, 1 / e.slope), "backward divides by the derivative", "multiply by it"
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope_at(-e.x)),
        "backward computes the derivative at -x",
        "compute it at x",
    ),
    Hypothesis(
        lambda e: (e.dx, e.slope_at(np.abs(e.x))),
        "backward computes the derivative at |x|",
        "compute it at x, or give it the sign of x",
    ),
)


def elementwise_cause(subject: Subject, x: Array, finding: str) -> Cause | None:
    """The likely cause of that finding on an element-wise layer; x are points to compare, too."""
    try:
        with np.errstate(all="ignore"):
            evidence = Evidence(subject, x)
            if not evidence.agree(evidence.upstream, evidence.dout * evidence.dx):
                cause = _first(evidence, OF_DOUT)
                if cause or finding == "not-linear":
                    return cause
            if finding == "not-linear":
                return _limit_of_dout(evidence)
            return _cause_of_slope(evidence)
    except ActgradError:  # the layer takes none of the other inputs
        return None


def _limit_of_dout(evidence: Evidence) -> Cause | None:
    """The |dout| above or below which backward is not linear any more, if there is one."""
    i = int(np.abs(evidence.dx).argmax())

    def quotient(exponent: float) -> float:
        dout = 10.0**exponent
        dx = evidence.subject.run(evidence.x, np.full_like(evidence.x, dout)).dx.ravel()
        return float(dx[i] / evidence.dx[i] / dout)

    for last, side in ((12.0, "above"), (-12.0, "below")):
        linear, limit = 0.0, last
        if np.isclose(quotient(limit), 1):
            continue
        for _ in range(20):
            middle = (linear + limit) / 2
            linear, limit = (middle, limit) if np.isclose(quotient(middle), 1) else (linear, middle)
        what = "0" if quotient(last) == 0 else "too small" if side == "above" else "too large"
        sentence = f"dx is {what} where |dout| is {side} about {10**limit:.2g}"
        return Cause(sentence, "clip and round gradients outside the layer")
    return None


def _cause_of_slope(evidence: Evidence) -> Cause | None:
    """The cause at all points; else the cause at the points where the derivative is wrong."""
    wrong = ~agree(evidence.dx, evidence.slope, evidence.subject.eps)
    if not wrong.any():
        return None
    if evidence.backward_fits_forward:
        return FITS_FORWARD
    cause = _cause_everywhere(evidence)
    if cause is not None or wrong.all():
        return cause
    first, last = np.flatnonzero(wrong)[[0, -1]]
    x, off = evidence.x, np.abs(evidence.dx - evidence.slope)
    at_one_end = wrong[first : last + 1].all() and (first == 0 or last == x.size - 1)
    if not at_one_end or last - first < FEWEST_WRONG:
        return None
    low, high = (x[first - 1], x[first]) if first else (x[last], x[last + 1])
    if off[first if first else last] < SUDDEN * off[wrong].max():
        return None  # the error fades away: no branch begins here
    edge = evidence.elementwise.positions
    inside = edge[(low <= edge) & (edge <= high)]
    at = float(inside[0]) if inside.size else shortest((low + high) / 2, (high - low) / 2)
    side = f"where x {'>' if first else '<'} {'' if inside.size else 'about '}{at:.3g}"
    cause = _cause_everywhere(evidence.where(wrong))
    if cause is None:
        remedy = "compare the branches of forward and backward there"
        return Cause(f"backward is wrong only {side}", remedy)
    return Cause(f"{side}: {cause.sentence}", cause.remedy)


def _cause_everywhere(evidence: Evidence) -> Cause | None:
    ratio = ratio_cause(evidence.dx, evidence.slope, evidence.subject)
    return (
        next(_ignored_parameters(evidence), None)
        or (ratio if ratio and "factor" in ratio.sentence else None)
        or _first(evidence, OF_SLOPE)
        or next(_missing_in_second_term(evidence), None)
        or _other_layer(evidence)
        or ratio
        or _constant_difference(evidence)
    )


def _first(evidence: Evidence, hypotheses: tuple[Hypothesis, ...]) -> Cause | None:
    for hypothesis in hypotheses:
        if evidence.agree(*hypothesis.compared(evidence)):
            return Cause(hypothesis.sentence, hypothesis.remedy)
    return None


def _ignored_parameters(evidence: Evidence) -> Iterator[Cause]:
    """The parameters for whose neutral value backward is right."""
    for name, value in numeric_attributes(evidence.subject).items():
        for neutral in (1, 0):
            if np.all(np.asarray(value) == neutral):
                continue
            other = with_attribute(evidence.subject, name, value * 0 + neutral)
            try:
                slope = evidence.derivative_of(other, evidence.x)
            except ActgradError:
                continue
            if evidence.agree(evidence.dx, slope):
                yield ignored_parameter(name, value, neutral)


def _missing_in_second_term(evidence: Evidence) -> Iterator[Cause]:
    """The parameters that the second term of the product rule for x·s(x) lacks as a factor."""
    gate = _gate(evidence)
    for name, value in numeric_attributes(evidence.subject).items():
        if np.size(value) == 1 and float(value) not in {0, 1}:
            lacking = gate + (evidence.slope - gate) / float(value)
            if evidence.agree(evidence.dx, lacking):
                yield Cause(
                    f"the second term of the product rule lacks the factor {name} = {value:g}",
                    f"the derivative of s({name}·x) is {name}·s′({name}·x)",
                )


def ignored_parameter(name: str, value: Any, neutral: int) -> Cause:
    """The cause that backward is right for the neutral value of a parameter only."""
    given = f" = {value:g}" if np.ndim(value) == 0 else ""
    sentence = f"backward ignores the parameter {name}{given}: it is right for {name} = {neutral}"
    return Cause(sentence, f"use {name} in backward as the derivative of forward does")


def _other_layer(evidence: Evidence) -> Cause | None:
    """The layer of the catalogue whose derivative backward gives."""
    forward, backward = "another function", ""
    for cls in catalogue():
        if any(parameter.default is None for parameter in cls.parameters.values()):
            continue
        layer = cls()
        if not layer.is_elementwise:
            continue
        value = layer.forward(evidence.x)
        if evidence.agree(evidence.out, value):
            forward = str(layer)
        if not backward and evidence.agree(evidence.dx, layer.backward(np.ones_like(value))):
            backward = str(layer)
    if not backward:
        return None
    sentence = f"backward is the derivative of {backward}, and forward is {forward}"
    return Cause(sentence, "use the derivative of this layer's forward")


def ratio_cause(
    dx: Array, right: Array, subject: Subject, sizes: Sequence[int] = ()
) -> Cause | None:
    """The cause that dx is a constant times the right gradient, or None.

    The constant is named if it is a parameter of the layer, one of `sizes`, or a simple number.
    """
    used = np.abs(right) > 1e-3 * np.abs(right).max(initial=0.0)
    if not used.any():
        return None
    ratio = float(np.median(dx[used] / right[used]))
    if not ratio or not agree(dx, ratio * right, subject.eps).all():
        return None
    remedy = f"divide dx by {ratio:g}" if abs(ratio) >= 1 else f"multiply dx by {1 / ratio:g}"
    known = {
        name: float(value)
        for name, value in numeric_attributes(subject).items()
        if np.size(value) == 1
    }
    for name, value in known.items():
        if value not in {0, 1} and np.isclose(ratio * value, 1):
            return Cause(f"the factor {name} = {value:g} is missing", f"multiply dx by {name}")
        if value not in {0, 1} and np.isclose(ratio, value):
            return Cause(f"the factor {name} = {value:g} is one too many", f"divide dx by {name}")
    for size in sizes:
        if size > 1 and np.isclose(ratio, size):
            sentence = f"the factor 1/n is missing, n = {size} (the elements along an axis)"
            return Cause(sentence, "divide dx by n")
    times = [text for number, text in RATIOS.items() if np.isclose(ratio, number)]
    text = times[0] if times else f"{ratio:.6g} times"
    return Cause(f"backward gives {text} the right gradient", remedy)


def _constant_difference(evidence: Evidence) -> Cause | None:
    difference = evidence.dx - evidence.slope
    constant = float(np.median(difference))
    if evidence.agree(evidence.dx, evidence.slope + constant):
        sentence = f"backward gives the derivative and {constant:+.6g}, the same at every x"
        return Cause(sentence, f"{'subtract' if constant > 0 else 'add'} {abs(constant):.6g}")
    return None
