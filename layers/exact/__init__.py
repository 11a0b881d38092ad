"""Exact values of formulas, and distances from them in ULP."""
