"""Arrays as JSON, CSV, `.npy` or `.npz`: exact, and meant for programs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

import numpy as np

from actgrad.cli.answer import json_number
from actgrad.cli.exit import to_stderr
from actgrad.cli.write.output import ArrayAnswer
from actgrad.layers import ShapeError
from actgrad.layers.arrays import Array, Order, order
from actgrad.layers.casting import EIGHT_BIT

#: Elements that are turned into text at a time.
CHUNK = 1 << 16
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
        for text in json_data(array):
            stream.write(text.encode())
        stream.write(b"}")
    stream.write(b"}}\n")


def json_data(array: Array) -> Iterator[str]:
    """The array's elements as nested JSON lists, in pieces of about CHUNK elements."""
    # An axis of length 0 counts as 1: an array may have any number of empty rows.
    cells = math.prod(size or 1 for size in array.shape)
    if cells <= CHUNK:
        yield json_text(array)
        return
    rows = CHUNK * len(array) // cells
    yield "["
    for start in range(0, len(array), rows or 1):
        yield ", " if start else ""
        if rows:
            yield json_text(array[start : start + rows])[1:-1]
        else:
            yield from json_data(array[start])
    yield "]"


def json_text(array: Array) -> str:
    """The elements of a small array as nested JSON lists."""
    import json

    if array.size >= MANY and array.ndim < MOST_AXES and (text := quick_json_text(array)):
        return text
    if array.size and not np.isfinite(array).all():
        cells = [json_number(number) for number in array.ravel().tolist()]
        array = np.array(cells, dtype=object).reshape(array.shape)
    return json.dumps(array.tolist())


def quick_json_text(array: Array) -> str | None:
    """The same text by orjson, in a fraction of the time; None where it is not installed.

    orjson and Python write a number in the same digits. They differ in exponents, which Python
    writes below 1e-4 and from 1e16 on; those numbers, and what is not finite, are left to Python.
    """
    try:
        import orjson
    except ImportError:
        return None
    import json

    values, others = np.ascontiguousarray(array), np.empty(0)
    if array.dtype != np.bool_ and array.dtype.kind not in "iu":
        values = values.astype(np.float64)  # a float32 has its digits in float64
        size = np.abs(values)
        alike = ((size >= 1e-4) & (size < 1e16)) | (size == 0)
        others, values[~alike] = values[~alike], np.nan  # nan is written as null
    text: str = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace(",", ", ")
    if not others.size:
        return text
    texts = [*(json.dumps(json_number(number)) for number in others.tolist()), ""]
    return "".join(chain(*zip(text.split("null"), texts, strict=True)))


def csv_cells(column: Array) -> Iterable[object]:
    """The numbers of a column of csv, as they are written."""
    if column.dtype != np.bool_ and column.size >= MANY and (text := quick_json_text(column)):
        return text[1:-1].replace('"', "").split(", ")
    return map(json_number, column.tolist())


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
    size, columns = math.prod(shape), [array.reshape(-1) for array in arrays.values()]
    for start in range(0, size, CHUNK):
        end = min(start + CHUNK, size)
        places = np.unravel_index(np.arange(start, end), shape) if shape else ()
        cells = [axis.tolist() for axis in places]
        cells += [csv_cells(column[start:end]) for column in columns]
        lines = map(",".join, zip(*(map(str, each) for each in cells), strict=True))
        stream.write("".join([f"{line}\n" for line in lines]).encode())


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
