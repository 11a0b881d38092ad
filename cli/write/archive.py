"""A `.npz` archive whose arrays are written in place, in any order, by several processes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from typing import IO
from zipfile import ZipFile, ZipInfo

from actgrad.cli.write.formats import npy_header
from actgrad.cli.write.sinks import FileSink
from actgrad.layers.arrays import Order
from actgrad.layers.run import ArraySpec

#: Bytes of a member that are read at a time for its checksum.
PART = 1 << 20


class ArchiveInPlace:
    """An archive in a new file: nothing in it is compressed, so every array has a known place.

    `sinks` has a sink for each array. Once they are filled, `finish` writes the checksums.
    """

    def __init__(
        self, file: IO[bytes], arrays: Mapping[str, ArraySpec], order: Order, name: str
    ) -> None:
        self._file = file
        self._members: list[ZipInfo] = []
        self.sinks: dict[str, FileSink] = {}
        for key, spec in arrays.items():
            header, size = (
                npy_header(spec.shape, spec.dtype, order),
                spec.size * spec.dtype.itemsize,
            )
            member = ZipInfo(f"{key}.npy")
            member.CRC = 0
            member.external_attr = 0o600 << 16
            member.header_offset = file.tell()
            member.file_size = member.compress_size = len(header) + size
            self._members.append(member)
            file.write(member.FileHeader(zip64=True) + header)
            self.sinks[key] = FileSink(file, spec, name)
            file.seek(size, os.SEEK_CUR)

    def finish(self) -> None:
        """Write each member's checksum into its header, and the directory of the archive."""
        end = self._file.tell()
        for member in self._members:
            start = member.header_offset + len(member.FileHeader(zip64=True))
            member.CRC = self._checksum(start, start + member.file_size)
            self._file.seek(member.header_offset)
            self._file.write(member.FileHeader(zip64=True))
        self._file.seek(end)
        with ZipFile(self._file, "w") as directory:
            directory.filelist += self._members

    def _checksum(self, start: int, end: int) -> int:
        checksum = 0
        self._file.seek(start)
        for place in range(start, end, PART):
            checksum = zlib.crc32(self._file.read(min(PART, end - place)), checksum)
        return checksum
