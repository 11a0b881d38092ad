"""The limits that a result must keep, and which of them each element breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from actgrad.layers.arrays import Array, decimal
from actgrad.layers.casting import OVERFLOWS, nearest_numbers
from actgrad.layers.errors import PolicyError
from actgrad.layers.exact import ZERO, Truths, distances, errors, in_ulp, is_nearest, units
from actgrad.layers.verify.judge.reference import Reference, taken

#: The share of a limit by which an error may exceed it; the roundings of float64 add less.
ROUNDING = 2.0**-50
#: An error closer to a limit than this share of the limit is computed exactly.
NEAR = 2.0**-48


#: Every failure. An element has at most one, the last that applies.
FAILURES = {
    "ulp": "the error in ULP is above its limit",
    "abs": "the absolute error is above its limit",
    "rel": "the relative error is above its limit",
    "close": "the error is above atol + rtol·|truth|",
    "lost": "0 where the truth is a normal number",
    "flushed": "0 where the truth is a subnormal number",
    "zero-sign": "a 0 of the wrong sign where the truth is 0",
    "underflow-sign": "a 0 of the wrong sign where the truth is too small for the dtype",
    "sign": "a number of the wrong sign",
    "finite": "a finite number where the truth overflows",
    "overflow": "an overflow where the policy wants another: nan, the largest number or infinity",
    "inf": "an infinity where the truth is finite",
    "nan": "nan where the truth is a number",
    "payload": "a nan without the sign and payload of the input's nan",
    "not-nan": "a number where the truth is nan",
    "decreasing": "out falls where the layer rises, or rises where it falls",
}
#: The number that marks an element with each failure; 0 marks an element that passes.
FAILURE_CODES = {failure: code for code, failure in enumerate(FAILURES, 1)}
#: The failures that count under `Policy.keep_zero_sign` alone. The sign of a 0 is a convention:
#: PyTorch's ReLU, for one, gives −0 at −0.
ZERO_SIGNS = ("zero-sign", "underflow-sign")
#: The number that marks an element that passes by another convention.
CONVENTION = len(FAILURES) + 1


class Policy(NamedTuple):
    """The limits that every element must keep: all that are not None.

    A nan for a number, an infinity for a finite truth, a number of the wrong sign and a lost
    subnormal fail under every policy.
    """

    #: The largest error allowed, in ULP.
    max_ulp: float | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    #: Whether subnormal x and dout may count as 0, and subnormal results may be 0.
    flush_subnormals: bool = False
    ignore_nan_payload: bool = True
    #: The least and the largest x that are verified; None verifies all, nan included.
    within: tuple[float, float] | None = None
    #: Whether out must rise where the layer rises, and fall where it falls.
    monotonic: bool = False
    #: Whether a 0 must have the sign of the truth.
    keep_zero_sign: bool = False
    #: What overflow must give in an 8-bit float: "nan", "saturate" (the largest number) or "inf".
    #: None is what ml_dtypes gives, or the `overflow` of the context.
    overflow: str | None = None
    #: Whether the layer's own conventions must be kept: its slopes at kinks, and nan for a line of
    #: infinities.
    keep_conventions: bool = False
    #: The preset whose limits are kept: "torch" or "webnn".
    like: str | None = None
    #: atol and rtol: every error is at most atol + rtol·|truth|. A number so close to a number
    #: passes, whatever its sign, and also where it is 0.
    close: tuple[float, float] | None = None

    def checked(self) -> Policy:
        """Return the policy, with max_ulp = 1 if it has no limit.

        Raises:
            PolicyError: a limit is negative or nan, the range of x is empty, or there is no such
                overflow.
        """
        for name in ("max_ulp", "max_abs", "max_rel"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise PolicyError(name, f"is {limit:g}, but must be ≥ 0")
        if self.overflow not in (None, *OVERFLOWS):
            raise PolicyError("overflow", f"is {self.overflow!r}", f"one of {', '.join(OVERFLOWS)}")
        if self.within is not None and not self.within[0] <= self.within[1]:
            raise PolicyError("within", "{:g},{:g} is empty".format(*self.within))
        limits = (self.max_ulp, self.max_abs, self.max_rel)
        if self.like is not None or self.close is not None:
            return self
        return self._replace(max_ulp=1.0) if limits == (None, None, None) else self

    def __str__(self) -> str:
        """The policy as the summary states it."""
        limits = {"ULP": self.max_ulp, "abs": self.max_abs, "rel": self.max_rel}
        parts = [
            f"error ≤ {decimal(most)} {unit}" for unit, most in limits.items() if most is not None
        ]
        if self.close is not None:
            parts.append("error ≤ {:g} + {:g}·|truth|".format(*self.close))
        if self.like is not None:
            parts.insert(0, f"like {self.like}")
        if self.flush_subnormals:
            parts.append("subnormals may be flushed")
        parts.append(f"nan payloads {'ignored' if self.ignore_nan_payload else 'kept'}")
        if self.keep_zero_sign:
            parts.append("signs of 0 kept")
        if self.overflow is not None:
            parts.append(f"overflow: {self.overflow}")
        if self.keep_conventions:
            parts.append("conventions kept")
        if self.within is not None:
            parts.append("{:g} ≤ x ≤ {:g} only".format(*self.within))
        if self.monotonic:
            parts.append("monotonic")
        return ", ".join(parts)


class Comparison:
    """Compares results with their exact values under a policy."""

    def __init__(self, reference: Reference, policy: Policy) -> None:
        self.reference, self.policy = reference, policy
        self.float_format = reference.float_format

    def limits(self, got: Array, truths: Truths) -> Iterator[tuple[str, Any]]:
        """Each limit in ULP, a number or one for each result, with the failure above it."""
        policy, float_format = self.policy, self.float_format
        if policy.max_ulp is not None:
            yield "ulp", policy.max_ulp
        if policy.max_abs is None and policy.max_rel is None and policy.close is None:
            return
        unit, _ = units(got, truths, float_format)
        if policy.max_abs is not None:
            yield "abs", in_ulp(policy.max_abs, truths.exponent, float_format) * unit
        if policy.max_rel is not None:
            size = policy.max_rel * np.abs(truths.value)
            yield "rel", in_ulp(size, truths.exponent, float_format) * unit
        if policy.close is not None:
            atol, rtol = policy.close
            size = atol + rtol * np.abs(truths.value)
            yield "close", in_ulp(size, truths.exponent, float_format) * unit

    def undecided(self, got: Array, truths: Truths) -> Array:
        """Whether the radius of each truth is too large to compare the result with it.

        To compare is to know whether the error is above each limit, and above ½ ULP.
        """
        radius = truths.radius
        with np.errstate(all="ignore"):
            unit, is_open = units(got, truths, self.float_format)
            error = distances(got, truths, self.float_format) * unit
            # The relative limits are uncertain too, by their share of the radius.
            relative = (self.policy.max_rel or 0) + (self.policy.close or (0, 0))[1]
            margin = radius * unit * (1 + relative)
            least, most = error - margin, error + margin
            if truths.straddles.any():
                # In the next binade an ULP is twice as large, or half.
                least = np.where(truths.straddles, least / 2, least)
                most = np.where(truths.straddles, most * 2, most)
            undecided = ~(radius < np.inf) | (truths.straddles & (got == 0)) | is_open
            for limit in (0.5, *(limit for _, limit in self.limits(got, truths))):
                undecided |= (least <= limit * (1 + NEAR)) & (most >= limit * (1 - NEAR))
        return np.asarray(undecided & (radius != 0))

    def failures(self, raw: Array, truths: Truths, nan_input: Array) -> tuple[Array, Array]:
        """The error in ULP and the failure's code of each element; `raw` is of the dump's dtype.

        Where `nan_input` is True, x or dout is nan. There nan passes, and the result of the layer's
        own kernel passes too: a gradient may be a number where x is nan.
        """
        float_format, value = self.float_format, truths.value
        allowed = 1.0 if self.policy.max_ulp is None else self.policy.max_ulp
        with np.errstate(all="ignore"):
            got = raw.astype(np.float64)
            error = errors(got, truths, float_format)
            code = np.zeros(got.size, np.uint8)
            for failure, limit in self.limits(got, truths):
                code[error > limit * (1 + ROUNDING)] = FAILURE_CODES[failure]
        lost = np.flatnonzero((got == 0) & (error > max(allowed, 0.5)))
        kinds = FAILURE_CODES["flushed"], FAILURE_CODES["lost"]
        code[lost] = np.where(truths.exponent[lost] < float_format.least, *kinds)
        signs_differ = np.signbit(got) != np.signbit(value)
        if not float_format.has_signed_zero:
            signs_differ &= got != 0
        special = signs_differ | ~np.isfinite(got) | ~np.isfinite(value) | nan_input
        indices = np.flatnonzero(special)
        if indices.size:
            # There the kernel's result is the truth, and is rounded to the dtype too.
            kernels = nearest_numbers(value[indices], float_format.dtype)
            due = np.where(nan_input[indices], kernels, value[indices])
            error[indices], code[indices] = special_failures(
                got[indices],
                taken(truths, indices)._replace(value=due),
                signs_differ[indices],
                nan_input[indices],
                error[indices],
                code[indices],
            )
            if float_format.dtype.itemsize == 1:
                overflown = indices[np.isinf(value[indices]) & ~nan_input[indices]]
                error[overflown], code[overflown] = self._overflow_failures(
                    got[overflown], value[overflown]
                )
        if self.policy.close is not None:
            # A number that is close passes, whatever its sign, and also where it is 0.
            is_number = np.isfinite(got) & np.isfinite(value) & ~nan_input
            (within,) = (most for failure, most in self.limits(got, truths) if failure == "close")
            code[is_number] = np.where(error > within * (1 + ROUNDING), FAILURE_CODES["close"], 0)[
                is_number
            ]
        return error, code

    def _overflow_failures(self, got: Array, truth: Array) -> tuple[Array, Array]:
        """The errors and failure codes where an 8-bit float overflows, for a truth of ±inf."""
        due = np.copysign(self.float_format.beyond, truth)
        is_due = (got == due) | (np.isnan(got) & np.isnan(due))
        is_other_overflow = ~np.isfinite(got) | (np.abs(got) == self.float_format.largest)
        kinds = FAILURE_CODES["overflow"], FAILURE_CODES["finite"]
        return np.where(is_due, 0, np.inf), np.where(is_due, 0, np.where(is_other_overflow, *kinds))

    def is_right(self, raw: Array, truths: Truths, error: Array) -> Array:
        """Whether each result is correctly rounded; `error` is its error in ULP."""
        with np.errstate(all="ignore"):
            got = raw.astype(np.float64)
            rounded = is_nearest(got, truths, self.float_format)
        return np.where(np.isfinite(got) & np.isfinite(truths.value), rounded, error == 0)

    def allow_zero_signs(self, code: Array) -> Array:
        """Mark each 0 of the wrong sign as passed; return the codes that were taken off."""
        allowed = np.isin(code, [FAILURE_CODES[failure] for failure in ZERO_SIGNS])
        taken_off = np.where(allowed, code, 0)
        code[allowed] = 0
        return taken_off

    def mark_lost_payloads(
        self, raw: Array, inputs: Iterable[Array | None], nan_input: Array, code: Array
    ) -> None:
        """Mark each nan without the sign and payload of its input's nan, made quiet."""
        bits = self.float_format.bits
        # A dtype without infinities has no payloads.
        has_payload = self.float_format.has_infinity
        quiet = bits.type(has_payload << (self.float_format.precision - 2))
        got = raw.view(bits)
        kept = [(array.view(bits) | quiet) == got for array in inputs if array is not None]
        lost = nan_input & np.isnan(raw) & ~np.logical_or.reduce(kept)
        code[lost] = FAILURE_CODES["payload"]

    def allow_flushing(
        self,
        name: str,
        x: Array,
        dout: Array,
        raw: Array,
        truths: Truths,
        error: Array,
        code: Array,
    ) -> None:
        """Mark failures as passed that are right once subnormal x, dout or results are 0.

        Their error becomes nan, which no statistic counts.
        """
        mark_passed(self.is_flushed(raw, truths, code), error, code)
        if x.ndim == 2:
            return
        small_x, small_dout = (np.abs(array) < self.float_format.tiny for array in (x, dout))
        for zero_x, zero_dout in ((small_x, False), (False, small_dout), (small_x, small_dout)):
            indices = np.flatnonzero((code > 0) & (zero_x | zero_dout))
            if not indices.size:
                continue
            flushed_x = np.where(zero_x, np.copysign(0, x), x)[indices]
            flushed_dout = np.where(zero_dout, np.copysign(0, dout), dout)[indices]
            got = raw[indices]
            results = {name: got.astype(np.float64)}
            flushed = self.reference.truths(flushed_x, flushed_dout, results, self.undecided)
            other_truths = flushed[0][name]
            _, other = self.failures(got, other_truths, np.zeros(indices.size, bool))
            passed = (other == 0) | self.is_flushed(got, other_truths, other)
            mark_passed(indices[passed], error, code)

    def is_flushed(self, raw: Array, truths: Truths, code: Array) -> Array:
        """Whether each result is 0 for a subnormal truth, and may be."""
        flushed = code == FAILURE_CODES["flushed"]
        if self.policy.keep_zero_sign and self.float_format.has_signed_zero:
            flushed &= np.signbit(raw) == np.signbit(truths.value)
        return np.asarray(flushed)


def mark_passed(indices: Array, error: Array, code: Array) -> None:
    """Mark elements as passed; their error is nan, which no statistic counts."""
    code[indices], error[indices] = 0, np.nan


def special_failures(
    got: Array,
    truths: Truths,
    signs_differ: Array,
    nan_input: Array,
    error: Array,
    code: Array,
) -> tuple[Array, Array]:
    """The errors and failure codes where the distance does not decide: nan, ±inf, signs."""
    codes, value = FAILURE_CODES, truths.value
    is_nan, is_inf = np.isnan(got), np.isinf(got)
    both_finite = np.isfinite(got) & np.isfinite(value)
    # A number where the truth is 0 fails by its distance, not by its sign.
    code[both_finite & signs_differ & (got != 0) & ~((value == 0) & (code > 0))] = codes["sign"]
    other_zero = both_finite & signs_differ & (got == 0) & (code == 0)
    code[other_zero & (truths.exponent == ZERO)] = codes["zero-sign"]
    code[other_zero & (truths.exponent != ZERO)] = codes["underflow-sign"]
    same = (is_nan & (np.isnan(value) | nan_input)) | ((got == value) & (~signs_differ | nan_input))
    wrong = ~same & (~both_finite | nan_input)
    error[wrong], error[same & (~both_finite | nan_input)] = np.inf, 0
    code[same] = 0
    code[wrong & np.isinf(value)] = codes["finite"]
    code[wrong & is_inf & np.isfinite(value)] = codes["inf"]
    code[wrong & is_inf & np.isinf(value)] = codes["sign"]
    code[wrong & is_nan] = codes["nan"]
    code[wrong & ~is_nan & (np.isnan(value) | nan_input)] = codes["not-nan"]
    return error, code
