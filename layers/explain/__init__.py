"""Why a derivative is what it is: its steps, its kinks, its pitfalls."""

from actgrad.layers.explain.derivation import Step, steps
from actgrad.layers.explain.grouping import Grouped
from actgrad.layers.explain.kinks import Kink, kinks
from actgrad.layers.explain.pitfalls import Failure, failures

__all__ = [
    "Failure",
    "Grouped",
    "Kink",
    "Step",
    "failures",
    "kinks",
    "steps",
]
