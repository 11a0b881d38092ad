"""Arithmetic with more than float64 holds: double-double numbers, balls and intervals."""
