"""The statistics of layers in a file, a few kilobytes each, in place of the arrays of a run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

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


def save_statistics(file: Path, layers: Mapping[str, RunStatistics]) -> None:
    """Write the statistics of layers by their names; the file appears whole or not at all."""
    arrays = {
        f"{layer}/{name}": array
        for layer, run in layers.items()
        for name, array in arrays_of(run).items()
    }
    beside = file.with_name(f".{file.name}")
    with beside.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    beside.replace(file)


def arrays_of(run: RunStatistics) -> dict[str, Array]:
    """The statistics of a run as arrays: a few numbers for each unit."""
    statistics = run.statistics.folded()
    place = statistics.first_not_finite
    histograms = np.array([getattr(statistics, name).counts for name in HISTOGRAMS])
    filled = np.nonzero(histograms)
    arrays = {
        "given": np.array([run.given, run.order]),
        "shape": np.array(run.shape, np.int64),
        "dtype": np.array(statistics.dtype.name),
        "scale": np.array(statistics.scale),
        "first_not_finite": np.array([] if place is None else [place], np.int64),
        "counts": np.array([statistics.counts[name] for name in COUNTS]),
        # Most bins are empty: of each other one the histogram, the bin and the count.
        "histograms": np.array([*filled, histograms[filled]]),
    }
    for name in MOMENTS:
        moments: Moments = getattr(statistics, name)
        units = moments.low.size
        arrays |= {
            f"{name}/ends": np.array([moments.low, moments.high]),
            f"{name}/left_out": moments.left_out,
            f"{name}/sums": np.array(moments.sums.parts).reshape(-1, 2, units),
            f"{name}/repeated": np.array(list(moments.repeated), float),
            f"{name}/times": np.array(list(moments.repeated.values())).reshape(-1, units),
        }
    return arrays


def load_statistics(file: Path, layer: str) -> RunStatistics:
    """The statistics of the layer of that name.

    Raises:
        UnreadableError: the file cannot be read, or does not hold them.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            prefix = f"{layer}/"
            arrays = {k.removeprefix(prefix): archive[k] for k in archive if k.startswith(prefix)}
        return statistics_in(arrays)
    except (OSError, LookupError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"{file} holds no statistics of {layer}: {error}") from error


def statistics_in(arrays: Mapping[str, Array]) -> RunStatistics:
    """The statistics that `arrays_of` has made arrays of."""
    counts, scale = arrays["counts"], SlopeScale(*arrays["scale"].tolist())
    units = counts.shape[1]
    statistics = UnitStatistics(units, units, scale, named(str(arrays["dtype"])))
    statistics.counts = dict(zip(COUNTS, counts, strict=True))
    statistics.first_not_finite = next(iter(arrays["first_not_finite"].tolist()), None)
    for histogram, place, count in arrays["histograms"].T.tolist():
        getattr(statistics, HISTOGRAMS[histogram]).counts[place] = count
    for name in MOMENTS:
        moments: Moments = getattr(statistics, name)
        moments.low, moments.high = arrays[f"{name}/ends"]
        moments.left_out = arrays[f"{name}/left_out"]
        moments.sums.parts = list(arrays[f"{name}/sums"])
        numbers = arrays[f"{name}/repeated"].tolist()
        moments.repeated = dict(zip(numbers, arrays[f"{name}/times"], strict=True))
    given, order = arrays["given"].tolist()
    return RunStatistics(statistics, given, tuple(arrays["shape"].tolist()), order)
