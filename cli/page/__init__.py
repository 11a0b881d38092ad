"""Self-contained pages: a formula, its steps, its curve and its graph, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.page.diagnosis import diagnosis_page
    from actgrad.cli.page.document import page_of
    from actgrad.cli.page.frame import figure_page
    from actgrad.cli.page.reports import (
        attempts_page,
        check_body,
        check_page,
        survey_page,
        verification_body,
        verification_page,
    )


__getattr__ = lazy_attributes(__name__, __file__)
