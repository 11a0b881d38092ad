"""Whether a result is right, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.policy import CODE, Policy
from actgrad.layers.truth import TRUST, Reference
from actgrad.layers.ulp import Truths, errors

#: Relative to a limit: what lies no further beyond it is taken to lie on it.
NOTHING = 2.0**-50


class Judge:
    """Holds results against truths, by a policy."""

    def __init__(self, reference: Reference, policy: Policy) -> None:
        self.reference, self.policy, self.kind = reference, policy, reference.kind

    def unsure(self, got: Array, truths: Truths) -> Array:
        """Where the kernel's own error could change a judgement, or what is counted."""
        kind, policy, value = self.kind, self.policy, truths.value
        with np.errstate(all="ignore"):
            error = errors(got, truths, kind)
            slack = TRUST * 2.0**kind.precision
            unsure = np.abs(error - 0.5) <= slack
            if policy.max_ulp is not None:
                unsure |= np.abs(error - policy.max_ulp) <= slack + policy.max_ulp * NOTHING
            # Next to a power of two, an ULP may be half as large.
            size, distance = np.abs(value), np.abs(got - value)
            edge = ((value.view(np.int64) + 128) & ((1 << 52) - 1)) < 256
            unsure |= edge & (error > 0.25) & (size > kind.tiny / 2)
            unsure |= np.abs(size - kind.overflow) <= TRUST * kind.overflow
            if policy.max_abs is not None:
                unsure |= np.abs(distance - policy.max_abs) <= 2 * TRUST * size
            if policy.max_rel is not None:
                unsure |= np.abs(distance - policy.max_rel * size) <= 2 * TRUST * size
        # What is 0 in float64 may still have a sign that is not the kernel's.
        return np.asarray(unsure | ((value == 0) & (np.signbit(got) != np.signbit(value))))

    def judged(self, raw: Array, truths: Truths, free: Array) -> tuple[Array, Array]:
        """The error and the kind of failure of each.

        Where an input is nan, `free`, nan is right, and so is the kernel's own answer: a gradient
        may pass where x is nan.
        """
        policy, kind, value = self.policy, self.kind, truths.value
        limit = 1.0 if policy.max_ulp is None else policy.max_ulp
        with np.errstate(all="ignore"):
            got = raw.astype(np.float64)
            error = errors(got, truths, kind)
            code = np.zeros(got.size, np.uint8)
            if policy.max_ulp is not None:
                code[error > limit + limit * NOTHING] = CODE["ulp"]
            distance = np.abs(got - value)
            if policy.max_abs is not None:
                code[distance > policy.max_abs * (1 + NOTHING)] = CODE["abs"]
            if policy.max_rel is not None:
                code[distance > policy.max_rel * np.abs(value) * (1 + NOTHING)] = CODE["rel"]
        lost = (got == 0) & (np.abs(value) < kind.tiny) & (error > max(limit, 0.5))
        code[lost] = CODE["flushed"]
        unlike = np.signbit(got) != np.signbit(value)
        places = np.flatnonzero(unlike | ~np.isfinite(got) | ~np.isfinite(value) | free)
        if places.size:
            some = (one[places] for one in (got, value, free, error, code))
            error[places], code[places] = special(*some)
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


def special(
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
