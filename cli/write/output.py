"""Where a command's answer goes: `-o [NAME=]FILE`, or standard output.

A file appears whole or not at all. Every file is first written under a temporary name in the same
folder; once all are written, they are renamed.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedWriter, TextIOWrapper, UnsupportedOperation
from pathlib import Path
from typing import IO, Any, NamedTuple

from actgrad.cli.answer import Answer, OutputError
from actgrad.cli.exit import to_stderr

STDOUT = "-"
TABLE = "table"
#: The suffixes of a format; any other format has its name as its suffix.
SUFFIXES = {
    TABLE: [".txt"],
    "markdown": [".md"],
    "latex": [".tex"],
    "dot": [".dot", ".gv"],
    "mermaid": [".mmd", ".mermaid"],
}
#: The formats that a terminal cannot show.
BINARY = {"npy", "npz", "png", "pdf"}
NAMED = r"(?s)([\w.]+)=(.*)"


class ArrayAnswer(NamedTuple):
    """The arrays of a run through a chain of layers, by name, in the order they are shown."""

    command: str
    layers: tuple[str, ...]
    #: The arrays, or in a streamed run their dtypes and shapes.
    arrays: Mapping[str, Any]
    #: The name of the command's main result, the one array that `.npy` holds.
    main: str
    #: Whether histograms of the arrays follow their tables.
    plotted: bool = False
    #: The most processes that write it; None stands for one on each core.
    threads: int | None = None

    @property
    def verdict(self) -> str:
        """Empty: arrays are not judged."""
        return ""

    @property
    def shown(self) -> list[str]:
        """The names of the arrays that get a table.

        The last layer's out is the chain's out, and the first layer's dx is the chain's dx. Each is
        shown once.
        """
        repeated = {"1.dx", f"{len(self.layers)}.out"}
        return [name for name in self.arrays if name not in repeated]

    def show(self, file: IO[str]) -> None:
        """Print a table for each array, and the histograms that are asked for."""
        from actgrad.cli.show import show_arrays

        show_arrays(self.arrays, self.shown, file)
        if self.plotted:
            from actgrad.cli.show import show_histograms

            show_histograms(self.arrays, self.shown, file)

    def write(self, form: str, stream: IO[bytes]) -> None:
        """Write the arrays as JSON, CSV, `.npy` or `.npz`.

        Raises:
            ShapeError: CSV needs arrays of one shape, and these differ.
        """
        from actgrad.cli.write.formats import WRITERS

        WRITERS[form](self, stream)

    def part(self, name: str) -> ArrayAnswer:
        """The answer with that array alone, now its main result.

        Raises:
            OutputError: there is no such array.
        """
        if name not in self.arrays:
            raise OutputError(
                f"-o: {self.command} gives no array {name!r}", f"it gives {', '.join(self.arrays)}"
            )
        return self._replace(arrays={name: self.arrays[name]}, main=name)


class Destination(NamedTuple):
    """A file, or standard output, and what it gets."""

    #: The part of the answer, or None for all of it.
    name: str | None
    file: str
    form: str

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The stream to write to.

        Raises:
            OutputError: it cannot be opened, or it is a terminal and the format is binary.
        """
        with stdout() if self.file == STDOUT else whole_file(self.file) as stream:
            if self.form in BINARY and stream.isatty():
                raise OutputError(
                    f"{self.form} is not written to a terminal", "redirect it, or name a file: -o"
                )
            yield stream

    def write(self, answer: Answer, stream: IO[bytes]) -> None:
        """Write the answer, or its part, to the stream that `opened` gave.

        Raises:
            OutputError: the system refuses.
            BrokenPipeError: the reader of the stream has closed it.
        """
        with blamed(self.file):
            if self.form == TABLE:
                # Where the locale is ASCII, a − or σ is escaped; it does not stop the command.
                encoding = sys.stdout.encoding if self.file == STDOUT else "utf-8"
                text = TextIOWrapper(stream, encoding, errors="backslashreplace")
                try:
                    answer.show(text)
                finally:
                    text.detach()
            else:
                answer.write(self.form, stream)
            stream.flush()


def named_file(argument: str) -> tuple[str | None, str]:
    """`[NAME=]FILE` in its two parts."""
    match = re.fullmatch(NAMED, argument)
    return (match[1], match[2]) if match else (None, argument)


class Output:
    """Where a command's answer goes, known before the command starts to work.

    >>> Output(["table", "json"], None, ["report.json"]).deliver(answer)
    """

    def __init__(
        self, formats: Iterable[str], form: str | None, arguments: Sequence[str] | None
    ) -> None:
        """Read `-f` and every `-o` of a command that has these formats.

        Raises:
            OutputError: an argument names no file or no format of this command, two of them name
                one file, or the suffixes leave no file for `-f`.
        """
        formats = list(formats)
        # The table of a large array shows a part of it only, so it is no format for a file.
        data = "npy" in formats
        self._default = "npy" if data else TABLE
        self._suffixes = {
            suffix: name
            for name in formats
            if not (data and name == TABLE)
            for suffix in SUFFIXES.get(name, [f".{name}"])
        }
        self.targets = [self._parsed(argument, form) for argument in arguments or ()]
        require_different_files([target.file for target in self.targets if target.file != STDOUT])
        printed = [target.form for target in self.targets if target.file == STDOUT]
        if len(printed) > 1 and {*printed} != {"npy"}:
            raise OutputError(
                "-o -: standard output takes one answer, or several arrays as .npy",
                "leave out -f, or name files",
            )
        if not self.targets:
            self.targets = [Destination(None, STDOUT, form or TABLE)]
        if form is not None and form not in {target.form for target in self.targets}:
            _, file, named = self.targets[0]
            raise OutputError(
                f"-f {form} and -o {file} contradict each other: the suffix names {named}",
                "leave out -f, or give the file another suffix",
            )

    def _parsed(self, argument: str, form: str | None) -> Destination:
        """`[NAME=]FILE`; `form` is the format of a file whose suffix names none."""
        name, file = named_file(argument)
        if not file or "\0" in file:
            raise OutputError(f"-o {argument!r} names no file")
        named = self._suffixes.get(Path(file).suffix.lower(), form)
        if named is None and (file == STDOUT or is_special_file(file)):
            named = self._default
        if named is None or named not in (*self._suffixes.values(), self._default):
            raise OutputError(
                f"{file}: neither its suffix nor -f names a file's format",
                f"use one of {', '.join(self._suffixes)}",
            )
        return Destination(name, file, named)

    @property
    def shows_table(self) -> bool:
        """Whether the answer is printed as a table, and written to no file."""
        return self.targets == [Destination(None, STDOUT, TABLE)]

    def require_table(self, option: str) -> None:
        """Check that the answer is printed as a table, which this option adds to.

        Raises:
            OutputError: it is not.
        """
        if not self.shows_table:
            raise OutputError(
                f"{option} adds to the table, which is not printed", "leave out -f and -o"
            )

    def deliver(self, answer: Answer) -> None:
        """Print the answer, or write the files that each `-o` names: all of them or none.

        Where files alone have the answer, its verdict is written to stderr.

        Raises:
            OutputError: the answer has no such part, or the system refuses.
            BrokenPipeError: the reader of a pipe has closed it.
        """
        parts = [
            answer if target.name is None else answer.part(target.name) for target in self.targets
        ]
        with ExitStack() as opened:
            streams = [opened.enter_context(target.opened()) for target in self.targets]
            answers = list(zip(self.targets, parts, streams, strict=True))
            # What standard output has taken cannot be taken back, so it comes last.
            for target, part, stream in sorted(answers, key=lambda each: each[0].file == STDOUT):
                target.write(part, stream)
        files = [target.file for target in self.targets]
        if answer.verdict and not any(file == STDOUT or is_special_file(file) for file in files):
            to_stderr(f"{answer.verdict}; the report is in {' and '.join(files)}")


def is_special_file(file: str) -> bool:
    """Whether the path is a device, a pipe or the like: written to, never replaced."""
    try:
        return not stat.S_ISREG(os.stat(file).st_mode) and not Path(file).is_dir()  # noqa: PTH116
    except OSError:
        return False


def require_different_files(files: Sequence[str]) -> None:
    """Check that no file would be written twice; two names may lead to one file.

    Raises:
        OutputError: two of the paths lead to one file.
    """
    places = set()
    for file in files:
        if is_special_file(file):
            continue
        with blamed(file):
            place = os.path.realpath(file)
        if place in places:
            raise OutputError(f"-o: {file} would be written twice")
        places.add(place)


@contextmanager
def whole_file(file: str) -> Iterator[IO[bytes]]:
    """A file that gets its name when the block ends without an error, and is removed otherwise.

    Raises:
        OutputError: it cannot be written there.
    """
    with blamed(file):
        if is_special_file(file):
            with unbuffered(file) as stream:
                yield stream
            return
        if file.endswith(os.sep):
            raise IsADirectoryError(0, "It names a directory")
        place = Path(os.path.realpath(file))
        mode = writable_mode(place)
        beside = place.with_name(f".actgrad-{os.urandom(8).hex()}")
        try:
            with nameless_file(place.parent) or beside.open("x+b") as stream:
                yield stream
                if mode is not None:
                    os.fchmod(stream.fileno(), mode)
                stream.flush()
                if not beside.exists():
                    give_name(stream, beside)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)


def nameless_file(folder: Path) -> IO[bytes] | None:
    """A new file that has no name, so that nothing is left of it if the process is killed.

    None where the system has no such files: they are Linux's.
    """
    if not (hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir()):
        return None
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    except OSError:
        return None


def give_name(stream: IO[bytes], place: Path) -> None:
    """Give the file that `nameless_file` opened its name."""
    folder = os.open(place.parent, os.O_RDONLY)
    try:  # with a folder, os.link follows the link that /proc has to the file
        os.link(f"/proc/self/fd/{stream.fileno()}", place.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def writable_mode(place: Path) -> int | None:
    """The mode of the file that is there already, or None.

    Raises:
        OSError: it is a directory, or read-only: a rename would replace it all the same.
    """
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "Is a directory")
    if not (mode & 0o222 and os.access(place, os.W_OK)):
        raise PermissionError(0, "It is read-only")
    return stat.S_IMODE(mode)


@contextmanager
def blamed(file: str) -> Iterator[None]:
    """Turn an error of the system into an OutputError that names the file."""
    try:
        yield
    except BrokenPipeError:  # no error: a reader may stop when it has read enough
        raise
    except OSError as error:
        name = "standard output" if file == STDOUT else file
        raise OutputError(f"{name}: {error.strerror}") from error


@contextmanager
def stdout() -> Iterator[IO[bytes]]:
    """Standard output, for bytes.

    Raises:
        OutputError: it was closed before the program began.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    try:
        descriptor = sys.stdout.fileno()
    except UnsupportedOperation:  # a test has put a buffer in its place
        yield sys.stdout.buffer
        return
    with blamed(STDOUT):
        sys.stdout.flush()
        with unbuffered(descriptor) as stream:
            yield stream


class ForwardWriter(BufferedWriter):
    """A stream without places: a device tells 0 wherever it is, which breaks an archive."""

    def tell(self) -> int:
        raise UnsupportedOperation("tell")

    def seekable(self) -> bool:
        return False


@contextmanager
def unbuffered(file: str | int) -> Iterator[IO[bytes]]:
    """A device, a pipe or an open descriptor, which is closed without a flush after an error."""
    with open(file, "wb", buffering=0, closefd=isinstance(file, str)) as raw:
        stream = ForwardWriter(raw)
        yield stream
        stream.flush()
