"""Checking a layer: its gradient, its values and its conduct."""

from actgrad.layers.check.examine import check_layer, examine
from actgrad.layers.check.example import spelled
from actgrad.layers.check.load import subject
from actgrad.layers.check.report import FAULTS, CheckFailedError, Finding, GradientCurve, Report

__all__ = [
    "FAULTS",
    "CheckFailedError",
    "Finding",
    "GradientCurve",
    "Report",
    "check_layer",
    "examine",
    "spelled",
    "subject",
]
