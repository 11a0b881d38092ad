"""Verifying a kernel's results element by element."""
