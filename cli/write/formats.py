"""Arrays as JSON, CSV, `.npy` or `.npz`: exact, and meant for programs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import IO, Any

import numpy as np

from actgrad.cli.answer import json_number
from actgrad.cli.exit import to_stderr
from actgrad.cli.write.output import ArrayAnswer
from actgrad.cli.write.processes import write_in_order
from actgrad.layers import ShapeError
from actgrad.layers.arrays import Array, Order, order
from actgrad.layers.casting import EIGHT_BIT
from actgrad.layers.run import release

#: Elements that are turned into text at a time.
CHUNK = 1 << 14
#: The least elements for which orjson is imported, and one axis more than it can write.
MANY, MOST_AXES = 1 << 12, 32
#: The most empty lists that JSON may have.
MOST_EMPTY = 1 << 20


def write_json(answer: ArrayAnswer, stream: IO[bytes]) -> None:
    """One strict JSON object on one line: the command, the layers, and every array.

    Raises:
        ShapeError: an array has no elements, but so many rows that their brackets never end.
    """
    import json

    for name, array in answer.arrays.items():
        if not array.size and math.prod(size or 1 for size in array.shape) > MOST_EMPTY:
            raise ShapeError(
                f"{name} has shape {array.shape}: JSON would have a pair of brackets for each"
                " empty row",
                "npy and npz hold it",
            )
    head = json.dumps({"command": answer.command, "layers": answer.layers})
    stream.write(head[:-1].encode() + b', "arrays": {')
    for place, (name, array) in enumerate(answer.arrays.items()):
        about = json.dumps({"dtype": array.dtype.name, "shape": array.shape})
        opening = f'{", " if place else ""}{json.dumps(name)}: {about[:-1]}, "data": '
        stream.write(opening.encode())
        write_in_order(stream, json_blocks(array), json_rows, answer.threads)
        stream.write(b"}")
    stream.write(b"}}\n")


def json_blocks(array: Array) -> Iterator[bytes | Array]:
    """The array's elements as nested JSON lists: brackets and commas, and rows for `json_rows`, of
    at most CHUNK elements."""
    # An axis of length 0 counts as 1: an array may have any number of empty rows.
    cells = math.prod(size or 1 for size in array.shape)
    if not array.shape or not len(array):
        yield json_text(array)
        return
    rows = CHUNK * len(array) // cells
    yield b"["
    for start in range(0, len(array), rows or 1):
        if start:
            yield b", "
        if rows:
            yield array[start : start + rows]
        else:
            yield from json_blocks(array[start])
    yield b"]"


def json_rows(array: Array) -> bytes:
    """The rows of an array as JSON, without brackets around them."""
    text = json_text(array)[1:-1]
    release(array)
    return text


def json_text(array: Array) -> bytes:
    """The elements of a small array as nested JSON lists."""
    import json

    if array.size >= MANY and array.ndim < MOST_AXES and (text := quick_json_text(array)):
        return text
    if array.size and not np.isfinite(array).all():
        cells = [json_number(number) for number in array.ravel().tolist()]
        array = np.array(cells, dtype=object).reshape(array.shape)
    return json.dumps(array.tolist()).encode()


def quick_json_text(array: Array) -> bytes | None:
    """The same text by orjson, in a fraction of the time; None where it is not installed.

    orjson and Python write a number in the same digits. They differ in exponents; those numbers,
    and what is not finite, are left to Python.
    """
    try:
        import orjson
    except ImportError:
        return None
    import json

    values, others = np.ascontiguousarray(array), np.empty(0)
    if array.dtype != np.bool_ and array.dtype.kind not in "iu":
        with np.errstate(invalid="ignore"):  # a signalling nan becomes a quiet one
            values = values.astype(np.float64)  # a float32 has its digits in float64
        unlike = has_exponent(values)
        others, values[unlike] = values[unlike], np.nan  # nan is written as null
    text: bytes = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).replace(b",", b", ")
    if not others.size:
        return text
    texts = [*(json.dumps(json_number(number)).encode() for number in others.tolist()), b""]
    return b"".join(chain(*zip(text.split(b"null"), texts, strict=True)))


def has_exponent(values: Array) -> Array:
    """Which numbers Python writes with an exponent, below 1e-4 and from 1e16 on, or as a word."""
    size = np.abs(values)
    return np.asarray(~(((size >= 1e-4) & (size < 1e16)) | (size == 0)))


def write_csv(answer: ArrayAnswer, stream: IO[bytes]) -> None:
    """One row per element: its index along each axis, then its value in each array.

    A 0-d array beside others is the gradient of a trained parameter: it is left out, with a note.

    Raises:
        ShapeError: the other arrays differ in shape.
    """
    arrays, shape = answer.arrays, next(iter(answer.arrays.values())).shape
    if single := [name for name, array in arrays.items() if array.shape == () != shape]:
        to_stderr(
            f"note: csv has a row for each element; the number {', '.join(single)} is left out"
        )
        arrays = {name: array for name, array in arrays.items() if name not in single}
    for name, array in arrays.items():
        if array.shape != shape:
            raise ShapeError(
                f"csv has a row for each element, but {name} has shape {array.shape}, not {shape}",
                f"json and npz hold both; -o {name}=FILE.csv writes one alone",
            )
    axes = [f"axis{axis}" for axis in range(len(shape))]
    stream.write(csv_line([*axes, *arrays]))
    columns = [array.reshape(-1) for array in arrays.values()]
    starts = range(0, math.prod(shape), CHUNK)
    write_in_order(stream, starts, partial(csv_rows, columns, shape), answer.threads)


def csv_rows(columns: Sequence[Array], shape: tuple[int, ...], start: int) -> bytes:
    """The rows of at most CHUNK elements of arrays of that shape."""
    blocks = [column[start : start + CHUNK].copy() for column in columns]
    release(*columns)
    rows = np.arange(start, start + blocks[0].size)
    places = [axis.tolist() for axis in np.unravel_index(rows, shape)] if shape else []
    if rows.size >= MANY and (text := quick_csv_rows(places, blocks)):
        return text
    cells = [*places, *(map(json_number, block.tolist()) for block in blocks)]
    lines = map(",".join, zip(*(map(str, each) for each in cells), strict=True))
    return "".join([f"{line}\n" for line in lines]).encode()


def quick_csv_rows(places: Sequence[list[int]], blocks: Sequence[Array]) -> bytes | None:
    """The same rows by orjson, as JSON lists without their brackets; None where it is missing."""
    try:
        import orjson
    except ImportError:
        return None
    words = [orjson.Fragment(word) for word in ("False", "True")]
    columns: list[Sequence[object]] = [*places]
    for block in blocks:
        if block.dtype == np.bool_:
            columns.append([words[value] for value in block.tolist()])
            continue
        cells = block.tolist()
        if block.dtype.kind not in "iu":
            for place in np.flatnonzero(has_exponent(block.astype(np.float64))).tolist():
                cells[place] = orjson.Fragment(str(json_number(cells[place])))
        columns.append(cells)
    text: bytes = orjson.dumps([*zip(*columns, strict=True)])
    return text[2:-2].replace(b"],[", b"\n") + b"\n"


def csv_line(cells: Iterable[object]) -> bytes:
    """The cells between commas; none of them needs quotes."""
    return (",".join(map(str, cells)) + "\n").encode()


def write_npz(answer: ArrayAnswer, stream: IO[bytes]) -> None:
    """An archive of every array."""
    arrays = {name: array.view(stored(array.dtype)) for name, array in answer.arrays.items()}
    np.savez(stream, allow_pickle=False, **arrays)


def write_npy(answer: ArrayAnswer, stream: IO[bytes]) -> None:
    """The main result as `.npy`; unlike `numpy.save`, also into a pipe."""
    array = answer.arrays[answer.main]
    array = np.asarray(array, order=order(array))
    stream.write(npy_header(array.shape, array.dtype, order(array)))
    stream.write(array.reshape(-1, order=order(array)).view(np.uint8).data)


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any], order: Order) -> bytes:
    """The bytes before the data in a `.npy` file of such an array."""
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(stored(dtype))
    about = {"descr": descr, "fortran_order": order == "F", "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    return header.getvalue()


def stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that the file names. `numpy.save` calls float8_e5m2 '<f1', which it cannot load."""
    return np.dtype("V1") if dtype.name in EIGHT_BIT else dtype


#: The function that writes each format.
WRITERS = {"json": write_json, "csv": write_csv, "npy": write_npy, "npz": write_npz}
