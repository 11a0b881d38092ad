"""Why a layer's derivative is what it is: its steps, its kinks and its pitfalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.explain.characteristics import (
        Characteristics,
        Saturation,
        Steepest,
        characteristics_of,
    )
    from actgrad.layers.explain.curve import ORDERS, Break, Curve, curves, default_ends
    from actgrad.layers.explain.derivation import Step, steps, textbook_form, with_names
    from actgrad.layers.explain.explanation import (
        Evaluation,
        Explanation,
        at_defaults,
        derivative_text,
        explain_layer,
        formula_text,
    )
    from actgrad.layers.explain.grouping import Grouped
    from actgrad.layers.explain.kinks import Kink, find_kinks
    from actgrad.layers.explain.pitfalls import Pitfall, find_pitfalls
    from actgrad.layers.explain.second_order import Derivative, WithSecondOrder, second_derivative


__getattr__ = lazy_attributes(__name__, __file__)
