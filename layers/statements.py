"""What a layer's class states beside its formula: what it keeps, its derivation, its mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actgrad.layers.formula import Node


class Kept(NamedTuple):
    """An array that forward keeps for backward."""

    #: `float` stands for the dtype that the kernels compute in.
    dtype: type
    meaning: str


class Derivation(NamedTuple):
    """Ways to write a derivative, each equal to the one before, and the names they use."""

    steps: Sequence[Node] = ()
    #: What the steps write by a name, such as `Φ(x)`.
    names: Mapping[str, Node] = {}
    #: Why each step equals the one before it, where the layer says so.
    reasons: Sequence[str] = ()
