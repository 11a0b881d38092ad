"""Checking a layer: its gradient, its values and its conduct."""
