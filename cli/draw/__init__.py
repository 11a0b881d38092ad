"""Computational graphs as drawings."""
