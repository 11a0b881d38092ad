"""Reading one array of a `.safetensors` file: of the file's bytes, only that array's are read."""

from __future__ import annotations

from pathlib import Path

from actgrad.cli.member import chosen
from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array


class SafetensorsError(ActgradError):
    """A broken file, or no package to read it with."""


def read_safetensors(path: Path, member: str | None) -> Array:
    """The tensor `member` of a file, or its only one.

    Raises:
        SafetensorsError: the package is not installed, or the file is broken.
        MemberError: it has no such tensor, or several and none is named.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise SafetensorsError(
            f"{path}: reading it needs the package safetensors",
            'pip install "actgrad[safetensors]"',
        ) from None
    try:
        with safe_open(path, framework="numpy") as file:
            tensor: Array = file.get_tensor(chosen(file.keys(), str(path), member, ".safetensors"))
    except (SafetensorError, ValueError, TypeError) as error:
        raise SafetensorsError(f"{path} is no readable .safetensors file: {error}") from error
    return tensor
