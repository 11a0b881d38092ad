"""The runs of layers that diagnose judges: arrays that options name, or a recording."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from actgrad.cli.read.collection import Named, named_arrays
from actgrad.layers import ActgradError, UnknownLayerError, chain_of
from actgrad.layers.arrays import ARRAY_FILES
from actgrad.layers.frameworks import MANIFEST

#: The arrays of one run of a layer.
ARRAYS = ("x", "out", "dout", "dx")


class LayerRun(NamedTuple):
    """A layer that was run: its name, and the ARRAYs of each part of the run by their names."""

    name: str
    parts: list[dict[str, str]]
    #: The LAYERs of each part; their parameters may differ from part to part.
    layers: Sequence[list[str]]
    step: int | None = None
    #: The files with the statistics of each part, where the arrays were not kept.
    statistics: Sequence[Path] = ()

    @property
    def may_have_gradient(self) -> bool:
        """Whether the run has dout or dx; statistics may."""
        return bool(self.statistics) or any({"dout", "dx"} & {*part} for part in self.parts)


def is_folder(layers: list[str]) -> bool:
    """Whether the folder of a recording is named in place of a layer."""
    return len(layers) == 1 and os.path.isdir(layers[0])


def chosen_runs(runs: list[LayerRun], only: str | None) -> list[LayerRun]:
    """The runs of the name `only`, and those of the last layer with a gradient; or all.

    A small gradient is judged beside that of the last layer.

    Raises:
        ActgradError: there is none.
    """
    last = [run.name for run in runs if run.may_have_gradient][-1:]
    chosen = [run for run in runs if only in (None, run.name) or run.name in last]
    if only not in (None, *(run.name for run in chosen)):
        names = ", ".join(dict.fromkeys(run.name for run in runs if run.name))
        hint = f"there are {names}" if names else "a single array has no name"
        raise ActgradError(f"no array is called {only!r}", hint)
    return chosen


def layer_runs(
    layers: list[str], arguments: dict[str, str | None], shards: bool, only: str | None
) -> list[LayerRun]:
    """The layers that the options name, in natural order.

    Raises:
        ActgradError: x and out are not one of two, an argument names other arrays than those of
            one run, dout or dx has other arrays than x, or no array has the name `only`.
    """
    if arguments["x"] is arguments["out"] is None:
        raise without_arrays(layers)
    if None not in (arguments["x"], arguments["out"]):
        raise ActgradError("diagnose needs --x or --out, one of the two", "--x tells more")
    given = {
        option: arrays_of_layers(argument, f"--{option}")
        for option, argument in arguments.items()
        if argument is not None
    }
    check_paired(given)
    first, *others = given.values()
    parts = [
        dict(zip(given, (array.argument for array in arrays), strict=True))
        for arrays in zip(first, *others, strict=True)
    ]
    if shards:
        check_shards(str(arguments["x"] or arguments["out"]), first)
    if shards or (len(parts) == 1 and only is None):
        return chosen_runs([LayerRun("", parts, [layers] * len(parts))], only)
    named = zip(first, parts, strict=True)
    return chosen_runs([LayerRun(array.name, [part], [layers]) for array, part in named], only)


def notes_on_chain(layers: list[str], runs: Sequence[LayerRun]) -> list[str]:
    """A note where as many layers as arrays are given: each array may be meant for one layer."""
    if not len(layers) == len(runs) > 1:
        return []
    option, argument = next(iter(runs[0].parts[0].items()))
    command = shlex.join(["actgrad", "diagnose", layers[0], f"--{option}", argument])
    return [
        f"note: {' '.join(layers)} is one chain, which runs on each of the {len(runs)} arrays;"
        f" for one layer on one array: {command}"
    ]


def without_arrays(layers: list[str]) -> ActgradError:
    """The error where neither x nor out is given: what stands in the place of LAYER tells why."""
    needed = "diagnose needs --x or --out, one of the two"
    if any(os.path.isdir(word) for word in layers):
        return ActgradError("diagnose reads one recording at a time", "name its folder alone")
    if files := [word for word in layers if word.lower().endswith(ARRAY_FILES)]:
        others = [word for word in layers if word not in files] or ["LAYER"]
        return ActgradError(needed, f"actgrad diagnose {' '.join(others)} --x {files[0]}")
    try:
        chain_of(layers)
    except UnknownLayerError as error:
        return ActgradError(f"no folder and no layer is called {error.name!r}", error.hint)
    return ActgradError(needed, "--x tells more")


def arrays_of_layers(argument: str, option: str) -> list[Named]:
    """The arrays that an argument names, each of another layer or of another part of one.

    Raises:
        ActgradError: there is none, the argument is a recording, or they are x, out and gradients
            of one layer.
    """
    if os.path.isfile(Path(argument) / MANIFEST):
        raise ActgradError(f"{option} {argument} is a recording", f"actgrad diagnose {argument}")
    arrays = named_arrays(argument, option)
    if len(arrays) > 1 and {array.name for array in arrays} <= {*ARRAYS}:
        names = sorted((array.name for array in arrays), key=ARRAYS.index)
        raise ActgradError(
            f"{option} {argument} holds {', '.join(names)}, which are arrays of one layer",
            " ".join(f"--{name} {argument}:{name}" for name in names),
        )
    return arrays


def check_paired(given: dict[str, list[Named]]) -> None:
    """Check that every option names an array for each layer.

    Raises:
        ActgradError: one names more or fewer, or the same names at other places.
    """
    option, first = next(iter(given.items()))
    for other, arrays in given.items():
        if len(arrays) != len(first):
            raise ActgradError(
                f"--{other} names {len(arrays)} arrays, but --{option} {len(first)}",
                "both need one for each layer; they are paired in natural order",
            )
        names, others = ([array.name for array in each] for each in (first, arrays))
        if set(names) & set(others) and names != others:
            missing = next(
                name for name in [*names, *others] if (name in names) != (name in others)
            )
            lacks, has = (other, option) if missing in names else (option, other)
            raise ActgradError(f"--{has} has an array {missing}, but --{lacks} has none")


def check_shards(argument: str, arrays: list[Named]) -> None:
    """Check that a folder of shards holds those of one array; a pattern says so itself.

    Raises:
        ActgradError: the names of its arrays differ in more than their numbers.
    """
    if not os.path.isdir(argument):
        return
    kinds = {re.sub(r"\d+", "*", array.name): array.name for array in reversed(arrays)}
    if len(kinds) > 1:
        shown, pattern = list(kinds.values())[:2], next(iter(kinds))
        raise ActgradError(
            f"{' and '.join(shown)} are not named as parts of one array",
            f"a pattern names the parts of one: '{argument}/{pattern}.npy'",
        )
