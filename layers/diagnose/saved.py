"""The statistics of layers in a file, a few kilobytes each, in place of the arrays of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from actgrad.layers.arrays import Array, named
from actgrad.layers.diagnose.moments import Moments
from actgrad.layers.diagnose.report import RunStatistics
from actgrad.layers.diagnose.statistics import (
    COUNTS,
    HISTOGRAMS,
    MOMENTS,
    SlopeScale,
    UnitStatistics,
)
from actgrad.layers.errors import UnreadableError

#: The dtypes of the arrays in a `.safetensors` file.
DTYPES = {"I64": np.dtype(np.int64), "F64": np.dtype(np.float64)}
#: The arrays of a layer: whole numbers or floats, along how many axes.
FORMS = {
    "shape": ("i", 1),
    "scale": ("f", 1),
    "first_not_finite": ("i", 1),
    "counts": ("i", 2),
    "histograms": ("i", 2),
    "ends": ("f", 3),
    "lengths": ("i", 2),
    "sums": ("f", 3),
    "repeated": ("f", 1),
    "times": ("i", 2),
}
#: The name of the texts in its header, and the dtype of the length before it.
TEXTS, LENGTH = "__metadata__", np.dtype("<u8")


def save_statistics(file: Path, layers: Mapping[str, RunStatistics]) -> None:
    """Write the statistics of layers by their names; the file appears whole or not at all.

    It is a `.safetensors` file: the length of a header, the header in JSON, and the data.
    """
    header: dict[str, Any] = {TEXTS: {}}
    parts: list[bytes] = []
    end = 0
    for layer, run in layers.items():
        arrays = arrays_of(run)
        header[TEXTS][layer] = " ".join(arrays.pop("text").tolist())
        for name, array in arrays.items():
            parts.append(array.tobytes())
            begin, end = end, end + array.nbytes
            dtype = "F64" if array.dtype.kind == "f" else "I64"
            entry = {"dtype": dtype, "shape": array.shape, "data_offsets": [begin, end]}
            header[f"{layer}/{name}"] = entry
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    beside = file.with_name(f".{file.name}")
    beside.write_bytes(b"".join([len(text).to_bytes(LENGTH.itemsize, "little"), text, *parts]))
    beside.replace(file)


def arrays_of(run: RunStatistics) -> dict[str, Array]:
    """The statistics of a run as arrays: a few numbers for each unit."""
    statistics = run.statistics
    place = statistics.first_not_finite
    histograms = np.array([getattr(statistics, name).counts for name in HISTOGRAMS])
    filled = np.nonzero(histograms)
    moments: list[Moments] = [getattr(statistics, name) for name in MOMENTS]
    units = statistics.units
    parts = [each.sums.parts for each in moments]
    repeated = [each.repeated for each in moments]
    return {
        "text": np.array([run.given, run.order, statistics.dtype.name]),
        "shape": np.array(run.shape, np.int64),
        "scale": np.array(statistics.scale),
        "first_not_finite": np.array([] if place is None else [place], np.int64),
        "counts": np.array(
            [statistics.counts[name] for name in COUNTS] + [each.left_out for each in moments]
        ),
        # Most bins are empty: of each other one the histogram, the bin and the count.
        "histograms": np.array([*filled, histograms[filled]]),
        "ends": np.array([[each.low, each.high] for each in moments]),
        # Of each of the moments, how many parts of sums and how many repeated numbers follow.
        "lengths": np.array([[len(each) for each in parts], [len(each) for each in repeated]]),
        "sums": np.array([part for each in parts for part in each]).reshape(-1, 2, units),
        "repeated": np.array([number for each in repeated for number in each], float),
        "times": np.array([n for each in repeated for n in each.values()], int).reshape(-1, units),
    }


def load_statistics(file: Path, layer: str) -> RunStatistics:
    """The statistics of the layer of that name.

    Raises:
        UnreadableError: the file cannot be read, or does not hold them.
    """
    try:
        data = memoryview(file.read_bytes())
        begin = LENGTH.itemsize + int(np.frombuffer(data, LENGTH, 1)[0])
        header = json.loads(bytes(data[LENGTH.itemsize : begin]))
        arrays = {"text": np.array(header[TEXTS][layer].split(" "))}
        for name in (name for name in header if name.rpartition("/")[0] == layer):
            entry = header[name]
            count, (start, _) = math.prod(entry["shape"]), entry["data_offsets"]
            array = np.frombuffer(data, DTYPES[entry["dtype"]], count, begin + start)
            arrays[name.rpartition("/")[2]] = array.reshape(entry["shape"]).copy()
        _require_forms(arrays)
        run = statistics_in(arrays)
        _require_sums_of_squares(run.statistics)
        return run
    except (OSError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{file} holds no statistics of {layer}: {error}") from error


def _require_forms(arrays: Mapping[str, Array]) -> None:
    """Check that the arrays are there, in the kind of dtype and with the axes of `FORMS`.

    Raises:
        LookupError: one is not there.
        ValueError: one has another form.
    """
    for name, form in FORMS.items():
        array = arrays[name]
        if (array.dtype.kind, array.ndim) != form:
            raise ValueError(f"{name} has dtype {array.dtype} and {array.ndim} axes")


def _require_sums_of_squares(statistics: UnitStatistics) -> None:
    """Check that no sum of squares is negative.

    Raises:
        ValueError: one is.
    """
    for name in MOMENTS:
        _, squares = getattr(statistics, name).totals(statistics.units)
        if min(squares, default=0) < 0:
            raise ValueError(f"a sum of squares of {name} is negative")


def statistics_in(arrays: Mapping[str, Array]) -> RunStatistics:
    """The statistics that `arrays_of` has made arrays of."""
    counts, scale = arrays["counts"], SlopeScale(*arrays["scale"].tolist())
    given, order, dtype = arrays["text"].tolist()
    units = counts.shape[1]
    statistics = UnitStatistics(units, units, scale, named(dtype))
    statistics.counts = dict(zip(COUNTS, counts[: len(COUNTS)], strict=True))
    statistics.first_not_finite = next(iter(arrays["first_not_finite"].tolist()), None)
    for histogram, place, count in arrays["histograms"].T.tolist():
        getattr(statistics, HISTOGRAMS[histogram]).counts[place] = count
    sums, repeated = (
        iter(arrays["sums"]),
        zip(arrays["repeated"].tolist(), arrays["times"], strict=True),
    )
    columns = (counts[len(COUNTS) :], arrays["ends"], arrays["lengths"].T.tolist())
    for name, left_out, ends, (parts, numbers) in zip(MOMENTS, *columns, strict=True):
        moments: Moments = getattr(statistics, name)
        moments.left_out, (moments.low, moments.high) = left_out, ends
        moments.sums.parts = list(islice(sums, parts))
        moments.repeated = dict(islice(repeated, numbers))
    return RunStatistics(statistics, given, tuple(arrays["shape"].tolist()), order)
