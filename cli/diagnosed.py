"""Diagnosing runs of layers: their statistics are collected on this machine or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actgrad.cli.cluster import absolute_argument, absolute_layer, connected, submitted
from actgrad.cli.read import (
    Encoding,
    LayerRun,
    Repeated,
    in_memory,
    nbytes,
    open_array,
    random_access,
)
from actgrad.cli.show import Bar
from actgrad.layers import ActgradError, UnreadableError, chain_of
from actgrad.layers.arrays import Array, named
from actgrad.layers.diagnose import (
    Diagnosis,
    NetworkDiagnosis,
    RunStatistics,
    Thresholds,
    arrays_of,
    diagnose_network,
    diagnose_runs,
    load_statistics,
    run_statistics,
    statistics_in,
    unread_arrays,
)
from actgrad.layers.printed import prints_once
from actgrad.layers.run import MemoryArray, Source


def fitted(source: Source, given: Source) -> Source:
    """The array in the memory order of `given`; a number is repeated."""
    if given.shape and not source.shape:
        return Repeated(in_memory(source), given.shape, given.order)
    if source.order == given.order or len(source.shape) < 2:
        return source
    return MemoryArray(np.asarray(in_memory(source), order=given.order))


class ReadOptions(NamedTuple):
    """How arrays are read: the axis of the units, the dtype they are cast to, and the threads."""

    axis: int | None
    dtype: str | None
    threads: int | None


def diagnosed(
    runs: list[LayerRun],
    thresholds: Thresholds,
    reading: ReadOptions,
    scheduler: str | None,
    quiet: bool,
    step: int | None = None,
) -> NetworkDiagnosis:
    """Diagnose each run of the layers at `step` or the last, on this machine or on a cluster.

    An array of several that cannot be read is a finding.

    Raises:
        ActgradError: no array can be read, or one does not fit; the message names it. Or there
            is no such step.
    """
    diagnoses: dict[str, list[Diagnosis]] = {}
    unread: list[UnreadableError] = []
    with ExitStack() as meanwhile:
        # Each part makes its layers anew; what they print is printed once.
        meanwhile.enter_context(prints_once())
        client = meanwhile.enter_context(connected(scheduler)) if scheduler else None
        waiting = [run_parts(run, reading, client, quiet) for run in runs]
        for run, parts in zip(runs, waiting, strict=True):
            lost: list[UnreadableError] = []
            try:
                layer, statistics = chain_of(run.layers[-1]), read(parts, lost)
                diagnosis = diagnose_runs(
                    layer, statistics, thresholds, name=run.name, step=run.step
                )
            except ActgradError as error:
                if len(lost) == len(parts):
                    unread += lost
                    continue
                if not run.name:
                    raise
                raise ActgradError(f"{run.name}: {error}", error.hint) from error
            if lost:
                fault = unread_arrays(list(map(str, lost)), len(parts))
                diagnosis = diagnosis._replace(findings=[fault, *diagnosis.findings])
            diagnoses.setdefault(run.name, []).append(diagnosis)
    if not diagnoses:
        raise unread[0]
    network = diagnose_network(list(diagnoses.values()), thresholds, step)
    if unread:
        fault = unread_arrays(list(map(str, unread)), len(runs))
        network = network._replace(findings=[fault, *network.findings])
    return network


def read(
    parts: list[Callable[[], RunStatistics]], lost: list[UnreadableError]
) -> Iterator[RunStatistics | None]:
    """The statistics of each part, None for one that cannot be read; why is added to `lost`."""
    for statistics_of_part in parts:
        try:
            yield statistics_of_part()
        except UnreadableError as error:
            lost.append(error)
            yield None


def run_parts(
    run: LayerRun, reading: ReadOptions, client: Any, quiet: bool
) -> list[Callable[[], RunStatistics]]:
    """What reads each part of a run and returns its statistics.

    Each part is a task of the client, if there is one. The functions raise ActgradError if an array
    cannot be read or does not fit.
    """
    if run.statistics:
        return [partial(recorded_statistics, file, run.name, reading) for file in run.statistics]
    parts = list(zip(run.layers, run.parts, strict=True))
    if client is None:
        return [partial(part_statistics, layers, part, reading, quiet) for layers, part in parts]
    tasks = []
    for given, part in parts:
        layers = [absolute_layer(spec) for spec in given]
        everywhere = {name: absolute_argument(argument) for name, argument in part.items()}
        tasks.append((", ".join(part.values()), (layers, everywhere, reading)))
    return [partial(sent_statistics, wait) for wait in submitted(client, part_arrays, tasks)]


def recorded_statistics(file: Path, name: str, reading: ReadOptions) -> RunStatistics:
    """The statistics that a recording has kept in place of the arrays.

    Raises:
        ActgradError: they cannot be read, or the options need arrays.
    """
    if not reading.axis is None is reading.dtype:
        raise ActgradError("--units and --dtype need arrays; statistics were recorded")
    return load_statistics(file, name)


def sent_statistics(wait: Callable[[], Mapping[str, Array]]) -> RunStatistics:
    """The statistics that a worker has sent."""
    return statistics_in(wait())


def part_arrays(
    layers: list[str], part: dict[str, str], reading: ReadOptions
) -> Mapping[str, Array]:
    """What a worker returns: the statistics of a part as arrays of a few kilobytes."""
    return arrays_of(part_statistics(layers, part, reading, quiet=True))


def part_statistics(
    layers: list[str], part: dict[str, str], reading: ReadOptions, quiet: bool
) -> RunStatistics:
    """The statistics of a layer from the ARRAYs of one part of its run.

    Raises:
        ActgradError: an array cannot be read or does not fit.
    """
    axis, dtype, threads = reading
    encoding = Encoding(dtype, threads=threads)
    with ExitStack() as own:
        arrays = {
            name: own.enter_context(open_array(argument, f"--{name}", encoding))
            for name, argument in part.items()
        }
        sources: dict[str, Source] = {n: random_access(a, own) for n, a in arrays.items()}
        given = next(iter(sources.values()))
        sources = {n: fitted(source, given) for n, source in sources.items()}
        bar = own.enter_context(Bar(sum(map(nbytes, sources.values())), quiet))
        return run_statistics(
            chain_of(layers),
            sources,
            axis,
            dtype=named(dtype) if dtype else None,
            threads=threads,
            progress=bar,
        )
