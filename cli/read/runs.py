"""The runs of layers that diagnose judges: arrays that options name, or a recording."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from actgrad.cli.read.collection import named_arrays
from actgrad.layers import ActgradError
from actgrad.layers.frameworks import MANIFEST, read_manifest


class LayerRun(NamedTuple):
    """A layer that was run: its name, and the ARRAYs of each part of the run by their names."""

    name: str
    parts: list[dict[str, str]]
    layers: list[str]
    step: int | None = None
    #: The file with the statistics of the run, where its arrays were not kept.
    statistics: Path | None = None


def is_folder(layers: list[str]) -> bool:
    """Whether the folder of a recording is named in place of a layer."""
    return len(layers) == 1 and Path(layers[0]).is_dir()


def recorded_runs(folder: str, only: str | None) -> list[LayerRun]:
    """The calls of a recording, step by step.

    Raises:
        ActgradError: the folder holds no recording, or no call has the name `only`.
    """
    if not (Path(folder) / MANIFEST).exists():
        raise ActgradError(
            f"{folder} holds no recording",
            f"for arrays that others saved, name their layer: actgrad diagnose LAYER --x {folder}",
        )
    runs = []
    for call in read_manifest(Path(folder)).calls:
        if call.is_statistics:
            file = Path(folder) / call.file
            runs.append(LayerRun(call.name, [], [call.layer], call.step, file))
            continue
        names = ["x", "dout"] if call.has_dout else ["x"]
        part = {name: f"{Path(folder) / call.file}:{call.name}/{name}" for name in names}
        runs.append(LayerRun(call.name, [part], [call.layer], call.step))
    return chosen_runs(runs, only)


def chosen_runs(runs: list[LayerRun], only: str | None) -> list[LayerRun]:
    """The runs of the name `only`, or all.

    Raises:
        ActgradError: there is none.
    """
    chosen = [run for run in runs if only in (None, run.name)]
    if not chosen:
        names = ", ".join(dict.fromkeys(run.name or "-" for run in runs))
        raise ActgradError(f"no array is called {only!r}", f"there are {names or 'none'}")
    return chosen


def layer_runs(
    layers: list[str], arguments: dict[str, str | None], shards: bool, only: str | None
) -> list[LayerRun]:
    """The layers that the options name, in natural order.

    Raises:
        ActgradError: x and out are not one of two, dout or dx has other arrays than x, or no
            array has the name `only`.
    """
    if (arguments["x"] is None) == (arguments["out"] is None):
        raise ActgradError("diagnose needs --x or --out, one of the two", "--x tells more")
    given = {
        option: named_arrays(argument, f"--{option}")
        for option, argument in arguments.items()
        if argument is not None
    }
    first, *others = given.values()
    for option, arrays in given.items():
        if len(arrays) != len(first):
            raise ActgradError(
                f"--{option} names {len(arrays)} arrays, but --{next(iter(given))} {len(first)}",
                "both need one for each layer; they are paired in natural order",
            )
    parts = [
        dict(zip(given, (array.argument for array in arrays), strict=True))
        for arrays in zip(first, *others, strict=True)
    ]
    if shards:
        return [LayerRun("", parts, layers)]
    if len(parts) == 1 and only is None:
        return [LayerRun("", parts, layers)]
    named = zip(first, parts, strict=True)
    return chosen_runs([LayerRun(array.name, [part], layers) for array, part in named], only)
