"""One array of a `.safetensors` file: of the file's bytes, only that array's are read."""

from __future__ import annotations

import json
from typing import IO, Any

import numpy as np

from actgrad.cli.read.member import chosen
from actgrad.cli.read.stored import Stored
from actgrad.layers import ActgradError, DtypeError
from actgrad.layers.arrays import named


class SafetensorsError(ActgradError):
    """A broken file, or no package to read it with."""


def stored(file: IO[bytes], name: str, member: str | None) -> Stored:
    """The tensor `member` of a file, or its only one.

    Raises:
        SafetensorsError: the package is not installed, or the file is broken.
        MemberError: it has no such tensor, or several and none is named.
        DtypeError: no layer computes in its dtype.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise SafetensorsError(
            f"{name}: reading it needs the package safetensors",
            'pip install "actgrad[safetensors]"',
        ) from None
    try:
        with safe_open(name, framework="numpy") as checked:
            member = chosen(checked.keys(), name, member, ".safetensors")
    except (SafetensorError, ValueError, TypeError) as error:
        raise SafetensorsError(f"{name} is no readable .safetensors file: {error}") from error
    # The package has checked the header, but does not say where in the file a tensor lies.
    length = int.from_bytes(file.read(8), "little")
    about = json.loads(file.read(length))[member]
    dtype = dtype_named(about["dtype"], f"{name}:{member}")
    offset = 8 + length + about["data_offsets"][0]
    return Stored(file, offset, f"{name}:{member}", tuple(about["shape"]), dtype, "C")


def dtype_named(code: str, what: str) -> np.dtype[Any]:
    """The dtype that the format calls by that code: `F32`, `I8`, `BOOL`, `BF16`.

    Raises:
        DtypeError: no layer computes in it.
    """
    if code == "BF16":
        return named("bfloat16")
    kind, bits = code.rstrip("0123456789"), code.lstrip("FIUBOL")
    if kind in {"F", "I", "U"} and bits in {"8", "16", "32", "64"} and code != "F8":
        return np.dtype(f"<{kind.lower()}{int(bits) // 8}")
    if code == "BOOL":
        return np.dtype(bool)
    raise DtypeError(f"{what} is of dtype {code}, in which no layer computes")
