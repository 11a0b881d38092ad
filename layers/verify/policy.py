"""What a verification lets pass, and what it calls that which it does not."""

from __future__ import annotations

from typing import NamedTuple

from actgrad.layers.errors import ActgradError


class PolicyError(ActgradError):
    """A policy that nothing or everything could meet."""


#: Every kind of failure, from the plainest; an element has one at most, the last that fits.
FAILURES = {
    "ulp": "more ULP from the truth than --max-ulp",
    "abs": "further from the truth than --max-abs",
    "rel": "further from the truth, relative to it, than --max-rel",
    "flushed": "0 where the truth is a subnormal number",
    "zero-sign": "a 0 of the wrong sign",
    "sign": "a number of the wrong sign",
    "finite": "a finite number where the truth overflows",
    "inf": "an infinity where the truth is finite",
    "nan": "nan where the truth is a number",
    "payload": "a nan without the sign and payload of the nan it came of",
    "not-nan": "a number where the truth is nan",
    "decreasing": "less than at a smaller x, on a branch that rises, or more, on one that falls",
}
#: The number of each kind, as elements are marked; 0 marks those that pass.
CODE = {name: code for code, name in enumerate(FAILURES, 1)}


class Policy(NamedTuple):
    """The limits that every element must keep, all of those that are given.

    A nan for a number, an infinity for a finite truth, a wrong sign and a lost subnormal fail
    whatever the limits are.
    """

    max_ulp: float | None = None
    max_abs: float | None = None
    max_rel: float | None = None
    #: Subnormal x and dout may be taken for 0, and subnormal results given as 0.
    flush_subnormals: bool = False
    ignore_nan_payload: bool = True
    #: The x that are judged, both ends included; None judges all, nan too.
    within: tuple[float, float] | None = None
    monotonic: bool = False

    def checked(self) -> Policy:
        """The policy, with --max-ulp 1 if it has no limit.

        Raises:
            PolicyError: a limit is negative or nan, or the range is empty.
        """
        for name in ("max_ulp", "max_abs", "max_rel"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise PolicyError(f"--{name.replace('_', '-')} is {limit}, but must be ≥ 0")
        if self.within is not None and not self.within[0] <= self.within[1]:
            raise PolicyError("--range {:g},{:g} is empty".format(*self.within))
        limits = (self.max_ulp, self.max_abs, self.max_rel)
        return self._replace(max_ulp=1.0) if limits == (None, None, None) else self

    def __str__(self) -> str:
        """The policy as the verdict states it."""
        limits = {"ULP": self.max_ulp, "abs": self.max_abs, "rel": self.max_rel}
        said = [f"error ≤ {most:g} {unit}" for unit, most in limits.items() if most is not None]
        if self.flush_subnormals:
            said.append("subnormals may be flushed")
        said.append(f"nan payloads {'ignored' if self.ignore_nan_payload else 'kept'}")
        if self.within is not None:
            said.append("{:g} ≤ x ≤ {:g} only".format(*self.within))
        if self.monotonic:
            said.append("monotonic")
        return ", ".join(said)
