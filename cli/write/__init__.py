"""Writing answers: their formats, files and standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.write.output import ArrayAnswer, Output, named_file
    from actgrad.cli.write.streamed import streamed_run


__getattr__ = lazy_attributes(__name__, __file__)
