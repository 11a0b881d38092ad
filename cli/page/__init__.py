"""Self-contained pages: a formula, its steps, its curve and its graph, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.page.document import page_of


__getattr__ = lazy_attributes(__name__, __file__)
