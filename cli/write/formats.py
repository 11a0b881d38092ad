"""An answer as JSON, CSV, `.npy` or `.npz`: exact, and meant for programs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np

from actgrad.cli.options import Format
from actgrad.cli.write.answer import Answer
from actgrad.layers import ShapeError
from actgrad.layers.arrays import Array, Order, order

#: Elements that are turned into text at a time.
CHUNK = 1 << 16


def write(answer: Answer, form: Format, stream: IO[bytes]) -> None:
    """Write the answer in any format but `table`."""
    match form:
        case Format.json:
            write_json(answer, stream)
        case Format.csv:
            write_csv(answer, stream)
        case Format.npy:
            write_npy(answer.arrays[answer.main], stream)
        case Format.npz:
            # The keyword would clash with savez's own parameter of that name.
            np.savez(stream, allow_pickle=False, **answer.arrays)


def write_json(answer: Answer, stream: IO[bytes]) -> None:
    """One strict JSON object on one line; the schema is in the README."""
    import json

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
    """The array's elements as nested JSON lists, a piece at a time."""
    # An axis of no length counts as one: there may be any number of empty rows.
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

    if array.size and not np.isfinite(array).all():
        cells = [json_number(number) for number in array.ravel().tolist()]
        array = np.array(cells, dtype=object).reshape(array.shape)
    return json.dumps(array.tolist())


def json_number(number: float | bool) -> float | bool | str:
    """A number as JSON can hold it: NaN and the infinities, which it lacks, as strings."""
    if math.isfinite(number):
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def write_csv(answer: Answer, stream: IO[bytes]) -> None:
    """A row an element: its index along each axis, then its value in each array."""
    arrays = list(answer.arrays.values())
    shape = arrays[0].shape
    for name, array in answer.arrays.items():
        if array.shape != shape:
            raise ShapeError(
                f"csv has a row for each element, but {name} has shape {array.shape}, not {shape}",
                f"json and npz hold both; -o {name}=FILE.csv writes one alone",
            )
    axes = [f"axis{axis}" for axis in range(len(shape))]
    stream.write(csv_line([*axes, *answer.arrays]))
    for start in range(0, arrays[0].size, CHUNK):
        end = min(start + CHUNK, arrays[0].size)
        places = np.unravel_index(np.arange(start, end), shape) if shape else ()
        values = [map(json_number, array.flat[start:end].tolist()) for array in arrays]
        rows = zip(*(axis.tolist() for axis in places), *values, strict=True)
        stream.write(b"".join(map(csv_line, rows)))


def csv_line(cells: Iterable[object]) -> bytes:
    """The cells between commas; none of them needs quotes."""
    return (",".join(map(str, cells)) + "\n").encode()


def write_npy(array: Array, stream: IO[bytes]) -> None:
    """The array as `.npy`; unlike `numpy.save`, also into a pipe."""
    array = np.asarray(array, order=order(array))
    stream.write(npy_header(array.shape, array.dtype, order(array)))
    stream.write(array.reshape(-1, order=order(array)).view(np.uint8).data)


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any], order: Order) -> bytes:
    """What a `.npy` file of such an array begins with."""
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    about = {"descr": descr, "fortran_order": order == "F", "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    return header.getvalue()
