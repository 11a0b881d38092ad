"""Hypothesis is given all the time it needs: speed is measured elsewhere."""

from hypothesis import settings

settings.register_profile("actgrad", deadline=None)
settings.load_profile("actgrad")
