"""ARRAY on the command line: standard input, a literal, or a file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from actgrad.cli.exit import to_stderr
from actgrad.cli.read import literal, notation, rows
from actgrad.layers import ActgradError, UnreadableError
from actgrad.layers.arrays import Array, floating, named
from actgrad.layers.casting import EIGHT_BIT, OF_PACKAGE, in_dtype

if TYPE_CHECKING:
    from actgrad.cli.read.external import ExternalArray
    from actgrad.layers.run import Source

#: The first bytes of a `.npz` archive.
ZIP = b"PK"
#: `weights.npz:layer1`: a file of several arrays, and the name of one of them.
ARCHIVE_MEMBER = r"(?is)(.*\.(?:npz|safetensors|json|csv)):(.+)"
#: The suffixes of texts whose arrays may have names.
TEXTS = {"json", "csv"}
#: The suffixes of files that only their own library loads, and the lines that convert them.
PICKLES = {
    **dict.fromkeys(
        (".pt", ".pth"),
        'python -c "import torch; from safetensors.torch import save_file;'
        " save_file({'x': torch.load('FILE').contiguous()}, 'x.safetensors')\"",
    ),
    **dict.fromkeys(
        (".pkl", ".pickle"),
        'python -c "import numpy, pickle;'
        " numpy.save('x.npy', numpy.asarray(pickle.load(open('FILE', 'rb'))))\"",
    ),
}
#: The most bytes of text that are read; parsing more would take gigabytes of memory.
LONGEST = 1 << 28
#: The bytes of text that are read at a time.
READ = 1 << 20


class SourceError(UnreadableError):
    """The argument is no number, no array and no file that holds one."""


class Encoding(NamedTuple):
    """What the options say of all arrays of a command."""

    #: The dtype that they are cast to; bit patterns and raw data have it already.
    dtype: str | None = None
    #: The shape of a raw file's array.
    shape: tuple[int, ...] | None = None
    #: Whether integers are the bit patterns of `dtype`.
    bits: bool = False
    #: The dtype of elements of two bytes that NumPy does not name, if `dtype` does not say it.
    unnamed: str | None = None
    #: The most processes that read a long text; None stands for one on each core.
    threads: int | None = None


def read_array(
    argument: str,
    option: str,
    dtype: str | None = None,
    shape: tuple[int, ...] | None = None,
) -> Array:
    """The array that `argument` of `option` stands for, cast to `dtype` if that is given.

    `shape` is that of raw data.

    Raises:
        ActgradError: the argument stands for no array, or its data end too early.
    """
    with open_array(argument, option, Encoding(dtype, shape)) as array:
        return in_memory(array, dtype)


#: What is known where no option says more.
PLAIN = Encoding()


@contextmanager
def open_array(
    argument: str, option: str, encoding: Encoding = PLAIN
) -> Iterator[Array | ExternalArray]:
    """The array that `argument` of `option` stands for, in memory or still outside it.

    The argument is `-` for standard input, a literal, or a path: the first of them that it can be.

    Raises:
        ActgradError: the argument stands for no array, or the file cannot be read.
    """
    if not argument.strip():
        raise SourceError(f"{option} is empty", "give a number, an array such as [1, 2] or a file")
    with ExitStack() as files:
        array = _opened(argument, option, encoding, files)
        if not isinstance(array, np.ndarray):
            array.dtype = _dtype_of_bits(argument, array.dtype, encoding)
        yield array


def in_memory(array: Array | Source, dtype: str | None = None) -> Array:
    """The array in memory, in a dtype that layers compute in, or cast to `dtype`.

    Raises:
        IncompleteArrayError: its data end too early, or memory is too small.
    """
    if not isinstance(array, np.ndarray):
        from actgrad.cli.read.external import read_whole

        array = read_whole(array)
    array = floating(array, "x")
    if dtype is None:
        return array
    return in_dtype(array, named(dtype))


def _dtype_of_bits(argument: str, dtype: np.dtype[Any], encoding: Encoding) -> np.dtype[Any]:
    """The dtype of a file's elements, which NumPy may know only as bytes or as integers.

    Raises:
        SourceError: the options do not say what the bits are.
    """
    wanted = encoding.dtype
    if dtype == np.dtype("V1"):
        if wanted not in EIGHT_BIT:
            raise SourceError(
                f"{argument} holds one byte an element, of no known dtype",
                f"--dtype {EIGHT_BIT[0]} reads it as that dtype, which NumPy stores so",
            )
        return named(wanted)
    if dtype == np.dtype("V2"):
        if "bfloat16" not in (wanted, encoding.unnamed):
            raise SourceError(
                f"{argument} holds two bytes an element, of no known dtype",
                "--dtype bfloat16 reads them as bfloat16, which NumPy stores so",
            )
        return named("bfloat16")
    if dtype.kind not in "iu" or not (encoding.bits or wanted in OF_PACKAGE):
        return dtype
    if wanted is None or named(wanted).itemsize != dtype.itemsize:
        if encoding.bits:
            raise SourceError(
                f"{argument} holds integers of {8 * dtype.itemsize} bits, which are no"
                f" {wanted or 'known dtype'}",
                "--bits needs a --dtype of that width",
            )
        return dtype
    if not encoding.bits:
        raise SourceError(
            f"{argument} holds {dtype.name} numbers, which may be the bits of {wanted}",
            f"--bits reads them so; as numbers, cast them to float32 before --dtype {wanted}",
        )
    if not dtype.isnative:
        raise SourceError(f"{argument} holds bit patterns in another byte order than this machine")
    return named(wanted)


def _opened(
    argument: str, option: str, encoding: Encoding, files: ExitStack
) -> Array | ExternalArray:
    if argument == "-":
        return _stdin(option, encoding, files)
    error = None
    if _may_be_literal(argument):
        try:
            return floating(literal.text_array(argument, encoding.dtype), option)
        except literal.LiteralError as refused:
            error = refused
    path, member = _path(argument)
    if os.path.exists(path):
        return _file(path, member, encoding, files)
    raise _neither(argument, option, error)


def _may_be_literal(argument: str) -> bool:
    """Whether the text begins like an array; `/tmp/x.npy` does not."""
    start = argument.replace("−", "-").lstrip()
    headings = [pattern for pattern, _ in literal.HEADINGS]
    patterns = literal.NUMBER, literal.WRAPPER, rows.TITLE, *headings
    return start[:1] in tuple("[(.…") or any(re.match(pattern, start) for pattern in patterns)


def _path(argument: str) -> tuple[Path, str | None]:
    """The path of the file, and the name of the member that the argument names."""
    match = re.fullmatch(ARCHIVE_MEMBER, argument)
    if match and not os.path.lexists(argument):
        return Path(match[1]), match[2]
    return Path(argument), None


def _neither(argument: str, option: str, error: literal.LiteralError | None) -> ActgradError:
    """The error for a text that is no literal and names no file."""
    path, _ = _path(argument)
    file, colon, _ = argument.rpartition(":")
    if colon and os.path.isfile(file):
        problem = f"{option}: {file} holds no arrays with names"
        return SourceError(problem, f"{option} {file} reads it")
    if path.suffix.lower() in {".npy", ".npz", ".safetensors"}:
        return SourceError(f"{path}: {_why_missing(path)}")
    hint = error.hint if error else None
    number = rf"(?:{literal.NUMBER.removeprefix('(?i)')})\s*\Z"
    array = literal.WRAPPER.removeprefix("(?i)")
    begun = "|".join([r"[\[(]", array, notation.RANGE, "0x", number])
    if error and re.match(rf"(?i)\s*(?:{begun})", argument):
        return SourceError(f"{option}: {error}", hint)
    return SourceError(f"{option}: {argument!r} is no number, no array and no file", hint)


def _why_missing(path: Path) -> str:
    try:
        path.stat()
    except OSError as missing:
        return str(missing.strerror)
    return "the file has just appeared; try again"


def _stdin(option: str, encoding: Encoding, files: ExitStack) -> Array | ExternalArray:
    if sys.stdin is None:
        raise SourceError(f"{option} is -, but standard input is closed")
    try:
        stdin = cast(BufferedReader, sys.stdin.buffer)
        if stdin.isatty():
            # A terminal ends each read by a Ctrl-D of its own, so all is read in one.
            to_stderr(f"note: reading {option} from the terminal; Ctrl-D on a new line ends it")
            stdin = BufferedReader(BytesIO(stdin.read()))
        source = _stream(stdin, "standard input", None, encoding, files)
    except OSError as error:
        raise SourceError(f"standard input: {error.strerror}") from error
    if source is None:
        raise SourceError(
            f"standard input ended without an array for {option}",
            "it holds one array as text, .npy or .npz, or two as .npy, one after the other",
        )
    return source


def _file(
    path: Path, member: str | None, encoding: Encoding, files: ExitStack
) -> Array | ExternalArray:
    name, suffix = str(path), path.suffix.lower()
    try:
        file = path.open("rb") if path.is_file() else _left_open(path)
        if path.is_file():
            files.enter_context(file)
        if suffix in PICKLES:
            raise SourceError(
                f"{name} holds pickled objects, which are never loaded",
                PICKLES[suffix].replace("FILE", name),
            )
        if suffix == ".safetensors":
            from actgrad.cli.read import safetensors

            return safetensors.safetensors_array(file, name, member)
        if suffix == ".bin" and not _begins_as_npy(file):
            return _raw(file, name, encoding)
        source = _stream(file, name, member, encoding, files)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if source is None:
        raise SourceError(f"{path} is empty")
    return source


def _begins_as_npy(file: BufferedReader) -> bool:
    from actgrad.cli.read import npy

    return file.peek(len(npy.MAGIC)).startswith(npy.MAGIC)


def _raw(file: BufferedReader, name: str, encoding: Encoding) -> ExternalArray:
    """The array of a file that holds nothing but its elements, in C order.

    Raises:
        SourceError: the options do not give its dtype and shape, or the file has another size.
    """
    from actgrad.cli.read.external import FileArray, nbytes

    if encoding.dtype is None or encoding.shape is None:
        raise SourceError(
            f"{name} holds raw data, of no known dtype and shape",
            "--dtype float32 --shape 64,1024, for example, says what they are",
        )
    array = FileArray(file, 0, name, encoding.shape, named(encoding.dtype), "C")
    size = os.fstat(file.fileno()).st_size
    if size != nbytes(array):
        promised = f"{encoding.shape} of {encoding.dtype}"
        raise SourceError(f"{name} has {size} bytes, but {promised} takes {nbytes(array)}")
    return array


def _left_open(path: Path) -> BufferedReader:
    """A pipe or a device. It stays open, because closing it would wait for its writer."""
    return open(os.open(path, os.O_RDONLY), "rb", closefd=False)


def _stream(
    stream: BufferedReader, name: str, member: str | None, encoding: Encoding, files: ExitStack
) -> Array | ExternalArray | None:
    """The array of a stream, in the format that its first bytes show; None if it is empty."""
    # Imported here, because a literal needs no file format.
    from actgrad.cli.read import npy

    head = npy.read_up_to(stream, 8)
    if not head:
        return None
    suffix = name.lower().rpartition(".")[2]
    if head.startswith(ZIP) or suffix == "npz" or (member is not None and suffix not in TEXTS):
        from actgrad.cli.read import npz

        return files.enter_context(npz.npz_array(_seekable(head, stream, files), name, member))
    if head.startswith(npy.MAGIC) or suffix == "npy":
        return npy.npy_array(head, stream, name)
    text = bytearray(head)
    # Read in parts, so that no second copy of a long text is in memory.
    while len(text) <= LONGEST and (part := stream.read(READ)):
        text += part
    return _text(text, name, member, encoding)


def _seekable(head: bytes, stream: BufferedReader, files: ExitStack) -> IO[bytes]:
    """The archive from its start; a stream is copied to a file, because the index is at the end."""
    if stream.seekable() and stream is not sys.stdin.buffer:
        stream.seek(0)
        return stream
    import shutil
    import tempfile

    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 — the stack closes it
    file.write(head)
    shutil.copyfileobj(stream, file)
    return file


def _text(data: bytearray, name: str, member: str | None, encoding: Encoding) -> Array:
    if len(data) > LONGEST:
        raise SourceError(f"{name} is too long for a text", "save it with numpy.save as .npy")
    from actgrad.cli.read import long_text, written

    if len(data) >= long_text.LONG and member is None:
        array = long_text.long_array(data, encoding.threads)
        if array is not None:
            return array
    try:
        text = data.decode("utf-8-sig")
        data.clear()  # a long text is in memory once only
        if text.startswith(written.OPENING):
            return floating(written.json_array(text, name, member), name)
        columns = rows.named_columns(text)
        if columns is not None:
            return written.csv_array(columns, name, member)
        if member is not None:
            raise literal.LiteralError(f"it has no names, so no array {member!r}")
        return floating(literal.text_array(text, encoding.dtype), name)
    except UnicodeDecodeError:
        raise SourceError(f"{name} is no text, no .npy and no .npz") from None
    except literal.LiteralError as error:
        raise literal.LiteralError(f"{name}: {error}", error.hint) from None
