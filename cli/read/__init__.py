"""Reading arrays: literals, files and standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.read.collection import Named, named_arrays, natural_key, split_member
    from actgrad.cli.read.dump import RESULTS, Dump, DumpLayout
    from actgrad.cli.read.external import (
        ExternalArray,
        Repeated,
        check_drawn,
        nbytes,
        random_access,
    )
    from actgrad.cli.read.recorded import read_recording
    from actgrad.cli.read.runs import LayerRun, is_folder, layer_runs, notes_on_chain
    from actgrad.cli.read.source import Encoding, in_memory, open_array, read_array
    from actgrad.cli.read.survey import read_baseline


__getattr__ = lazy_attributes(__name__, __file__)
