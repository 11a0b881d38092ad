"""Sources outside memory, and a number as a source."""

from __future__ import annotations

from typing import Any

import numpy as np

from actgrad.cli.read.external import Repeated
from actgrad.layers.arrays import Array


class Interrupted(Repeated):
    """A number whose kept piece another thread replaces by a shorter one after every write."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value[:1] if name == "_piece" else value)


def test_a_repeated_number_fills_the_buffer_whatever_other_threads_do() -> None:
    for kind in (Repeated, Interrupted):
        source = kind(np.array(2.5), (100,), "C")
        pieces: list[Array] = [source.read(0, np.empty(size)) for size in (1, 100, 7)]
        assert [piece.tolist() for piece in pieces] == [[2.5], [2.5] * 100, [2.5] * 7]
