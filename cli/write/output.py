"""Where an answer goes: `-o [NAME=]FILE`, or standard output.

A file appears whole or not at all: everything is written beside its place first, and only when all
of it has been written is each file renamed into place.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedWriter, TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple, TextIO

from actgrad.cli.options import Format
from actgrad.cli.write.answer import Answer
from actgrad.cli.write.formats import write
from actgrad.layers import ActgradError

STDOUT = "-"
SUFFIXES: dict[str, Format] = {f".{form}": form for form in Format if form is not Format.table}
NAMED = r"(?s)([\w.]+)=(.*)"


class OutputError(ActgradError):
    """The answer cannot be written where it was asked for."""


class Target(NamedTuple):
    """One `-o`: what is written to which file, in which format."""

    answer: Answer
    file: str
    form: Format

    @classmethod
    def parse(cls, argument: str, answer: Answer, form: Format | None) -> Target:
        """Read `[NAME=]FILE`; `form` is the format of a file whose suffix names none.

        Raises:
            OutputError: there is no such array, or nothing names a format.
        """
        found = re.fullmatch(NAMED, argument)
        file = found[2] if found else argument
        if found:
            answer = only(answer, found[1])
        if not file:
            raise OutputError(f"-o {argument!r} names no file")
        named = SUFFIXES.get(Path(file).suffix.lower(), form)
        if named is None and (file == STDOUT or is_special_file(file)):
            named = Format.npy
        if named is None or named is Format.table:
            raise OutputError(
                f"{file}: neither its suffix nor -f names a file's format",
                f"use one of {', '.join(SUFFIXES)}",
            )
        return cls(answer, file, named)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The stream to write it to.

        Raises:
            OutputError: it cannot be opened, or is a terminal that would be garbled.
        """
        with stdout() if self.file == STDOUT else whole_file(self.file) as stream:
            keep_from_terminal(stream, self.form)
            yield stream


def only(answer: Answer, name: str) -> Answer:
    """The answer with no array but that one, now its main result.

    Raises:
        OutputError: it has no such array.
    """
    if name not in answer.arrays:
        raise OutputError(
            f"-o: {answer.command} gives no array {name!r}",
            f"it gives {', '.join(answer.arrays)}",
        )
    return answer._replace(arrays={name: answer.arrays[name]}, main=name)


def is_special_file(file: str) -> bool:
    """Whether the path is a device, a pipe or the like: written to, never replaced."""
    try:
        return not stat.S_ISREG(os.stat(file).st_mode) and not Path(file).is_dir()  # noqa: PTH116
    except OSError:
        return False


def write_files(answer: Answer, arguments: Sequence[str], form: Format | None) -> None:
    """Write what each `-o` asks for, all of it or none.

    Raises:
        OutputError: one of them cannot be written.
        BrokenPipeError: whoever read one of them has left.
    """
    with ExitStack() as files:
        for target in parsed(arguments, answer, form):
            stream = files.enter_context(target.opened())
            with blamed(target.file):
                write(target.answer, target.form, stream)
                stream.flush()


def parsed(arguments: Sequence[str], answer: Answer, form: Format | None) -> list[Target]:
    """What each `-o` asks for.

    Raises:
        OutputError: one of them cannot be, or two are the same file.
    """
    targets = [Target.parse(argument, answer, form) for argument in arguments]
    see_that_all_differ([target.file for target in targets if target.file != STDOUT])
    return targets


def see_that_all_differ(files: Sequence[str]) -> None:
    """See that no file is replaced twice, whatever it is called.

    Raises:
        OutputError: one would be.
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
    """A file that takes its place when the block ends well, and vanishes otherwise."""
    with blamed(file):
        if is_special_file(file):
            with leavable(file) as stream:
                yield stream
            return
        if file.endswith(os.sep):
            raise IsADirectoryError(0, "It names a directory")
        place = Path(os.path.realpath(file))
        mode = writable_mode(place)
        beside = place.with_name(f".actgrad-{os.urandom(8).hex()}")
        try:
            with beside.open("xb") as stream:
                yield stream
                if mode is not None:
                    os.fchmod(stream.fileno(), mode)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)


def writable_mode(place: Path) -> int | None:
    """The mode of the file that is there already, if one is.

    Raises:
        OSError: it is a directory, or nobody may write to it, which renaming would not notice.
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
    """Turn the system's refusal into ours, which says of which file it speaks."""
    try:
        yield
    except BrokenPipeError:  # no error: a reader may stop when it has seen enough
        raise
    except OSError as error:
        name = "standard output" if file == STDOUT else file
        raise OutputError(f"{name}: {error.strerror}") from error


@contextmanager
def stdout() -> Iterator[IO[bytes]]:
    """Standard output, for bytes.

    Raises:
        OutputError: it is closed.
    """
    with blamed(STDOUT), leavable(open_stdout().fileno()) as stream:
        yield stream


@contextmanager
def leavable(file: str | int) -> Iterator[IO[bytes]]:
    """A device, a pipe or an open descriptor; closing it early, on Ctrl-C, waits for no reader."""
    with open(file, "wb", buffering=0, closefd=isinstance(file, str)) as raw:
        stream = BufferedWriter(raw)
        yield stream
        stream.flush()


def open_stdout() -> TextIO:
    """Standard output.

    Raises:
        OutputError: it was closed before the program began.
    """
    if sys.stdout is None:
        raise OutputError("standard output is closed")
    if isinstance(sys.stdout, TextIOWrapper):
        # A formula's − or σ is no reason to fail where the locale is ASCII.
        sys.stdout.reconfigure(errors="backslashreplace")
    return sys.stdout


def keep_from_terminal(stream: IO[bytes], form: Format) -> None:
    """See that no terminal is garbled.

    Raises:
        OutputError: it would be.
    """
    if form.binary and stream.isatty():
        raise OutputError(f"{form} is not written to a terminal", "redirect it, or name a file: -o")


def deliver(answer: Answer, form: Format | None, arguments: Sequence[str] | None) -> None:
    """Print the answer, or write the files that `-o` asks for instead.

    Raises:
        OutputError: that cannot be done.
        BrokenPipeError: whoever read it has left.
    """
    if arguments:
        write_files(answer, arguments, form)
    elif form is None or form is Format.table:
        from actgrad.cli.show.table import show

        with blamed(STDOUT):
            show(answer, open_stdout())
            open_stdout().flush()
    else:
        with Target(answer, STDOUT, form).opened() as stream:
            write(answer, form, stream)
