"""The formula of a layer: the words it is written in, and the ways it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.formula import words
from actgrad.layers.formula.graph import (
    Edge,
    Expressions,
    Formula,
    Graph,
    Sweep,
    indexed,
    slope_node,
    trace,
)
from actgrad.layers.formula.readings import (
    BALLS,
    FLOATS,
    NODES,
    SYMBOLS,
    Reading,
    arrays,
    intervals,
    limits,
)
from actgrad.layers.formula.symbol import NamedNumber, Symbol, name, number
from actgrad.layers.formula.words import Node, Operation, variable, where
from actgrad.layers.lazy import lazy_attributes

# A run of a layer of the catalogue needs none of these.
if TYPE_CHECKING:
    from actgrad.layers.formula.javascript import (
        JAVASCRIPT,
        Program,
        program_of,
        two_floats,
        words_javascript,
    )
    from actgrad.layers.formula.parse import FUNCTIONS, LayerWord, read_formula
    from actgrad.layers.formula.text import LATEX, PLAIN, PlainText, latex_name, written

__getattr__ = lazy_attributes(__name__, __file__)
