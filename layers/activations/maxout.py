"""Rectifiers of lines: the largest of each group, and max(x, 0) beside max(−x, 0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from actgrad.layers.along_axis import AlongAxis, line
from actgrad.layers.arrays import Array
from actgrad.layers.errors import ShapeError
from actgrad.layers.formula import Node
from actgrad.layers.formula import words as f
from actgrad.layers.layer import Derivation, Kept
from actgrad.layers.parameter import parameter


class Maxout(AlongAxis):
    """The largest of each group of neighbours along axis: out = max of `pieces` elements of x.

    The gradient goes to the largest element, of equal ones to the first. Along axis, out is shorter
    than x by the factor `pieces`.
    """

    name = "maxout"
    source = 'Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", 2013.'
    range = "every number"
    keeps = {"mask": Kept(bool, "True at the largest element of each group")}
    sufficient = {"mask": "∂L/∂x is dout where it is True, else 0"}

    line_notation = "x = [a₁, b₁, a₂, b₂, …] is a line"

    pieces: int = parameter(2, "the elements of a group", at_least=1, whole=True)

    def formula(self, x: Sequence[Node]) -> list[Node]:
        largest = []
        for start in range(0, len(x), self.pieces):
            most = x[start]
            for u in x[start + 1 : start + self.pieces]:
                most = f.maximum(u, most)  # of equal numbers the second one
            largest.append(most)
        return largest

    def line_equations(self) -> Mapping[str, Derivation]:
        if self.pieces != 2:
            return {}
        (a, _), (b, _), (dout, _) = line("a"), line("b"), line("∂L/∂y")
        return {
            "yᵢ": Derivation([f.maximum(b, a)]),
            "∂L/∂aᵢ": Derivation([f.where(b > a, 0, dout)]),
            "∂L/∂bᵢ": Derivation([f.where(b > a, dout, 0)]),
        }

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        whole = list(super().out_shape(shape))
        if whole[self.axis] % self.pieces:
            raise ShapeError(
                f"{self.name} needs groups of {self.pieces} along axis {self.axis}, "
                f"but x has shape {shape}"
            )
        whole[self.axis] //= self.pieces
        return tuple(whole)

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        (mask,) = saved
        groups = x.reshape(*out.shape, self.pieces)
        largest = groups.argmax(axis=2, keepdims=True)
        np.copyto(out, np.take_along_axis(groups, largest, 2)[:, :, 0])
        mask[...] = (np.arange(self.pieces) == largest).reshape(mask.shape)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (mask,) = saved
        np.copyto(dx, np.where(mask, np.repeat(dout, self.pieces, axis=1), 0))


class Crelu(AlongAxis):
    """The concatenated rectifier: out = [max(x, 0), max(−x, 0)] along axis.

    With dout = [d, e], dx = d for x > 0, −e for x < 0, else 0. Along axis, out is twice as long as
    x.
    """

    name = "crelu"
    elsewhere = {"TensorFlow": "crelu"}
    source = (
        'Shang, Sohn, Almeida and Lee, "Understanding and improving convolutional neural networks '
        'via concatenated rectified linear units", 2016.'
    )
    range = "0 ≤ y"
    keeps = {"x": Kept(float, "x itself")}
    line_notation = "x is a line, and y = [u, v] has two halves as long"
    sufficient = {"x": "its sign tells which half of dout is taken"}

    def formula(self, x: Sequence[Node]) -> list[Node]:
        return [*(f.where(u > 0, u, 0) for u in x), *(f.where(u < 0, -u, 0) for u in x)]

    def line_equations(self) -> Mapping[str, Derivation]:
        (x, _), (of_u, _), (of_v, _) = line("x"), line("∂L/∂u"), line("∂L/∂v")
        return {
            "uᵢ": Derivation([f.where(x > 0, x, 0)]),
            "vᵢ": Derivation([f.where(x < 0, -x, 0)]),
            "∂L/∂xᵢ": Derivation([f.where(x > 0, of_u, f.where(x < 0, -of_v, 0))]),
        }

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        whole = list(super().out_shape(shape))
        whole[self.axis] *= 2
        return tuple(whole)

    def forward_rows(self, x: Array, out: Array, *saved: Array) -> None:
        np.copyto(saved[0], x)
        np.concatenate([np.where(x <= 0, 0, x), np.where(x >= 0, 0, -x)], axis=1, out=out)

    def backward_rows(self, dout: Array, dx: Array, *saved: Array) -> None:
        (x,) = saved
        of_x, of_minus_x = np.hsplit(dout, 2)
        np.copyto(dx, np.where(x > 0, of_x, np.where(x < 0, -of_minus_x, 0)))
