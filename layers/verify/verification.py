"""Is this dump of a kernel's results right: judged element by element against the exact truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from mpmath import nstr

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ShapeError
from actgrad.layers.exact import FloatFormat, Truths, in_bits, nearest
from actgrad.layers.layer import Layer
from actgrad.layers.verify.causes import Guess, guess
from actgrad.layers.verify.judge import Judge
from actgrad.layers.verify.monotonic import Monotone
from actgrad.layers.verify.policy import CODE, Policy
from actgrad.layers.verify.reference import FAINT, Kernel, Reference
from actgrad.layers.verify.tally import Elements, Tally

RESULTS = ("out", "dx")
#: The digits of a truth that are worth showing, by the dtype's precision.
DIGITS = {8: 7, 11: 8, 24: 12, 53: 20}


class Block(NamedTuple):
    """Part of a dump, in native arrays of one dtype: 1-d, or whole lines of x as rows."""

    x: Array
    out: Array | None = None
    #: None stands for ones.
    dout: Array | None = None
    dx: Array | None = None


class JudgedElement(NamedTuple):
    """One element, in numbers and in the dtype's bits."""

    place: int
    x: float
    dout: float
    got: float
    #: The exact value, to more digits than the dtype has.
    truth: str
    #: The number of the dtype next to it.
    nearest: float
    error: float
    #: What kind of failure it is, if it is one.
    kind: str
    x_bits: str
    got_bits: str
    nearest_bits: str


class Verification:
    """What was found out about a dump, so far: feed it blocks with `add`, then read it.

    Raises:
        PolicyError: the policy makes no sense.
        ShapeError: it asks for a monotonic result of a layer along an axis.
    """

    def __init__(self, layer: Layer, dtype: np.dtype[Any], policy: Policy | None = None) -> None:
        self.policy = (policy or Policy()).checked()
        self.reference = Reference(layer, FloatFormat.of(dtype))
        self.tallies: dict[str, Tally] = {}
        #: How many elements needed exact arithmetic.
        self.exact = 0
        self._judge = Judge(self.reference, self.policy)
        self._monotone = Monotone(self.reference) if self.policy.monotonic else None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers as the command line names them."""
        return tuple(str(layer) for layer in self.reference.layers)

    @property
    def dtype(self) -> str:
        """The dump's dtype."""
        return self.reference.kind.dtype.name

    @property
    def ok(self) -> bool:
        """The verdict."""
        return not any(tally.failed for tally in self.tallies.values())

    @property
    def summary(self) -> str:
        """The verdict in a line: what failed, how far off the worst is, by which policy."""
        results = "; ".join(self._told(name, tally) for name, tally in self.tallies.items())
        exact = f"{self.exact} needed exact arithmetic"
        verdict = "ok" if self.ok else "FAILED"
        return (
            f"{' '.join(self.layers)}: {verdict}: {results} ({self.dtype}; {self.policy}; {exact})"
        )

    def _told(self, name: str, tally: Tally) -> str:
        kinds = ", ".join(f"{kind} {n}" for kind, n in tally.failures.items() if n)
        failed = f"{tally.failed} of {tally.count} elements fail ({kinds}), " if kinds else ""
        where = f" at x = {tally.at:.9g}" if tally.at is not None and tally.max else ""
        return f"{name}: {failed}max {tally.max:.4g} ULP{where}"

    def worst(self, name: str, count: int) -> list[JudgedElement]:
        """The worst elements of a result, each held against its exact truth once more."""
        some = self.tallies[name].worst(count)
        if some is None:
            return []
        return [self._case(name, some.at(slice(i, i + 1))) for i in range(some.x.size)]

    def _case(self, name: str, one: Elements) -> JudgedElement:
        kind = self.reference.kind
        x, dout, truth, error = (float(c[0]) for c in (one.x, one.dout, one.truth, one.error))
        right, digits = float(np.array([truth]).astype(kind.dtype)[0]), f"{truth:.17g}"
        if not self.reference.along_axis and math.isfinite(truth) and not math.isnan(x + dout):
            value = self.reference.exact_at(x, dout)[name == "dx"]
            right = math.copysign(nearest(value, kind), truth)
            digits = (
                "-0"
                if not right and truth == 0 and math.copysign(1, truth) < 0
                else nstr(value, DIGITS[kind.precision])
            )
        got = float(one.got[0])
        names = {0: "", **{code: name for name, code in CODE.items()}}
        bits = tuple(in_bits(number, kind) for number in (x, got, right))
        return JudgedElement(
            int(one.place[0]), x, dout, got, digits, right, error, names[int(one.kind[0])], *bits
        )

    @property
    def guesses(self) -> dict[str, Guess]:
        """The likely cause of what is wrong, for each result where one is recognised."""
        found = {name: guess(self.reference, name, tally) for name, tally in self.tallies.items()}
        return {name: one for name, one in found.items() if one is not None}

    def add(self, block: Block) -> None:
        """Judge a block.

        Raises:
            ShapeError: its arrays do not fit each other.
        """
        with np.errstate(invalid="ignore"):  # of a signalling nan
            x, out, dout, dx = (None if one is None else one.astype(np.float64) for one in block)
        assert x is not None
        shape = self.reference.chain.out_shape(x.shape)
        dout = np.ones(shape) if dout is None else dout
        results = {"out": out, "dx": dx}
        for name, one, right in (("out", out, shape), ("dout", dout, shape), ("dx", dx, x.shape)):
            if one is not None and one.shape != right:
                raise ShapeError(f"{name} has shape {one.shape}, but for x of {x.shape} {right}")
        truths = self._truths(x, dout, results)
        for name, got in results.items():
            raw = getattr(block, name)
            if got is not None:
                tally = self.tallies.setdefault(name, Tally())
                some = self._elements(name, tally.seen, block, x, dout, raw, truths[name])
                tally.seen += raw.size
                self._count(name, tally, some)

    def _truths(self, x: Array, dout: Array, results: dict[str, Array | None]) -> dict[str, Truths]:
        """The truth of every element, exact wherever its bounds leave a judgement open."""
        kernel = self.reference.kernel(x, dout)
        given = {name: got for name, got in results.items() if got is not None}
        truths = self._enclosed(x, dout, kernel, given)
        open_ = np.zeros(len(x), bool)
        for name, got in given.items():
            unsure = self._judge.unsure(got.ravel(), truths[name])
            open_ |= unsure.reshape(len(x), -1).any(axis=1)
        numbers = np.isfinite(x) & np.isfinite(dout) if x.ndim == 1 else True
        places = np.flatnonzero((open_ | ~np.asarray(numbers)) & ~wild(x, dout))
        if x.ndim == 1 and places.size:
            places = self._in_tails(x, dout, kernel, given, truths, places)
        if places.size:
            self.exact += places.size * (x.shape[1] if x.ndim == 2 else 1)
            some = Kernel(kernel.out[places], kernel.dx[places])
            better = self.reference.exact(x[places], dout[places], some)
            for name, one in zip(RESULTS, better, strict=True):
                if name in given:
                    replace(truths[name], len(x), places, one)
        return truths

    def _enclosed(
        self, x: Array, dout: Array, kernel: Kernel, given: Iterable[str]
    ) -> dict[str, Truths]:
        """What balls tell; where an input is nan, so is the truth, or the kernel's own answer."""
        found = self.reference.enclosed(x, dout, kernel, "dx" in given)
        free = wild(x, dout)
        if free.any():
            places = np.flatnonzero(free)
            for one, answer in zip(found, kernel, strict=False):
                own = answer[places].ravel()
                zeros = np.zeros(own.size)
                replace(one, len(x), places, Truths(own, zeros.astype(int), zeros))
        return dict(zip(RESULTS, found, strict=False))

    def _in_tails(
        self,
        x: Array,
        dout: Array,
        kernel: Kernel,
        given: dict[str, Array],
        truths: dict[str, Truths],
        places: Array,
    ) -> Array:
        """Fill in truths as good as 0, where the kernel finds so; which places stay open."""
        small = np.zeros(places.size, bool)
        for name in given:
            small |= np.abs(getattr(kernel, name)[places]) < FAINT
        small &= np.isfinite(x[places]) & np.isfinite(dout[places])
        some = places[small]
        if not some.size:
            return places
        both = Kernel(kernel.out[some], kernel.dx[some])
        tails = dict(zip(RESULTS, self.reference.tails(x[some], dout[some], both), strict=True))
        unsure = np.zeros(some.size, bool)
        for name, got in given.items():
            known = np.isfinite(tails[name].radius)
            replace(truths[name], len(x), some[known], Truths(*(one[known] for one in tails[name])))
            now = Truths(*(one[some] for one in truths[name]))
            unsure |= self._judge.unsure(got[some], now)
        return np.concatenate([places[~small], some[unsure]])

    def _elements(
        self, name: str, seen: int, block: Block, x: Array, dout: Array, raw: Array, truths: Truths
    ) -> Elements:
        free = wild(x, dout)
        if x.ndim == 2:
            free = np.repeat(free, raw.shape[1])
        error, code = self._judge.judged(raw.ravel(), truths, free)
        if x.ndim == 1 and not self.policy.ignore_nan_payload:
            self._judge.see_payloads(raw, (block.x, block.dout), free, code)
        if self.policy.flush_subnormals and code.any():
            self._judge.forgive(name, x, dout, raw.ravel(), truths, error, code)
        places = np.arange(seen, seen + raw.size)
        x, dout = (beside(one, raw) for one in (x, dout))
        return Elements(places, x, dout, raw.ravel(), truths.value, error, code)

    def _count(self, name: str, tally: Tally, some: Elements) -> None:
        if self.policy.within is not None:
            low, high = self.policy.within
            inside = (some.x >= low) & (some.x <= high)
            tally.left_out += int(np.count_nonzero(~inside))
            some = some.at(inside)
        if some.x.size:
            tally.add(some)
            if self._monotone is not None and name == "out":
                tally.extra("decreasing", self._monotone.falls(some))


def wild(x: Array, dout: Array) -> Array:
    """Where an input is nan: which elements, or which lines."""
    if x.ndim == 1:
        return np.asarray(np.isnan(x) | np.isnan(dout))
    return np.asarray(np.isnan(x).any(axis=1) | np.isnan(dout).any(axis=1))


def beside(given: Array, result: Array) -> Array:
    """x or dout for each element of a result; of lines that a layer halves, the first half."""
    if given.shape == result.shape:
        return given.ravel()
    places = np.arange(result.shape[1]) % given.shape[1]
    return np.asarray(given[:, places].ravel())


def replace(truths: Truths, lines: int, places: Array, better: Truths) -> None:
    """Put in the truths of some elements, or of some lines."""
    for old, new in zip(truths, better, strict=True):
        values = np.broadcast_to(new, better.value.shape)
        old.reshape(lines, -1)[places] = values.reshape(places.size, old.size // lines)
