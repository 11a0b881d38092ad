"""The likely cause of wrong results: the hypothesis that reproduces what fails and what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeAlias

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError
from actgrad.layers.verify.causes.formula_faults import formula_results
from actgrad.layers.verify.causes.mistaken_layers import (
    mistaken_layers_of_lines,
    misused_dout,
    other_layers,
    wrong_arrays,
)
from actgrad.layers.verify.causes.observations import MOST, Observations
from actgrad.layers.verify.causes.precision_faults import (
    TRUNCATED,
    flushed_results,
    is_truncated,
    narrowed_results,
    truncated_share,
)
from actgrad.layers.verify.causes.thresholds import beyond_thresholds, isolated_cause
from actgrad.layers.verify.judge import Reference
from actgrad.layers.verify.tally import Elements, Tally

#: The least share of the failing elements that a cause must explain; for some, it is more.
ENOUGH = 0.75
NEARLY_ALL = 0.95
#: A cause replaces one that was tried before it if it explains so much more, or if it explains
#: as much and reproduces so many more of all results in bits.
MARGIN, LIKER = 0.02, 0.005
#: The fewest failing elements that a cause is inferred from.
FEWEST = 5

#: The lines that are kept, of those that failed.
LINES_KEPT = 256

Hypotheses: TypeAlias = Callable[[Observations], Iterator[tuple[str, Array]]]

#: Every kind of cause, and the least share that it must explain. The more cases a kind has, the
#: more it must explain. A threshold is read off the results, so it must explain all of them.
KINDS: tuple[tuple[Hypotheses, float], ...] = (
    (wrong_arrays, 0.98),
    (flushed_results, ENOUGH),
    (formula_results, ENOUGH),
    (narrowed_results, NEARLY_ALL),
    (misused_dout, NEARLY_ALL),
    (other_layers, NEARLY_ALL),
    (beyond_thresholds, NEARLY_ALL),
)


class FailedLines(NamedTuple):
    """Lines of which an element failed: their x and dout, and all elements of their result."""

    x: Array
    dout: Array
    elements: Elements

    def followed_by(self, others: FailedLines | None) -> FailedLines:
        """These lines, then others of the same length, LINES_KEPT at most."""
        if others is None or others.x.shape[1] != self.x.shape[1]:
            return self
        room = LINES_KEPT - len(self.x)
        per_line = self.elements.x.size // len(self.x)
        return FailedLines(
            np.concatenate([self.x, others.x[:room]]),
            np.concatenate([self.dout, others.dout[:room]]),
            self.elements.followed_by(others.elements.at(slice(0, room * per_line))),
        )


class LikelyCause(NamedTuple):
    """A cause, and the share of the elements examined that it explains."""

    cause: str
    share: float
    #: Whether the elements examined are those that fail by much, and not all that fail.
    of_large: bool = False


def likely_cause(reference: Reference, name: str, tally: Tally) -> LikelyCause | None:
    """Return the cause that reproduces a result, out or dx; None if no cause does.

    A cause must reproduce the elements that fail, and agree where the kernel is right. Where all
    elements pass, truncation is the only cause that is considered.
    """
    failing, passing = tally.failing.elements, tally.passing.elements
    if not reference.layer.is_elementwise or (failing is None and passing is None):
        return None
    everything = [part for part in (failing, passing) if part is not None]
    share = truncated_share(everything[0].followed_by((*everything, None)[1]))
    if failing is not None and np.mean(is_truncated(failing)) < ENOUGH:
        share = 0.0
    if share and all(part.x.size >= FEWEST for part in everything):
        return LikelyCause(TRUNCATED, share)
    if failing is None:
        return None
    counts = tally.failed, tally.count - tally.failed
    seen = Observations(reference, name, failing, passing, counts)
    if np.unique(seen.x[seen.fails]).size < FEWEST:
        isolated = isolated_cause(seen)
        return LikelyCause(isolated, 1.0) if isolated else None
    with np.errstate(all="ignore"):
        return best_cause(seen)


def best_cause(seen: Observations) -> LikelyCause | None:
    """The cause that explains the most; of nearly equal ones, the one most like the results.

    A kind is not tried where a cause before it reproduces all failing elements.
    """
    best, like, is_complete = None, 0.0, False
    for hypotheses, least in KINDS:
        for cause, results in hypotheses(seen):
            share = seen.share(results)
            if share < max(least, best.share - MARGIN if best else 0):
                continue
            likeness = seen.likeness(results)
            if not best or share > best.share + MARGIN or likeness > like + LIKER:
                best, like = LikelyCause(cause, share, seen.large), likeness
                is_complete = share >= 1 - MARGIN and seen.are_reproduced(results)
        if is_complete:
            break
    return best


def likely_cause_of_lines(
    reference: Reference, name: str, lines: FailedLines
) -> LikelyCause | None:
    """The layer along an axis whose results the lines hold; None if there is none."""
    fails = np.flatnonzero(lines.elements.failure > 0)
    kept = fails[:: -(-fails.size // MOST)]
    seen = Observations(reference, name, lines.elements.at(kept), None, (fails.size, 0))
    best = LikelyCause("", NEARLY_ALL)
    for cause, other in mistaken_layers_of_lines(reference.layer):
        with np.errstate(all="ignore"), suppress(ActgradError):
            run = Reference(other, reference.float_format).run(lines.x, lines.dout)
            share = seen.share(getattr(run, name).ravel()[kept])
            if share > best.share:
                best = LikelyCause(cause, share)
    return best if best.cause else None
