"""Plots of layers and of arrays, in every format of `actgrad plot`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.plot.errors import ErrorMark, errors_svg
    from actgrad.cli.plot.figure import Figure, PlotError, figure_answer, figure_of
    from actgrad.cli.plot.svg import figure_svg


__getattr__ = lazy_attributes(__name__, __file__)
