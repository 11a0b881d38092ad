"""Running a chain of layers over arrays of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.run.regions import release, sweep
    from actgrad.layers.run.streaming import (
        Blank,
        Held,
        Sink,
        Slices,
        Source,
        blank,
        computed_in,
        in_order,
        outline,
        piecewise,
        see_that_it_fits,
        slices,
        stream,
    )


__getattr__ = lazy_attributes(__name__, __file__)
