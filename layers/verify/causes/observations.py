"""The evidence for a cause: elements that fail and elements that pass, and what was computed."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.verify.causes.steps import rounded_to
from actgrad.layers.verify.judge import FAILURES, KernelRun, Reference
from actgrad.layers.verify.tally import Elements

#: The most failing, and the most passing, elements that are compared with a cause.
MOST = 1024
#: An error up to this many ULP says little about its cause, since other roundings are as large.
TELLING = 8.0
#: A cause reproduces a result that differs from its own by this share of the result's error at
#: most, and by this share of the result.
CLOSE, RELATIVE = 1 / 8, 1 / 64
#: A result that passes contradicts a cause that is further from it than this many ULP.
APART = 4.0
#: The failures by a distance, whose elements differ from the truth by few ULP or many.
DISTANCES = frozenset(("", "ulp", "abs", "rel", "close"))


class Observations:
    """A sample of a result of one layer: elements that fail, then elements that pass."""

    def __init__(
        self,
        reference: Reference,
        name: str,
        failing: Elements,
        passing: Elements | None,
        counts: tuple[int, int],
    ) -> None:
        """`name` is out or dx; `counts` are those of the dump's failing and passing elements."""
        self.reference, self.name = reference, name
        self.float_format = reference.float_format
        parts = [thinned(failing)] + ([] if passing is None else [thinned(passing)])
        self.elements = parts[0].followed_by(parts[1] if passing is not None else None)
        first = parts[0].x.size
        self.fails = np.arange(self.elements.x.size) < first
        #: Of how many elements of the dump each one is a sample.
        rest = self.elements.x.size - first
        self.weight = np.where(self.fails, counts[0] / max(first, 1), counts[1] / max(rest, 1))
        self.x, self.dout, self.truth = (
            self.elements.x,
            self.elements.dout,
            self.elements.truth,
        )
        with np.errstate(invalid="ignore"):
            self.got = self.elements.got.astype(np.float64)

    @cached_property
    def run(self) -> KernelRun:
        """The layer's own kernel at these x and dout."""
        return self.reference.run(self.x, self.dout)

    @cached_property
    def telling(self) -> Array:
        """The failing elements whose errors tell a cause: the large ones, if they are not few."""
        return self._large if self.large else self.fails

    @cached_property
    def large(self) -> bool:
        """Whether a quarter of the failing elements have a large error, or one without a size."""
        return 4 * int(np.count_nonzero(self._large)) >= int(np.count_nonzero(self.fails))

    @cached_property
    def _large(self) -> Array:
        by_kind = np.array([name not in DISTANCES for name in ("", *FAILURES)])
        kinds = by_kind[self.elements.failure.astype(np.intp)]
        large = self.fails & ((self.elements.error > TELLING) | kinds)
        # At ±inf a kernel often has a fault of its own, such as ∞·0.
        finite = large & np.isfinite(self.x)
        return np.asarray(finite if finite.any() else large)

    @cached_property
    def unit(self) -> Array:
        """The spacing of the dtype's numbers at each result."""
        form = self.float_format
        with np.errstate(all="ignore"):
            _, exponent = np.frexp(np.where(np.isfinite(self.got), self.got, 0))
        return np.asarray(np.ldexp(1.0, np.maximum(exponent - 1, form.least) - form.precision + 1))

    @cached_property
    def size(self) -> Array:
        """|got − truth|."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.got - self.truth))

    def share(self, results: Array) -> float:
        """The share of the failing elements that a cause explains.

        `results` is what the elements would be, or rows of what they may be; the first is the
        likeliest. A failing element is explained if its result is reproduced: in bits, or much
        closer than its error is large. An element that passes, and that the cause would have
        wrong, counts like a failing element that is not explained.
        """
        rows = [self.rounded(row) for row in np.atleast_2d(results)]
        if not self.large:  # a neighbour of a right result is too like a small error
            rows = rows[:1]
        explained = self.telling & np.logical_or.reduce([self.reproduced(row) for row in rows])
        contradicted = ~self.fails & np.logical_and.reduce([self.far(row) for row in rows])
        examined = float(self.weight[self.telling | contradicted].sum())
        return float(self.weight[explained].sum()) / examined

    def likeness(self, results: Array) -> float:
        """The share of all elements that a cause reproduces in bits."""
        return float(np.mean(self.equal(self.rounded(np.atleast_2d(results)[0]))))

    def are_reproduced(self, results: Array) -> bool:
        """Whether a cause reproduces all failing elements, those with small errors too."""
        first = self.rounded(np.atleast_2d(results)[0])
        return bool(self.reproduced(first)[self.fails].all())

    def rounded(self, results: Array) -> Array:
        """Results in float64, rounded to the dump's dtype."""
        results = np.broadcast_to(np.asarray(results), self.x.shape)
        with np.errstate(invalid="ignore"):
            return rounded_to(results.astype(np.float64), self.float_format.dtype)

    def reproduced(self, results: Array) -> Array:
        """Which elements have these results, rounded to the dtype: in bits, or nearly."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(self.got - results)
            near = apart <= np.minimum(CLOSE * self.size, RELATIVE * np.abs(self.got))
            near |= (apart <= self.unit) & (self.size > TELLING * self.unit)
        near &= np.isfinite(results) & np.isfinite(self.got)
        return np.asarray(near | self.equal(results))

    def far(self, results: Array) -> Array:
        """Which elements have results that differ from these by much more than their error."""
        with np.errstate(invalid="ignore"):
            near = np.abs(self.got - results) <= APART * self.unit + 2 * self.size
        near &= np.isfinite(results) & np.isfinite(self.got)
        return np.asarray(~(near | self.equal(results)))

    def equal(self, results: Array) -> Array:
        """Which elements have these results; −0 and 0 are equal, and so are all nan."""
        return np.asarray((self.got == results) | (np.isnan(self.got) & np.isnan(results)))


def thinned(elements: Elements) -> Elements:
    """At most MOST of the elements, evenly spaced."""
    return elements.at(slice(None, None, -(-elements.x.size // MOST) or 1))
