"""The gradients of a layer's own parameters, which backward keeps beside them: dW beside W.

There is no rule for their names. An array that backward sets, and that is named after a parameter,
or has the same key in another container, as `grads["W"]` beside `params["W"]`, is taken for its
gradient. The layers that a layer is made of are looked at, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.gradient import SAFETY
from actgrad.layers.check.numerical_derivative import Estimate, differentiate
from actgrad.layers.check.parameters import Path, kept_by_backward, numbers_of, set_number
from actgrad.layers.check.points import Sample, distinct, ordinary_sample
from actgrad.layers.check.report import Finding, Where
from actgrad.layers.check.script import finding_of
from actgrad.layers.check.subject import Subject
from actgrad.layers.errors import LayerRaisedError

#: How the gradient of a parameter W is named.
NAMES = ("d{}", "d_{}", "grad_{}", "{}_grad", "g{}", "grad{}")
#: How a dictionary of gradients beside the parameters themselves is named.
CONTAINERS = ("grads", "gradients", "grad")
#: A larger part of the largest derivative is no effect of noise.
CLEAR = 1e-4
#: Of a larger parameter, so many elements are compared.
COMPARED = 12
#: The first step of the differences.
STEP = 0.125


class ParameterGradient(NamedTuple):
    """A parameter of a new layer, and where backward keeps its gradient."""

    parameter: Path
    gradient: Path
    #: The shape of the gradient. A parameter that is one number for all features may have an array.
    shape: tuple[int, ...]

    @property
    def text(self) -> str:
        """The gradient as Python has it after `layer.`."""
        return self.gradient.text


def parameter_gradients(subject: Subject, x: Array) -> list[ParameterGradient]:
    """The gradients that backward sets for parameters of the layer."""
    layer = subject.make()
    parameters = [*numbers_of(layer)]
    try:
        out = subject.call(layer, "forward", x.copy())
        before = {path: np.array(value, copy=True) for path, value in numbers_of(layer)}
        subject.call(layer, "backward", _upstream(out.shape).array.copy())
    except LayerRaisedError:
        return []
    after = dict(numbers_of(layer))
    pairs = []
    for path, value in parameters:
        for gradient in _candidates(path, after):
            result, was = after[gradient], before.get(gradient)
            is_set = was is None or not np.array_equal(was, result, True)
            if is_set and np.shape(result) in (np.shape(value), *_of_features(value, x)):
                pairs.append(ParameterGradient(path, gradient, np.shape(result)))
    return pairs


class ComparedGradient(NamedTuple):
    """Some elements of a gradient, the derivatives from values of forward, and their errors."""

    chosen: Array
    #: The parameter's own values.
    value: Array
    got: Array
    expected: Array
    error: Array

    @property
    def is_known(self) -> bool:
        """Whether every derivative has an error that is small beside the largest."""
        return bool((self.error <= CLEAR * self._scale).all())

    @property
    def is_right(self) -> bool:
        """Whether no element is off by more than noise."""
        return bool((np.abs(self.got - self.expected) - self.error <= CLEAR * self._scale).all())

    def factor(self, x: Array) -> float | None:
        """The one factor by which all elements differ, such as 1/n of a mean over the batch.

        A single element says nothing, unless the factor is one over a size of x.
        """
        if not self.expected.any():
            return None
        factor = float((self.got * self.expected).sum() / (self.expected**2).sum())
        off = np.abs(self.got - factor * self.expected) - self.error
        if factor <= 0 or (off > 1e-6 * np.abs(self.got).max()).any():
            return None
        is_mean = bool(np.isclose(1 / factor, [*x.shape, x.size]).any())
        return factor if is_mean or self.got.size > 1 else None

    @property
    def has_decay(self) -> bool:
        """Whether what is too much is a multiple of the parameter: a weight decay."""
        rest = self.got - self.expected
        decay = float((rest * self.value).sum() / max((self.value**2).sum(), 1e-300))
        off = np.abs(rest - decay * self.value) - self.error
        return self.got.size > 1 and bool((off <= CLEAR * np.abs(rest).max()).all())

    @property
    def _scale(self) -> float:
        return float(np.abs(self.expected).max(initial=1e-3))


class CheckedParameters(NamedTuple):
    """The gradients of parameters that were compared, by name, the finding and the notes."""

    names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def check_parameter_gradients(subject: Subject, samples: Iterable[Sample]) -> CheckedParameters:
    """The finding on the first gradient of a parameter that is wrong, and notes on what backward
    keeps that is not checked, on the first sample with which every gradient can be compared.

    A gradient that is right but for a factor, or a multiple of the parameter, is a note: it may be
    a mean over the batch, or have a weight decay.
    """
    checked = []
    for sample in samples:
        checked.append(_checked(subject, sample))
        if not checked[-1].notes:
            break
    return min(checked, key=lambda each: len(each.notes))


def _checked(subject: Subject, sample: Sample) -> CheckedParameters:
    """What one x shows."""
    x = sample.array.astype(np.float64)
    kept = kept_by_backward(subject, x)
    notes = {path.text: f"not checked: {path.text}, which backward keeps" for path in kept}
    names: list[str] = []
    findings: list[Finding] = []
    for each in parameter_gradients(subject, x):
        name = each.text
        try:
            comparison = _compared(subject, x, each)
        except LayerRaisedError:
            continue
        factor = comparison.factor(x)
        if comparison.is_right and comparison.is_known:
            names.append(name)
        elif factor and comparison.is_known:
            notes[name] = f"not checked: {name}, which is {factor:.4g} times the derivative"
        elif comparison.is_known and comparison.expected.any() and not comparison.has_decay:
            names.append(name)
            findings.append(_finding(subject, sample, each, comparison))
    # A network keeps the gradients of its layers in a list of its own, too.
    arrays = [value for path, value in kept.items() if path.text in names]
    for path, value in kept.items():
        if path.text in names or any(value is array for array in arrays):
            notes.pop(path.text, None)
    return CheckedParameters(tuple(names), tuple(findings[:1]), tuple(notes.values()))


def _compared(subject: Subject, x: Array, each: ParameterGradient) -> ComparedGradient:
    layer = subject.make()
    value = np.array(dict(numbers_of(layer))[each.parameter], np.float64)
    value = np.broadcast_to(value, each.shape).copy()
    dout = _upstream(subject.call(layer, "forward", x.copy()).shape).array
    subject.call(layer, "backward", dout.copy())
    gradient = np.asarray(dict(numbers_of(layer))[each.gradient], np.float64).ravel()
    chosen = distinct(np.linspace(0, value.size - 1, min(value.size, COMPARED)).astype(int))

    def estimate_at(i: int) -> Estimate:
        def loss(number: Array) -> Array:
            moved = value.copy()
            moved.flat[i] = number
            changed = subject.make()
            set_number(changed, each.parameter, moved if value.ndim else float(moved))
            return np.asarray((subject.call(changed, "forward", x.copy()) * dout).sum())

        with np.errstate(all="ignore"):
            return differentiate(loss, np.array(value.flat[i]), np.array(STEP), 0, 10, subject.eps)

    estimates = [estimate_at(i) for i in chosen.tolist()]
    expected = np.array([float(estimate.value) for estimate in estimates])
    error = np.array([SAFETY * float(estimate.error) for estimate in estimates])
    return ComparedGradient(chosen, value.ravel()[chosen], gradient[chosen], expected, error)


def _finding(
    subject: Subject, sample: Sample, each: ParameterGradient, comparison: ComparedGradient
) -> Finding:
    """The finding at the element that is off most."""
    k = int(np.abs(comparison.got - comparison.expected).argmax())
    where = Where(np.nan, float(comparison.got[k]), float(comparison.expected[k]), 0.0)
    dout = _upstream(subject.forward(sample.array.astype(np.float64)).shape)
    i = int(comparison.chosen[k])
    message = (
        f"layer.{each.text} at element {i} (flat) is {{got}}, the derivative of (out * dout).sum() "
        "by the parameter is {expected}"
    )
    statement = f"x = {sample.text}; layer.forward(x); layer.backward({dout.text})"
    code = statement, f"np.ravel(layer.{each.text})[{i}]"
    return finding_of("wrong-gradient", message, code, where)


def _upstream(shape: tuple[int, ...]) -> Sample:
    return ordinary_sample(shape, start=7)


def _candidates(path: Path, kept: Collection[Path]) -> Iterator[Path]:
    """Where the gradient of a parameter may be, among the paths that the layer keeps."""
    name = path.attribute if path.key is None else path.key
    own = [pattern.format(name) for pattern in NAMES]
    for each in kept:
        if each.owner != path.owner or each.attribute == path.attribute:
            continue
        if each.key is None:
            named = each.attribute in own
        else:
            beside = path.key is not None or each.attribute in CONTAINERS
            named = beside and each.key in (name, f"d{name}")
        if named:
            yield each


def _of_features(value: Any, x: Array) -> list[tuple[int, ...]]:
    """The shapes of the gradient of one number for all features that has one for each feature."""
    return [x.shape[1:], x.shape[-1:]] if np.ndim(value) == 0 and x.ndim > 1 else []
