"""Long texts of plain numbers, in nested brackets or in rows, read in parts on all cores."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from actgrad.cli.read.literal import DEEPEST, plain_numbers
from actgrad.layers.arrays import Array
from actgrad.layers.run import cores, share_pieces

#: The bytes of a text that is long, and of a part of it.
LONG, PART = 1 << 22, 1 << 20
#: Every byte but brackets and commas.
NO_BRACKET = bytes({*range(256)} - {*b"[],"})
BRACKETS_TO_BLANKS = bytes.maketrans(b"[]", b"  ")
#: Brackets that stand beside a number where a comma must be.
MISPLACED = (rb"\](?!\s*(?:\]|,\s*\[|\Z))", rb"\[\s*[^\s\[\],]+\s*\[")

IN_JSON_NUMBERS = b"0123456789+-.eE, \t\r\n"
NEGATIVE_ZERO = rb"-0(?![\d.eE])"


class Stretch(NamedTuple):
    """A part of a text: where it begins and ends, and how many numbers it must hold."""

    start: int
    end: int
    size: int


class Form(NamedTuple):
    """The shape of a text's array, the parts of the text, and what gives the numbers of a part."""

    shape: tuple[int, ...]
    parts: list[Stretch]
    numbers: Callable[[bytes], Array | None]


def long_array(text: bytearray, threads: int | None = None) -> Array | None:
    """The float64 array of a text that holds numbers and nothing else.

    They stand between commas in nested brackets, or in rows, as `json.dump` and `numpy.savetxt`
    write them. A matrix of one column is 1-d. None for any other text, which may still be an array.
    `threads` is the most processes that read; None stands for one on each core.

    >>> long_array(bytearray(b"[[1, 2.5], [-3, 4]]"))
    array([[ 1. ,  2.5],
           [-3. ,  4. ]])
    """
    form = _nested(text) if text[:PART].lstrip()[:1] == b"[" else _rows(text)
    if form is None:
        return None
    shape, parts, numbers = form
    places = [0, *accumulate(part.size for part in parts)]
    # Other processes write to this memory, too.
    shared = mmap.mmap(-1, 8 * places[-1] + 1)
    values, is_plain = np.frombuffer(shared, count=places[-1]), np.frombuffer(shared, bool)[-1:]
    is_plain[:] = True

    def read(number: int) -> None:
        start, end, size = parts[number]
        row = numbers(bytes(text[start:end])) if is_plain else None
        if row is None or row.size != size:
            is_plain[:] = False
        else:
            values[places[number] : places[number + 1]] = row

    if not share_pieces(range(len(parts)), read, threads or cores()):
        for number in range(len(parts)):
            read(number)
    return values.reshape(shape) if is_plain else None


def _cuts(text: bytearray, mark: bytes, end: int) -> Iterator[tuple[int, int]]:
    """Where parts of about PART bytes begin and end, up to `end`; they are cut at marks."""
    start = 0
    while start <= end:
        cut = text.find(mark, start + PART, end)
        cut = end if cut < 0 else cut
        yield start, cut
        start = cut + 1


def _nested(text: bytearray) -> Form | None:
    """The form of nested brackets of equal lengths; None if their lengths differ."""
    cuts = [*_cuts(text, b",", len(text))]
    skeletons = [text[start:end].translate(None, NO_BRACKET) for start, end in cuts]
    shape = _shape_of_skeleton(b",".join(skeletons))
    if shape is None or any(re.search(pattern, text) for pattern in MISPLACED):
        return None
    parts = [
        Stretch(start, end, skeleton.count(b",") + 1)
        for (start, end), skeleton in zip(cuts, skeletons, strict=True)
    ]
    return Form(shape, parts, _numbers_in_brackets)


def _shape_of_skeleton(skeleton: bytes) -> tuple[int, ...] | None:
    """The shape of an array of which only brackets and commas are left; None if it has none.

    >>> _shape_of_skeleton(b"[[,,],[,,]]")
    (2, 3)
    """
    depth = len(skeleton) - len(skeleton.lstrip(b"["))
    if depth > DEEPEST:
        return None
    block, shape = b"", []
    for level in range(1, depth + 1):
        # The first block that `level` brackets enclose: blocks of one level less, and commas.
        length = skeleton.find(b"]" * level) + level - (depth - level)
        shape.append(max(length - 1, 0) // (len(block) + 1))
        block = b"[" + (block + b",") * (shape[-1] - 1) + block + b"]"
    return tuple(reversed(shape)) if block == skeleton else None


def _numbers_in_brackets(part: bytes) -> Array | None:
    return _numbers(part.translate(BRACKETS_TO_BLANKS))


def _rows(text: bytearray) -> Form | None:
    """The form of lines, each of as many numbers as the first, between the same marks."""
    first = bytes(text[: text.find(b"\n")])
    mark = next((mark for mark in (b"\t", b";", b",") if mark in first), None)
    fields = len(first.split(mark))
    last = text[-PART:]
    end = len(text) - len(last) + len(last.rstrip())
    parts = [
        Stretch(start, cut, (text.count(b"\n", start, cut) + 1) * fields)
        for start, cut in _cuts(text, b"\n", end)
    ]
    lines = sum(part.size for part in parts) // fields if fields else 0
    shape = (lines,) if fields == 1 else (lines, fields)
    return Form(shape, parts, partial(_numbers_in_rows, mark, fields)) if lines > 1 else None


def _numbers_in_rows(mark: bytes | None, fields: int, part: bytes) -> Array | None:
    if any(len(line.split(mark)) != fields for line in part.split(b"\n")):
        return None
    if mark is None:
        return _numbers(b",".join(part.split()))
    return _numbers(part.replace(b"\n", b",").replace(mark, b","))


def _numbers(part: bytes) -> Array | None:
    """The numbers between commas, by orjson if it is there: it takes half of the time."""
    row = _json_numbers(part)
    return plain_numbers(part.decode("latin-1")) if row is None else row


def _json_numbers(part: bytes) -> Array | None:
    """The numbers of a list in JSON; None where orjson is missing, and for any other text."""
    if part.translate(None, IN_JSON_NUMBERS):
        return None
    try:
        import orjson

        row = np.array(orjson.loads(b"[" + part + b"]"), np.float64)
    except (ImportError, ValueError):
        return None
    # JSON reads -0 as an integer, which has no sign.
    return None if (row == 0).any() and re.search(NEGATIVE_ZERO, part) else row
