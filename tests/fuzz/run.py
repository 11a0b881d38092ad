"""Run many command lines in one process, and stop at none that breaks a rule.

    python tests/fuzz/run.py KIND [--cases N] [--seed S] [--long]

KIND is literals, files, expressions, specs, targets or commands; `earlier` has the command lines
that broke a rule once. Each case has its own folder and its own random numbers: `--only I` runs
case I of the seed alone and shows it. The rules: the exit status is 0, 1 or 2; a refusal is one or
two lines on stderr, with nothing on stdout; no case is a fault of actgrad, warns, leaves a file, or
takes 20 seconds or 1 GiB; JSON is strict, and x in it is the array that the case holds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FrameType
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from cases import EARLIER_FAULTS, KINDS, Case, earlier_fault

from actgrad.cli import run
from actgrad.cli.exit import exit_status

SECONDS, MEMORY = 20, 1 << 30
#: The options that print a text and end the command, whatever the others say.
PRINTED_AT_ONCE = {"--help", "-h", "--rules", "--version", "-V"}
#: The cases of a long run; JSON of more bytes is not read.
LONG = 10**6


class TooSlowError(BaseException):
    """A case that takes too long; no handler of actgrad's catches it."""


def too_slow(_: int, frame: FrameType | None) -> NoReturn:
    raise TooSlowError("".join(traceback.format_stack(frame)[-3:]))


class Streams:
    """Files in place of the standard streams of a case."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / name for name in ("stdin", "stdout", "stderr")]

    def open(self, stdin: bytes) -> None:
        self.paths[0].write_bytes(stdin)
        for number, path in enumerate(self.paths):
            flags = os.O_RDWR | os.O_CREAT | (0 if number == 0 else os.O_TRUNC)
            descriptor = os.open(path, flags)
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", errors="surrogateescape", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)

    def close(self) -> tuple[bytes, str]:
        sys.stderr.flush()
        return self.paths[1].read_bytes(), self.paths[2].read_text("utf-8", "replace")


def status_of(case: Case) -> int:
    """Run the command as `actgrad` does, and return its exit status."""
    sys.argv = ["actgrad", *case.arguments]
    try:
        status = run()
        sys.stdout.flush()
    except TooSlowError:
        raise
    except BaseException as error:
        case.ended_by = error
        return exit_status(error)
    return status


def broken_rules(case: Case, status: int, stdout: bytes, stderr: str) -> Iterator[str]:
    """What is wrong with how the case ended."""
    if status not in (0, 1, 2):
        yield f"the exit status is {status}"
    if "fault of actgrad" in stderr or "Traceback" in stderr:
        yield "a fault of actgrad"
    if "Warning" in stderr:
        yield f"a warning: {stderr}"
    if "not enough memory" in stderr:
        yield "too much memory"
    lines = stderr.splitlines()
    if status == 2 and "--help" not in case.arguments and "-h" not in case.arguments:
        refusal = [line for line in lines if not line.startswith("actgrad: note: ")]
        several = "check" in case.arguments  # it reports each layer that it can check or cannot
        if not refusal or not refusal[0].startswith("actgrad: "):
            yield "stderr is no refusal"
        if len(refusal) > 2 and not several:
            yield "the refusal has more than two lines"
        if stdout and not several:
            yield "stdout is not empty"
    if not stderr.replace("\n", "").isprintable():
        yield "stderr has control characters"
    if (
        status == 0
        and "json" in case.arguments
        and PRINTED_AT_ONCE.isdisjoint(case.arguments)
        and "-o" not in case.arguments
        and 0 < len(stdout) < LONG
    ):
        yield from broken_json(case, stdout)


def broken_json(case: Case, stdout: bytes) -> Iterator[str]:
    """What is wrong with the JSON on stdout."""
    try:
        answer = json.loads(stdout, parse_constant=lambda word: json.loads(""))
    except ValueError:
        yield "stdout is not strict JSON"
        return
    if case.x is not None:
        x = answer["arrays"]["x"]
        values = np.array(x["data"], float).reshape(x["shape"])
        if values.tobytes() != case.x.astype(float).tobytes() and not (
            np.isnan(values).any() and np.array_equal(values, case.x, equal_nan=True)
        ):
            yield f"x is {values.tolist()}, not {case.x.tolist()}"


def tried(case: Case, folder: Path, streams: Streams) -> list[str]:
    """Run the case in an empty folder; return the rules that it breaks."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes() + MEMORY, resource.RLIM_INFINITY))
    # A layer of anyone's may have a syntax that Python warns of.
    warnings.simplefilter("ignore" if any(".py" in name for name in case.files) else "always")
    warnings.simplefilter("ignore", ResourceWarning)  # Python ignores it too
    streams.open(case.stdin)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        status = status_of(case)
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        broken = list(broken_rules(case, status, *streams.close()))
    except TooSlowError as where:
        broken = [f"it took {SECONDS} seconds: {where}"]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    for path in list(folder.iterdir()):
        named = any(path.name in word for word in case.arguments)
        if path.name not in {*case.files, "__pycache__"} and not named:
            broken.append(f"it left {path.name}")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return broken


def data_bytes() -> int:
    """The size of this process's data, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[*KINDS, "earlier"])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--long", action="store_true", help=f"run {LONG} cases")
    parser.add_argument("--only", type=int, help="run this case alone, and show it")
    options = parser.parse_args()
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    signal.signal(signal.SIGPROF, too_slow)
    count = LONG if options.long else options.cases
    count = min(count, len(EARLIER_FAULTS)) if options.kind == "earlier" else count
    indices = range(count) if options.only is None else [options.only]
    failures, start = 0, time.monotonic()
    with tempfile.TemporaryDirectory(dir=fast_folder()) as place:
        folder, streams = Path(place) / "case", Streams(Path(place))
        folder.mkdir()
        os.chdir(folder)
        for index in indices:
            case = drawn(options.kind, options.seed, index)
            broken = tried(case, folder, streams)
            if broken or options.only is not None:
                failures += bool(broken)
                print(
                    f"case {index}: {case.arguments!r}",
                    *broken,
                    *traceback.format_exception(case.ended_by)[-3:],
                    sep="\n  ",
                    file=terminal,
                )
                terminal.flush()
        os.chdir("/")
    seconds = time.monotonic() - start
    print(
        f"{options.kind}: {len(indices)} cases, {failures} failures, {seconds:.0f} seconds",
        file=terminal,
    )
    terminal.flush()
    os._exit(bool(failures))


def drawn(kind: str, seed: int, index: int) -> Case:
    """The case of that index; it depends on no other case."""
    return (
        earlier_fault(index) if kind == "earlier" else KINDS[kind](Random(f"{kind} {seed} {index}"))
    )


def fast_folder() -> str | None:
    """A folder in memory, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    main()
