"""A target by its text: a framework, or a function or a class of a Python file or module."""

from __future__ import annotations

import re
from difflib import get_close_matches

from actgrad.layers.check import attribute_of, import_place, load_subject
from actgrad.layers.frameworks import (
    CPU,
    FRAMEWORKS,
    NumpyTarget,
    Place,
    Target,
    TargetError,
    catalogued_target,
    target_of,
)
from actgrad.layers.layer import Layer

#: What a target may be.
TARGETS = f"{', '.join(FRAMEWORKS)}, file.py:function, file.py:Class or module:function"
#: `file.py:name` or `package.module:name`.
IMPORTED = re.compile(r"(.+\.py|[A-Za-z_][\w.]*):(\w+)")
#: What only a layer in NumPy has: a pair of functions, or parameters.
SUBJECT = re.compile(r"(?s)(.+\.py|[A-Za-z_][\w.]*):\w+(,\w+)?(:.*)?")


def named_target(text: str, layer: Layer, place: Place = CPU) -> Target:
    """The target of that text for the layer.

    Raises:
        TargetError: there is no such target, it does not have the layer, or not that place.
        LayerImportError, LayerRaisedError: the file or the module is not there, or fails.
    """
    if text in FRAMEWORKS:
        return catalogued_target(text, layer, place)
    if match := IMPORTED.fullmatch(text):
        file, name = match.groups()
        return target_of(text, attribute_of(import_place(file, name), file, name), place)
    if SUBJECT.fullmatch(text):
        return NumpyTarget(text, make=load_subject(text).make, place=place)
    close = get_close_matches(text.lower(), FRAMEWORKS, 1)
    raise TargetError(
        f"{text} is no target", f"did you mean {close[0]}?" if close else f"a target is {TARGETS}"
    )
