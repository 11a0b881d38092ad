"""The manifest of a recording: which layers were recorded, at which steps, in which files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from actgrad.layers.errors import ActgradError
from actgrad.layers.stored import read_row

#: The file of a recording that says what the others hold.
MANIFEST = "manifest.json"
FORMAT = 1
#: The names of its other files.
STEP_FILE = r"step-\d+\.(npz|safetensors)"


class RecordingError(ActgradError):
    """A model cannot be recorded, or a recording cannot be read."""


class RecordedLayer(NamedTuple):
    """One call of an activation layer at one step."""

    name: str
    #: The layer as the catalogue names it: `leaky_relu:negative_slope=0.2`.
    layer: str
    step: int
    #: The file that holds the tensors `NAME/x` and, if it came back, `NAME/dout`.
    file: str
    dtype: str
    shape: tuple[int, ...]
    has_dout: bool
    #: Whether the file holds the statistics of the tensors in their place.
    is_statistics: bool = False


class Manifest(NamedTuple):
    """The recorded calls, by step and then in the order in which the model made them."""

    calls: Sequence[RecordedLayer]
    #: What the recording lacks, and why.
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest by this one."""
        calls = [call._asdict() for call in self.calls]
        text = json.dumps({"format": FORMAT, "notes": [*self.notes], "calls": calls})
        beside = folder / f".{MANIFEST}"
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a recording.

    Raises:
        RecordingError: the folder holds none, or it is broken.
    """
    file = folder / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        calls = list(map(_recorded, content["calls"]))
        notes = list(map(str, content.get("notes", [])))
    except OSError as error:
        raise RecordingError(
            f"{folder} holds no recording: {file.name}: {error.strerror}",
            "actgrad record makes one",
        ) from error
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise RecordingError(f"{file} is no manifest of a recording: {error}") from error
    return Manifest(calls, notes)


def _recorded(about: Mapping[str, Any]) -> RecordedLayer:
    """The call that an object of the manifest describes.

    Raises:
        ValueError: a value of it is none that a recording has.
        LookupError, TypeError: a value is missing, or there is one more.
    """
    call = read_row(RecordedLayer, {**about, "shape": tuple(about["shape"])})
    if not re.fullmatch(STEP_FILE, call.file):
        raise ValueError(f"no file of a recording is called {call.file!r:.40}")
    return call


def require_no_recording(folder: Path, hint: str) -> None:
    """Check that no recording with steps is in a folder.

    Raises:
        RecordingError: one is there, with this hint; or it is broken.
    """
    if not os.path.exists(folder / MANIFEST):
        return
    if steps := len({call.step for call in read_manifest(folder).calls}):
        raise RecordingError(
            f"{folder} holds a recording of {steps} step{'s' * (steps != 1)}", hint
        )


def remove_recording(folder: Path) -> None:
    """Remove the files of the recording in a folder, if there is one; any other file stays."""
    if os.path.exists(folder / MANIFEST):
        for call in read_manifest(folder).calls:
            if re.fullmatch(STEP_FILE, call.file):
                (folder / call.file).unlink(missing_ok=True)
        (folder / MANIFEST).unlink()
