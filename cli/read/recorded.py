"""The runs of the layers of a recording: the steps with gradients, and small steps together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from math import inf, prod
from pathlib import Path
from typing import NamedTuple

from actgrad.cli.read.runs import LayerRun, chosen_runs
from actgrad.layers import ActgradError
from actgrad.layers.diagnose import ENOUGH_SAMPLES, unit_axis
from actgrad.layers.frameworks import MANIFEST, RecordedLayer, read_manifest


class RecordedRuns(NamedTuple):
    """The layers of a recording that were run, and what the user must know of it."""

    runs: list[LayerRun]
    #: What the recording lacks, and how it is read.
    notes: list[str]


def read_recording(folder: str, only: str | None) -> RecordedRuns:
    """The runs of a recording, step by step.

    Steps in a row with fewer than `ENOUGH_SAMPLES` samples are one run, which has the number of the
    last. Steps without any gradient are left out where others have one.

    Raises:
        ActgradError: the folder holds no recording, or no call has the name `only`.
    """
    if not os.path.exists(Path(folder) / MANIFEST):
        raise ActgradError(
            f"{folder} holds no recording",
            f"for arrays that others saved, name their layer: actgrad diagnose LAYER --x {folder}",
        )
    calls, lacks = read_manifest(Path(folder))
    if not calls:
        raise ActgradError(f"the recording in {folder} has no step", "actgrad record makes one")
    judged = with_gradient(calls)
    together = pools(judged)
    notes = [*lacks]
    if not any(call.has_dout for call in calls) and not notes:
        notes.append("no gradient arrived at any recorded step")
    if len(together) < len(judged):
        notes.append(
            f"steps of fewer than {ENOUGH_SAMPLES} samples are judged together; the number of the"
            " last names them"
        )
    return RecordedRuns(chosen_runs([run_of(Path(folder), pool) for pool in together], only), notes)


def with_gradient(calls: Sequence[RecordedLayer]) -> Sequence[RecordedLayer]:
    """The calls of the steps at which a gradient arrived; all calls if none did."""
    steps = {call.step for call in calls if call.has_dout}
    return [call for call in calls if call.step in steps] if steps else calls


def pools(calls: Iterable[RecordedLayer]) -> list[list[RecordedLayer]]:
    """The calls of a layer that are judged together, in the order of their first steps.

    Only calls of the same layer, with the same units and dtype, are; its parameters may differ, as
    the weight of a PReLU does.
    """
    fewest: dict[int, float] = {}
    for call in calls:
        fewest[call.step] = min(fewest.get(call.step, inf), samples_of(call))
    pool_of, count, number = dict[int, int](), 0.0, 0
    for step, at_step in fewest.items():
        pool_of[step], count = number, count + at_step
        if count >= ENOUGH_SAMPLES:
            number, count = number + 1, 0
    together: dict[tuple[object, ...], list[RecordedLayer]] = {}
    for call in calls:
        # The last steps, if they are too few, belong to those before.
        pool = min(pool_of[call.step], max(number - 1, 0))
        key = (
            pool,
            call.name,
            call.layer.partition(":")[0],
            call.dtype,
            units_of(call),
            call.has_dout,
        )
        together.setdefault(key, []).append(call)
    return list(together.values())


def units_of(call: RecordedLayer) -> int:
    """How many units the layer has."""
    axis = unit_axis(len(call.shape), None)
    return 1 if axis is None else call.shape[axis]


def samples_of(call: RecordedLayer) -> int:
    """How many samples of each unit were recorded."""
    axis = unit_axis(len(call.shape), None)
    return prod(size for place, size in enumerate(call.shape) if place != axis)


def run_of(folder: Path, pool: Sequence[RecordedLayer]) -> LayerRun:
    """The run of a layer that these calls are parts of."""
    last = pool[-1]
    layers = [[call.layer] for call in pool]
    if last.is_statistics:
        files = [folder / call.file for call in pool]
        return LayerRun(last.name, [], layers, last.step, files)
    names = ["x", "dout"] if last.has_dout else ["x"]
    parts = [{name: f"{folder / call.file}:{call.name}/{name}" for name in names} for call in pool]
    return LayerRun(last.name, parts, layers, last.step)
