"""Archives written in place: NumPy and zipfile read what was written, in whatever order."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from actgrad.cli.write.archive import ArchiveInPlace
from actgrad.layers.run import ArraySpec

ARRAYS = {
    "x": np.arange(12, dtype=np.float32).reshape(3, 4),
    "mask": np.array([[True, False], [False, True]]),
    "empty": np.empty((0, 2)),
    "1.dx": np.float16(0.5) * np.ones((2, 1, 2), np.float16),
    "dweight": np.array(0.25),
}


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_written_backwards_are_read(
    order: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small limit gives the archive the form of one of more than 4 GiB."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    path = tmp_path / "a.npz"
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in ARRAYS.items()}
    with path.open("x+b") as file:
        archive = ArchiveInPlace(file, specs, order, str(path))
        for name, array in reversed(ARRAYS.items()):
            flat = array.reshape(-1, order=order)
            for place in reversed(range(flat.size)):
                archive.sinks[name].write(place, flat[place : place + 1])
        archive.finish()
    with zipfile.ZipFile(path) as members:
        assert members.testzip() is None
    with np.load(path) as loaded:
        assert loaded.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(loaded[name], array, strict=True)
