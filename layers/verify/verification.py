"""Verifying a dump of a kernel's results, element by element, against the exact values."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.activations import layer as named_layer
from actgrad.layers.arrays import Array, decimal, floating
from actgrad.layers.casting import EIGHT_BIT, overflow
from actgrad.layers.displayed import Displayed
from actgrad.layers.errors import DtypeError, ShapeError
from actgrad.layers.exact import ZERO, FloatFormat, Truths
from actgrad.layers.explain import Derivative
from actgrad.layers.layer import Layer
from actgrad.layers.verify.causes import (
    LINES_KEPT,
    WRONG_ARRAY,
    FailedLines,
    LikelyCause,
    likely_cause,
    likely_cause_of_lines,
)
from actgrad.layers.verify.counted import Counted
from actgrad.layers.verify.judge import (
    CONVENTION,
    Comparison,
    Conventions,
    Policy,
    Reference,
    mark_passed,
    nan_inputs,
    with_preset,
)
from actgrad.layers.verify.monotonic import Monotonicity
from actgrad.layers.verify.tally import Elements, Tally
from actgrad.layers.verify.verified_element import VerifiedElement, with_exact_value

#: The elements, or the lines, that `verify` compares at a time.
LINES = 1 << 14


class Block(NamedTuple):
    """Part of a dump, in arrays of one dtype in native byte order: 1-d, or lines of x as rows."""

    x: Array
    out: Array | None = None
    #: None stands for ones.
    dout: Array | None = None
    dx: Array | None = None
    d2x: Array | None = None


class Verification(Displayed):
    """The errors and failures of a dump: give it the blocks with `add`, then read the results.

    >>> verification = Verification(layer("gelu"), np.dtype("float32"), Policy(max_ulp=2))
    >>> verification.add(Block(x, out))
    >>> verification.ok, verification.tallies["out"].max

    Raises:
        PolicyError: the policy has a limit that is negative or nan, an empty range, or a preset
            that states nothing for the layer or the dtype.
        ShapeError: the policy wants a layer along an axis to be monotonic.
        DtypeError: the dtype has not the overflow that the policy wants.

    d2x is verified as the dx of the derivative. At a kink it must be 0.

    A part of a dump is verified on its own with `starts`: the number of elements of each result
    before it. `merge` then gives what the whole dump would give.
    """

    def __init__(
        self,
        layer: Layer,
        dtype: np.dtype[Any],
        policy: Policy | None = None,
        starts: Mapping[str, int] | None = None,
    ) -> None:
        self.policy = (policy or Policy()).checked()
        with overflow(self.policy.overflow, dtype):
            float_format = FloatFormat.of(dtype)
        if dtype.name in EIGHT_BIT:
            self.policy = self.policy._replace(overflow=float_format.overflow_gives)
        self.policy = with_preset(self.policy, layer, float_format)
        self.reference = Reference(layer, float_format)
        #: What was counted: `merge` includes that of another part.
        self.counted = Counted()
        self._starts = starts or {}
        self._comparison = Comparison(self.reference, self.policy)
        self._conventions = Conventions(self.reference.layer)
        if self.policy.monotonic and not layer.is_elementwise:
            raise ShapeError("a layer along an axis is not monotonic: only elementwise layers are")

    @cached_property
    def second_order(self) -> Verification:
        """The verification of the derivative, whose dx is d2x.

        Raises:
            ShapeError: the layer works along an axis.
        """
        derivative = Derivative(self.reference.layer)
        # The limits of a preset are in the policy already.
        policy = self.policy._replace(monotonic=False, keep_conventions=True, like=None)
        starts = {"dx": self._starts.get("d2x", 0)}
        return Verification(derivative, self.reference.float_format.dtype, policy, starts)

    def __repr__(self) -> str:
        return f"Verification({self.summary})"

    @cached_property
    def _monotonicity(self) -> Monotonicity | None:
        """Without a kernel, to find the layer's directions takes seconds."""
        layer = self.reference.layer
        is_quick = layer.is_elementwise and all(each.has_kernel for each in layer.layers)
        return Monotonicity(self.reference) if self.policy.monotonic or is_quick else None

    @property
    def tallies(self) -> dict[str, Tally]:
        """The tally of each result that the dump has: out, dx, d2x."""
        return self.counted.tallies

    @property
    def exact(self) -> int:
        """How many elements needed exact arithmetic."""
        return self.counted.exact

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, with their parameters, as text."""
        return tuple(str(layer) for layer in self.reference.layer.layers)

    @property
    def dtype(self) -> str:
        """The dump's dtype."""
        return self.reference.float_format.dtype.name

    @property
    def ok(self) -> bool:
        """Whether no element failed."""
        return not any(tally.failed for tally in self.tallies.values())

    @property
    def summary(self) -> str:
        """One line: how many elements fail and how, the largest error, and the policy."""
        results = "; ".join(self._result(name, tally) for name, tally in self.tallies.items())
        exact = f"{self.exact} needed exact arithmetic"
        verdict = "ok" if self.ok else "FAILED"
        return (
            f"{' '.join(self.layers)}: {verdict}: {results} ({self.dtype}; {self.policy}; {exact})"
        )

    @property
    def with_flushing(self) -> str:
        """The verdict if subnormal numbers might be flushed; empty if it would be the same."""
        if not any(sum(tally.flushable.values()) for tally in self.tallies.values()):
            return ""
        parts = []
        for name, tally in self.tallies.items():
            left = {failure: n - tally.flushable[failure] for failure, n in tally.failures.items()}
            counts = ", ".join(f"{failure} {n}" for failure, n in left.items() if n)
            if counts:
                total = f"{sum(left.values())} of {tally.count} elements fail ({counts})"
                parts.append(f"{name}: {total}")
        return f"with subnormals flushed: {'FAILED: ' + '; '.join(parts) if parts else 'ok'}"

    def _result(self, name: str, tally: Tally) -> str:
        counts = ", ".join(f"{failure} {n}" for failure, n in tally.failures.items() if n)
        failed = f"{tally.failed} of {tally.count} elements fail ({counts}), " if counts else ""
        where = f" at x = {decimal(tally.at, 9)}" if tally.at is not None and tally.max else ""
        if counts and not tally.max:
            return f"{name}: {failed.removesuffix(', ')}"
        return f"{name}: {failed}max {decimal(tally.max, 3)} ULP{where}"

    def worst(self, name: str, count: int) -> list[VerifiedElement]:
        """Return at most `count` of the worst elements of a result, with their exact values."""
        if name == "d2x":
            return self.second_order.worst("dx", count)
        elements = self.tallies[name].worst(count)
        if elements is None:
            return []
        return [
            with_exact_value(self.reference, name, elements.at(slice(i, i + 1)))
            for i in range(elements.x.size)
        ]

    @property
    def likely_causes(self) -> dict[str, LikelyCause]:
        """The likely cause of the errors of each result, where a cause is recognised."""
        causes = {
            name: likely_cause(self.reference, name, tally)
            for name, tally in self.tallies.items()
            if name != "d2x"
        }
        for name, lines in self.counted.failed_lines.items():
            causes[name] = likely_cause_of_lines(self.reference, name, lines)
        if "d2x" in self.tallies:
            second = self.second_order.likely_causes.get("dx")
            # The out of the derivative is the dx of the layer.
            if second is not None and second.cause == f"{WRONG_ARRAY} out":
                second = second._replace(cause=f"{WRONG_ARRAY} dx")
            causes["d2x"] = second
        return {name: cause for name, cause in causes.items() if cause is not None}

    def add(self, block: Block) -> None:
        """Verify a block.

        Raises:
            ShapeError: the layer takes no x of this shape, or out, dout or dx does not fit it.
        """
        if block.d2x is not None:
            before = self.second_order.exact
            self.second_order.add(Block(block.x, None, block.dout, block.d2x))
            self.counted.exact += self.second_order.exact - before
            self.tallies["d2x"] = self.second_order.tallies["dx"]
        with np.errstate(invalid="ignore"):  # a signalling nan
            x, out, dout, dx = (
                None if array is None else array.astype(np.float64) for array in block[:4]
            )
        assert x is not None
        shape = self.reference.layer.out_shape(x.shape)
        for name, array, right in (("out", out, shape), ("dout", dout, shape), ("dx", dx, x.shape)):
            if array is not None and array.shape != right:
                raise ShapeError(
                    f"{name} has shape {array.shape}, but must have {right} for x of {x.shape}"
                )
        dout = np.ones(shape) if dout is None else dout
        results = {name: got for name, got in (("out", out), ("dx", dx)) if got is not None}
        if not results:
            return
        truths, exact = self.reference.truths(x, dout, results, self._comparison.undecided)
        self.counted.exact += exact
        for name in results:
            if name not in self.tallies:
                start = self._starts.get(name, 0)
                self.tallies[name] = Tally(self.reference.float_format, start)
            tally = self.tallies[name]
            elements = self._compared(name, tally.end, block, x, dout, truths[name])
            tally.end += results[name].size
            self._count(name, tally, elements)
            if x.ndim == 2:
                self._keep_failed_lines(name, x, dout, elements)

    def part(self, starts: Mapping[str, int]) -> Verification:
        """The verification of the part that begins at `starts`, whose preparations are shared."""
        part = copy(self)
        part.counted, part._starts = Counted(), starts
        part.__dict__.pop("second_order", None)
        return part

    def merge(self, later: Counted) -> None:
        """Include what was counted of a later part of the dump.

        That part was verified from its own start. Out may move against the layer's direction
        between the last element of one part and the first of the next.
        """
        tally, other = self.tallies.get("out"), later.tallies.get("out")
        ends = tally and tally.edges, other and other.edges
        self.counted.merge(later)
        if ends[0] and ends[1] and tally:
            self._count_against(tally, ends[1][0], ends[0][1])
        if "d2x" in self.tallies:
            self.second_order.tallies["dx"] = self.tallies["d2x"]

    def _keep_failed_lines(self, name: str, x: Array, dout: Array, elements: Elements) -> None:
        kept = self.counted.failed_lines.get(name)
        if kept is not None and len(kept.x) == LINES_KEPT:
            return
        places = np.arange(elements.x.size).reshape(len(x), -1)
        failed = np.flatnonzero((elements.failure[places] > 0).any(axis=1))[:LINES_KEPT]
        if failed.size:
            lines = FailedLines(x[failed], dout[failed], elements.at(places[failed].ravel()))
            self.counted.failed_lines[name] = lines if kept is None else kept.followed_by(lines)

    def _compared(
        self, name: str, seen: int, block: Block, x: Array, dout: Array, truths: Truths
    ) -> Elements:
        """The elements of a block's result with their errors and failures."""
        raw = getattr(block, name)
        nan_input = nan_inputs(x, dout)
        if x.ndim == 2:
            nan_input = np.repeat(nan_input, raw.shape[1])
        error, failure = self._comparison.failures(raw.ravel(), truths, nan_input)
        if x.ndim == 1 and not self.policy.ignore_nan_payload:
            self._comparison.mark_lost_payloads(raw, (block.x, block.dout), nan_input, failure)
        flushable = np.zeros(failure.size, bool)
        if failure.any():
            with_flushing = error.copy(), failure.copy()
            self._comparison.allow_flushing(name, x, dout, raw.ravel(), truths, *with_flushing)
            if self.policy.flush_subnormals:
                error, failure = with_flushing
            else:
                flushable = with_flushing[1] == 0
        noted = np.zeros_like(failure)
        if not self.policy.keep_zero_sign:
            noted = self._comparison.allow_zero_signs(failure)
        if not self.policy.keep_conventions and failure.any():
            follows = self._conventions.follows(name, x, dout, raw.ravel(), failure)
            mark_passed(np.flatnonzero(follows), error, failure)
            noted[follows] = CONVENTION
        position = np.arange(seen, seen + raw.size)
        x, dout = (per_result(given, raw) for given in (x, dout))
        right = self._comparison.is_right(raw.ravel(), truths, error)
        least = self.reference.float_format.least
        subnormal = (truths.exponent < least) & (truths.exponent != ZERO)
        given = position, x, dout, raw.ravel(), truths.value
        flushable &= failure > 0
        return Elements(*given, error, right, failure, noted, subnormal, flushable)

    def _count(self, name: str, tally: Tally, elements: Elements) -> None:
        if self.policy.within is not None:
            low, high = self.policy.within
            inside = (elements.x >= low) & (elements.x <= high)
            tally.left_out += int(np.count_nonzero(~inside))
            elements = elements.at(inside)
        if elements.x.size:
            before = tally.edges and tally.edges[1]
            tally.add(elements)
            if name == "out":
                self._count_against(tally, elements)
                if before is not None:
                    self._count_against(tally, elements.at(slice(0, 1)), before)

    def _count_against(
        self, tally: Tally, elements: Elements, before: Elements | None = None
    ) -> None:
        if self._monotonicity is None:
            return
        against = self._monotonicity.failures(elements, before)
        tally.against = (tally.against or 0) + against.x.size
        if self.policy.monotonic:
            tally.add_failures("decreasing", against)


def per_result(given: Array, result: Array) -> Array:
    """The x or dout of each element of a result; for a layer that halves lines, the first half."""
    if given.shape == result.shape:
        return given.ravel()
    columns = np.arange(result.shape[1]) % given.shape[1]
    return np.asarray(given[:, columns].ravel())


def verify(
    layer: Layer | str,
    x: Array,
    *,
    out: Array | None = None,
    dx: Array | None = None,
    dout: Array | None = None,
    d2x: Array | None = None,
    policy: Policy | None = None,
) -> Verification:
    """Compare arrays that a kernel computed with the exact results of the layer.

    The arrays have one dtype, a float that layers compute in. dx and d2x have the shape of x; out
    and dout have that of the layer's result. Without dout, it is 1 everywhere.

    >>> verify("relu", np.float32([-1, 2]), out=np.float32([0, 2])).ok
    True

    Raises:
        UnknownLayerError, ParameterError: a text names no layer of the catalogue.
        PolicyError: a limit is negative or nan, or the range of x is empty or leaves no element.
        ShapeError: there is no element, the shapes do not fit, or the layer has too many axes.
        DtypeError: x has no dtype in which layers compute, or another array has another dtype.
    """
    layer = named_layer(layer) if isinstance(layer, str) else layer
    x = floating(x, "x")
    axes = layer.axes(x.ndim)
    if len(axes) > 1:
        raise ShapeError(f"{layer} works along several axes, which cannot be verified")
    shapes = dict.fromkeys(("x", "dx", "d2x"), x.shape)
    shapes |= dict.fromkeys(("out", "dout"), layer.out_shape(x.shape))
    arrays = {"x": x, "out": out, "dout": dout, "dx": dx, "d2x": d2x}
    parts = {}
    for name, array in arrays.items():
        if array is None:
            continue
        if array.dtype != x.dtype:
            raise DtypeError(f"{name} is of dtype {array.dtype}, but x is of {x.dtype}")
        if array.shape != shapes[name]:
            raise ShapeError(f"{name} has shape {array.shape}, but must have {shapes[name]}")
        native = array.astype(x.dtype.newbyteorder("="))
        for axis in axes:
            native = np.moveaxis(native, axis, -1).reshape(-1, native.shape[axis])
        parts[name] = native if axes else native.ravel()
    verification = Verification(layer, parts["x"].dtype, policy)
    for start in range(0, len(parts["x"]), LINES):
        part = slice(start, start + LINES)
        verification.add(Block(**{name: array[part] for name, array in parts.items()}))
    verification.counted.check_any()
    return verification
