"""Whether a result is right, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.exact import Truths, errors, in_ulp
from actgrad.layers.verify.policy import CODE, Policy
from actgrad.layers.verify.reference import Reference

#: Relative to a limit: what lies no further beyond it is taken to lie on it, and what lies no
#: further from it is looked at exactly.
NOTHING, NEAR = 2.0**-50, 2.0**-48


class Judge:
    """Holds results against truths, by a policy."""

    def __init__(self, reference: Reference, policy: Policy) -> None:
        self.reference, self.policy, self.kind = reference, policy, reference.kind

    def limits(self, truths: Truths) -> Iterator[tuple[str, Any]]:
        """The kind of failure that is beyond each limit, and the limit in ULP."""
        policy, kind = self.policy, self.kind
        if policy.max_ulp is not None:
            yield "ulp", policy.max_ulp
        if policy.max_abs is not None:
            yield "abs", in_ulp(policy.max_abs, truths.exponent, kind)
        if policy.max_rel is not None:
            yield "rel", in_ulp(policy.max_rel * np.abs(truths.value), truths.exponent, kind)

    def unsure(self, got: Array, truths: Truths) -> Array:
        """Where what is not known of the truth could change a judgement, or what is counted."""
        kind, radius = self.kind, truths.radius
        with np.errstate(all="ignore"):
            error = errors(got, truths, kind)
            # A limit that is relative to the truth is as far off as that.
            more = radius * (1 + (self.policy.max_rel or 0))
            least, most = error - more, error + more
            if truths.torn.any():
                # One binade further an ULP is twice as large, or half.
                least, most = (
                    np.where(truths.torn, *pair) for pair in ((least / 2, least), (most * 2, most))
                )
            unsure = ~(radius < np.inf) | (truths.torn & (got == 0))
            for limit in (0.5, *(limit for _, limit in self.limits(truths))):
                unsure |= (least <= limit * (1 + NEAR)) & (most >= limit * (1 - NEAR))
        return np.asarray(unsure & ~((radius == 0) & (error == 0)))

    def judged(self, raw: Array, truths: Truths, free: Array) -> tuple[Array, Array]:
        """The error and the kind of failure of each.

        Where an input is nan, `free`, nan is right, and so is the kernel's own answer: a gradient
        may pass where x is nan.
        """
        kind, value = self.kind, truths.value
        allowed = 1.0 if self.policy.max_ulp is None else self.policy.max_ulp
        with np.errstate(all="ignore"):
            got = raw.astype(np.float64)
            error = errors(got, truths, kind)
            code = np.zeros(got.size, np.uint8)
            for name, limit in self.limits(truths):
                code[error > limit * (1 + NOTHING)] = CODE[name]
        lost = (got == 0) & (truths.exponent < kind.least) & (error > max(allowed, 0.5))
        code[lost] = CODE["flushed"]
        unlike = np.signbit(got) != np.signbit(value)
        places = np.flatnonzero(unlike | ~np.isfinite(got) | ~np.isfinite(value) | free)
        if places.size:
            some = (one[places] for one in (got, value, free, error, code))
            error[places], code[places] = judge_special(*some)
        return error, code

    def see_payloads(
        self, raw: Array, given: Iterable[Array | None], free: Array, code: Array
    ) -> None:
        """A nan that came of a nan must have its sign and payload, the quiet bit set."""
        bits = self.kind.bits
        quiet = bits.type(1 << (self.kind.precision - 2))
        got = raw.view(bits)
        kept = [(one.view(bits) | quiet) == got for one in given if one is not None]
        code[free & np.isnan(raw) & ~np.logical_or.reduce(kept)] = CODE["payload"]

    def forgive(
        self,
        name: str,
        x: Array,
        dout: Array,
        raw: Array,
        truths: Truths,
        error: Array,
        code: Array,
    ) -> None:
        """Let pass what is right if subnormal inputs or results count as 0; it has no error."""
        let_pass(flushed(raw, truths, code), error, code)
        if x.ndim == 2:
            return
        small_x, small_dout = (np.abs(one) < self.kind.tiny for one in (x, dout))
        for no_x, no_dout in ((small_x, False), (False, small_dout), (small_x, small_dout)):
            places = np.flatnonzero((code > 0) & (no_x | no_dout))
            if not places.size:
                continue
            some_x = np.where(no_x, np.copysign(0, x), x)[places]
            some_dout = np.where(no_dout, np.copysign(0, dout), dout)[places]
            kernel = self.reference.kernel(some_x, some_dout)
            out, dx = self.reference.exact(some_x, some_dout, kernel)
            other = out if name == "out" else dx
            got = raw[places]
            _, again = self.judged(got, other, np.zeros(places.size, bool))
            let_pass(places[(again == 0) | flushed(got, other, again)], error, code)


def let_pass(places: Array, error: Array, code: Array) -> None:
    """Take the elements for right, without an error that could be counted."""
    code[places], error[places] = 0, np.nan


def flushed(raw: Array, truths: Truths, code: Array) -> Array:
    """Where a subnormal result is a 0 of its sign."""
    alike = np.signbit(raw) == np.signbit(truths.value)
    return np.asarray((code == CODE["flushed"]) & alike)


def judge_special(
    got: Array, value: Array, free: Array, error: Array, code: Array
) -> tuple[Array, Array]:
    """Judge what no distance can: nan, infinities and signs."""
    no_number, infinite = np.isnan(got), np.isinf(got)
    unlike = np.signbit(got) != np.signbit(value)
    both = np.isfinite(got) & np.isfinite(value)
    # A number next to a truth of 0 is too far from it rather than of the wrong sign.
    code[both & unlike & (got != 0) & ~((value == 0) & (code > 0))] = CODE["sign"]
    code[both & unlike & (got == 0) & (code != CODE["flushed"])] = CODE["zero-sign"]
    same = (no_number & (np.isnan(value) | free)) | ((got == value) & (~unlike | free))
    rest = ~same & (~both | free)
    error[rest], error[same & (~both | free)] = np.inf, 0
    code[same] = 0
    code[rest & np.isinf(value)] = CODE["finite"]
    code[rest & infinite & np.isfinite(value)] = CODE["inf"]
    code[rest & infinite & np.isinf(value)] = CODE["sign"]
    code[rest & no_number] = CODE["nan"]
    code[rest & ~no_number & (np.isnan(value) | free)] = CODE["not-nan"]
    return error, code
