"""What a notebook shows of an object: HTML, SVG and LaTeX, drawn by the package around `layers`."""

from __future__ import annotations

import sys


class Displayed:
    """An object that notebooks show as more than its `repr`.

    IPython calls these methods, and leaves out a format that is None. `layers` draws nothing: the
    package that it stands in names what draws, as its attribute `view`.
    """

    def _repr_html_(self) -> str | None:
        return shown_as(self, "html")

    def _repr_svg_(self) -> str | None:
        return shown_as(self, "svg")

    def _repr_latex_(self) -> str | None:
        return shown_as(self, "latex")


def shown_as(shown: object, form: str) -> str | None:
    """The object in a format of notebooks; None if it has no such view."""
    package = sys.modules[__name__.partition(".")[0]]
    text: str | None = package.view(shown, form)
    return text
