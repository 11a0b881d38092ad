"""Layers that draw random numbers or share a state: made again and again with the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.check.shared_state import Restore, SharedState, restorer
from actgrad.layers.check.subject import Subject, copy_maker

#: So often results are compared: of few numbers, two random masks are often the same.
REPEATS = 8


@contextmanager
def kept_randomness() -> Iterator[None]:
    """The generators of Python and NumPy are after the block where they were before it."""
    restore = restorer(SharedState((), ()).sources)
    try:
        yield
    finally:
        restore()


def with_own_state(subject: Subject) -> tuple[Subject, SharedState]:
    """The layer, so that a new one finds what it shares with others as it is now, and that state.

    It is shared in a mutable default argument such as `cache={}`, in the class or in the module.
    """
    shared = SharedState.of(subject.make())
    if not shared.kept:
        return subject, shared
    return subject._replace(make=_maker(subject.make, shared.set_back)), shared


def with_fixed_randomness(subject: Subject, x: Array) -> Subject:
    """The layer, so that each new one gives the same results at x if that can be had.

    The generators from which it draws numbers, and which it shares with others, are set back for
    each new one; where new ones still differ, one layer is made and then copied.
    """
    drawn = SharedState.of(subject.make()).drawn_by(lambda: subject.run(x))
    if not drawn and _is_reproducible(subject, x):
        return subject
    restore = restorer(drawn)
    fixed = subject._replace(make=_maker(subject.make, restore))
    if _is_reproducible(fixed, x):
        return fixed
    return subject._replace(make=_maker(copy_maker(fixed.make()), restore))


def continued(subject: Subject, calls: Callable[[Any], object]) -> Subject:
    """The layer after those calls: each new one has the state that they leave behind."""
    layer = subject.make()
    calls(layer)
    shared, copied = SharedState.of(layer), copy_maker(layer)
    restore = restorer(shared.drawn_by(lambda: calls(copied())))
    return subject._replace(make=_maker(_maker(copied, shared.set_back), restore))


def _maker(make: Callable[[], Any], restore: Restore) -> Callable[[], Any]:
    def restored() -> Any:
        restore()
        return make()

    return restored


def _is_reproducible(subject: Subject, x: Array) -> bool:
    first = subject.run(x)
    return all(
        np.array_equal(a, b, True)
        for _ in range(REPEATS)
        for a, b in zip(first, subject.run(x), strict=True)
    )
