"""Computational graphs as drawings: for the terminal, and as JSON, SVG, DOT and Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.draw.formats import graph_answer
    from actgrad.cli.draw.labels import Label, Labels
    from actgrad.cli.draw.picture import Picture, names_between, picture_of
    from actgrad.cli.draw.point import PointError
    from actgrad.cli.draw.svg import Sheet, picture_svg
    from actgrad.cli.draw.tikz import tikz


__getattr__ = lazy_attributes(__name__, __file__)
