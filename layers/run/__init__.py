"""Running a chain of layers over arrays of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.run.pipeline import Pipeline
    from actgrad.layers.run.processes import share_pieces
    from actgrad.layers.run.regions import release, run_by_regions
    from actgrad.layers.run.sources import ArraySpec, MemoryArray, Sink, Source
    from actgrad.layers.run.streaming import (
        Progress,
        SliceLayout,
        can_run_in_parts,
        can_stream,
        check_dout_shape,
        slice_layout,
        source_spec,
        stream,
        trace_specs,
    )
    from actgrad.layers.run.threads import OrderedThreads, cores, keep_freed_memory
    from actgrad.layers.run.worker import FEWEST_PIECES, end_worker, start_worker


__getattr__ = lazy_attributes(__name__, __file__)
