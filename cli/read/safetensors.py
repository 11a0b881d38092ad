"""Reading one array of a `.safetensors` file, without the bytes of the others."""

from __future__ import annotations

import json
from typing import IO, Any

import numpy as np

from actgrad.cli.read.external import FileArray, shape_problem
from actgrad.cli.read.member import member_name
from actgrad.layers import DtypeError, UnreadableError
from actgrad.layers.arrays import named

#: The dtypes of ml_dtypes, by their codes.
OF_PACKAGE = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}


class SafetensorsError(UnreadableError):
    """The file is broken, or the package that reads it is not installed."""


def safetensors_array(file: IO[bytes], name: str, member: str | None) -> FileArray:
    """The tensor `member` of a file, or its only one.

    Raises:
        SafetensorsError: the package is not installed, or the file is broken.
        MemberError: it has no such tensor, or several and `member` is None.
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
            member = member_name(checked.keys(), name, member, ".safetensors")
    except (SafetensorError, ValueError, TypeError) as error:
        raise SafetensorsError(f"{name} is no readable .safetensors file: {error}") from error
    # The package has checked the header, but does not give the offset of a tensor.
    length = int.from_bytes(file.read(8), "little")
    about = json.loads(file.read(length))[member]
    dtype = dtype_named(about["dtype"], f"{name}:{member}")
    offset = 8 + length + about["data_offsets"][0]
    shape = tuple(about["shape"])
    if problem := shape_problem(shape):
        raise SafetensorsError(f"{name}:{member} has a shape that no array can have: {problem}")
    return FileArray(file, offset, f"{name}:{member}", shape, dtype, "C")


def dtype_named(code: str, what: str) -> np.dtype[Any]:
    """The dtype of a code of the format: `F32`, `I8`, `BOOL`, `BF16`.

    Raises:
        DtypeError: no layer computes in that dtype.
    """
    if code in OF_PACKAGE:
        return named(OF_PACKAGE[code])
    kind, bits = code.rstrip("0123456789"), code.lstrip("FIUBOL")
    if kind in {"F", "I", "U"} and bits in {"8", "16", "32", "64"} and code != "F8":
        return np.dtype(f"<{kind.lower()}{int(bits) // 8}")
    if code == "BOOL":
        return np.dtype(bool)
    raise DtypeError(f"{what} is of dtype {code}, in which no layer computes")
