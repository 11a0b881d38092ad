"""The formula of a layer: the words it is written in, and the ways it is read."""

from actgrad.layers.formula import words
from actgrad.layers.formula.graph import FLOATS, Edge, Graph, Sweep
from actgrad.layers.formula.symbol import SYMBOLS, Symbol, name, number
from actgrad.layers.formula.words import Formula, Node, Operation, trace, variable

__all__ = [
    "FLOATS",
    "SYMBOLS",
    "Edge",
    "Formula",
    "Graph",
    "Node",
    "Operation",
    "Sweep",
    "Symbol",
    "name",
    "number",
    "trace",
    "variable",
    "words",
]
