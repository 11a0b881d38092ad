"""An answer as JSON, CSV, `.npy` or `.npz`: exact, and meant for programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import IO, Any

import numpy as np

from actgrad.cli.answer import Answer
from actgrad.cli.options import Format
from actgrad.layers.arrays import Array

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
    import json

    if array.ndim > 1:
        yield "["
        for place, row in enumerate(array):
            yield ", " if place else ""
            yield from json_data(row)
        yield "]"
    elif array.dtype.kind == "b" or np.isfinite(array).all():
        yield json.dumps(array.tolist())
    else:
        values = np.vectorize(exactly, otypes=[object])(array)
        yield json.dumps(values.tolist())


def exactly(value: Any) -> float | bool | str:
    """A number as JSON can hold it: NaN and the infinities, which it lacks, as strings."""
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, bool) or np.isfinite(number):
        return number  # type: ignore[no-any-return]
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def write_csv(answer: Answer, stream: IO[bytes]) -> None:
    """A row an element: its index along each axis, then its value in each array."""
    arrays = list(answer.arrays.values())
    shape = arrays[0].shape
    axes = [f"axis{axis}" for axis in range(len(shape))]
    stream.write(csv_line([*axes, *answer.arrays]))
    places = product(*map(range, shape))
    for start in range(0, arrays[0].size, CHUNK):
        columns = [array.flat[start : start + CHUNK].tolist() for array in arrays]
        rows = zip(islice(places, CHUNK), *columns, strict=False)
        stream.write(b"".join(csv_line([*place, *map(exactly, row)]) for place, *row in rows))


def csv_line(cells: list[Any]) -> bytes:
    """The cells between commas; none of them needs quotes."""
    return (",".join(map(str, cells)) + "\n").encode()


def write_npy(array: Array, stream: IO[bytes]) -> None:
    """The array as `.npy`; unlike `numpy.save`, also into a pipe."""
    array = np.asarray(array, order="C")
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(stream, header)
    stream.write(array.reshape(-1).view(np.uint8).data)
