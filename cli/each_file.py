"""One run for each file that a pattern names, on this machine or on the workers of a cluster."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from actgrad.cli.answer import OutputError
from actgrad.cli.cluster import absolute_argument, connected, submitted
from actgrad.cli.exit import to_stderr
from actgrad.cli.read import natural_key
from actgrad.cli.write import named_file
from actgrad.layers import ActgradError

#: Runs on the ARRAY x and the ARRAY dout, and writes to the destinations of -o.
Run = Callable[[str, str | None, Sequence[str] | None], None]
STAR = "*"


def is_pattern(x: str) -> bool:
    """Whether the ARRAY of --x names files by a `*`."""
    return STAR in x and re.search(r"\.[A-Za-z]\w*$", x) is not None


def run_each_file(
    run: Run, x: str, dout: str | None, output: Sequence[str] | None, scheduler: str | None
) -> None:
    """Run on each file that the pattern `x` names; `*` in `dout` and `output` is what it is in x.

    A file that fails does not stop the others; its error is written to stderr.

    Raises:
        ActgradError: the pattern names no file, `output` does not give each a file of its own, no
            scheduler answers, or a run failed.
    """
    runs = arguments_of_runs(x, dout, output)
    if scheduler is None:
        waiting = [partial(run, *arguments) for arguments in runs.values()]
        failed = failures(waiting)
    else:
        with connected(scheduler) as client:
            tasks = [(file, everywhere(*arguments)) for file, arguments in runs.items()]
            failed = failures(submitted(client, run, tasks))
    if failed:
        raise ActgradError(f"{failed} of {len(runs)} files failed; the others are written")


def arguments_of_runs(
    x: str, dout: str | None, output: Sequence[str] | None
) -> dict[str, tuple[str, str | None, list[str]]]:
    """x, dout and the destinations of each run, by the file of x, in natural order.

    Raises:
        ActgradError: the pattern names no file, or the files do not have destinations of their own.
    """
    if x.count(STAR) != 1:
        raise ActgradError(f"--x {x} has more than one *", "one * stands for what differs")
    if not output or any(STAR not in destination for destination in output):
        raise OutputError("each file of --x needs its own -o", "write -o 'out-*.npy'")
    start, end = x.split(STAR)
    files = glob.glob(f"{glob.escape(start)}{STAR}{glob.escape(end)}")  # noqa: PTH207
    if not files:
        raise ActgradError(f"--x: no file is called {x}")
    runs = {}
    for file in sorted(files, key=natural_key):
        own = file.removeprefix(start).removesuffix(end)
        destinations = [destination.replace(STAR, own) for destination in output]
        runs[file] = (file, None if dout is None else dout.replace(STAR, own), destinations)
    return runs


def everywhere(
    x: str, dout: str | None, output: Sequence[str]
) -> tuple[str, str | None, list[str]]:
    """The arguments with absolute paths, for a worker in another folder."""
    upstream = None if dout is None else absolute_argument(dout)
    destinations = []
    for destination in output:
        name, file = named_file(destination)
        absolute = str(Path.cwd() / file)
        destinations.append(f"{name}={absolute}" if name else absolute)
    return absolute_argument(x), upstream, destinations


def failures(waiting: Sequence[Callable[[], None]]) -> int:
    """Wait for every run, write the errors of those that fail to stderr, and count them."""
    failed = 0
    for wait in waiting:
        try:
            wait()
        except ActgradError as error:
            to_stderr(str(error), error.hint)
            failed += 1
    return failed
