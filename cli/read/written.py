"""Arrays in the JSON and the CSV that actgrad writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from actgrad.cli.read.literal import LiteralError
from actgrad.cli.read.member import member_name
from actgrad.layers.arrays import Array, named
from actgrad.layers.casting import in_dtype

#: How the text of such a JSON object begins.
OPENING = '{"command"'


def json_array(text: str, name: str, member: str | None) -> Array:
    """The array `member` of such an object, in its own dtype, or its only array.

    Raises:
        LiteralError: the text is no such object.
        MemberError: it has no such array, or several and `member` is None.
    """
    try:
        arrays = json.loads(text)["arrays"]
        about = arrays[member_name(list(arrays), name, member, ".json")]
        values = np.array(about["data"], dtype=np.float64).reshape(about["shape"])
        # Booleans are no dtype of `named`; they are read as 0 and 1.
        return values if about["dtype"] == "bool" else in_dtype(values, named(about["dtype"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LiteralError(f"this is no JSON that actgrad wrote: {error}") from None


def csv_array(columns: Mapping[str, Array], name: str, member: str | None) -> Array:
    """The column `member`, or the only one, in the shape that the columns axis0, axis1, … give.

    Raises:
        LiteralError: the rows are not those of an array, in C order.
        MemberError: there is no such column, or several and `member` is None.
    """
    axes = [column for place, column in enumerate(columns) if column == f"axis{place}"]
    names = [column for column in columns if column not in axes]
    values = columns[member_name(names, name, member, ".csv")]
    if not axes:
        return values
    indices = [columns[axis] for axis in axes]
    # A nan is not below the size either.
    if values.size and all((index < values.size).all() for index in indices):
        shape = tuple(int(index.max()) + 1 for index in indices)
        if math.prod(shape) == values.size and all(
            np.array_equal(index, right.ravel())
            for index, right in zip(indices, np.indices(shape), strict=True)
        ):
            return values.reshape(shape)
    raise LiteralError("the rows are not one for each element, in C order")
