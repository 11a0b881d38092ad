"""What the layers of a chain met in a run by pieces: an x without a value, and kinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actgrad.layers.layer import Layer


class Met:
    """The first x without an out or a dx for each layer, and its kinks that were met.

    Threads and processes run copies of the layers over pieces, and add what these met. The first x
    is that of the piece that begins first.
    """

    def __init__(self, chain: Layer) -> None:
        self._layers = all_layers(chain)
        #: For each layer, by name, where a piece with such an x begins, and that x.
        self._undefined: list[dict[str, tuple[int, float]]] = [{} for _ in self._layers]
        self._kinks: list[set[float]] = [set() for _ in self._layers]
        #: Whether there is anything to add: the blocks of most kernels take microseconds.
        self.notes = any(layer.notes_x for layer in self._layers)

    def add(self, start: int, copies: Sequence[Layer]) -> None:
        """Add what the copies of the layers met up to the piece that begins there."""
        if not self.notes:
            return
        for layer, undefined, kinks in zip(copies, self._undefined, self._kinks, strict=True):
            for name, x in layer.undefined.items():
                # A copy goes up, and its first x stays.
                undefined[name] = min(undefined.get(name, (start, x)), (start, x))
            kinks.update(layer.kinks_met)

    def __getstate__(self) -> dict[str, Any]:
        """What was met, without the layers, which a process does not hand on."""
        return {"_undefined": self._undefined, "_kinks": self._kinks}

    def merge(self, other: Met, /) -> None:
        """Add what another process met."""
        for own, more in zip(self._undefined, other._undefined, strict=True):
            for name, first in more.items():
                own[name] = min(own.get(name, first), first)
        for kinks, others in zip(self._kinks, other._kinks, strict=True):
            kinks |= others

    def state(self) -> None:
        """Let the chain's own layers state what was met."""
        for layer, undefined, kinks in zip(self._layers, self._undefined, self._kinks, strict=True):
            layer.undefined = {name: x for name, (_, x) in undefined.items()}
            layer.kinks_met = kinks


def all_layers(chain: Layer) -> tuple[Layer, ...]:
    """The layers of a chain, and its derivative if the way back gives d2x too."""
    return (*chain.layers, *(() if chain.second_order is None else (chain.second_order,)))
