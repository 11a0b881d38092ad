"""One run for each file that a pattern names, on this machine or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from actgrad.cli.answer import OutputError
from actgrad.cli.cluster import absolute_argument, absolute_layer, connected, submitted
from actgrad.cli.exit import to_stderr
from actgrad.cli.pattern import filled, is_pattern, matching_files
from actgrad.cli.write import named_file
from actgrad.layers import ActgradError
from actgrad.layers.printed import prints_once

#: Runs layers on the ARRAY x and the ARRAY dout, writes to the destinations of -o, and returns the
#: notes on the run.
Run = Callable[[Sequence[str], str, str | None, Sequence[str] | None], list[str]]


def run_each_file(
    run: Run,
    specs: Sequence[str],
    x: str,
    dout: str | None,
    output: Sequence[str] | None,
    scheduler: str | None,
) -> list[str]:
    """Run on each file that the pattern `x` names; `*` in `dout` and `output` is what it is in x.

    A file that fails does not stop the others; its error is written to stderr. Return the notes on
    all runs, each once.

    Raises:
        ActgradError: the pattern names no file, `output` does not give each a file of its own, no
            scheduler answers, or a run failed.
    """
    runs = arguments_of_runs(x, dout, output)
    # Each run makes its layers anew; what they print is printed once.
    with prints_once():
        if scheduler is None:
            here = [partial(run, specs, *arguments) for arguments in runs.values()]
            notes, failed = outcomes(here)
        else:
            everywhere = [absolute_layer(spec) for spec in specs]
            tasks = [(file, (everywhere, *absolute(*own))) for file, own in runs.items()]
            with connected(scheduler) as client:
                notes, failed = outcomes(submitted(client, run, tasks))
    if failed:
        for note in notes:
            to_stderr(note)
        raise ActgradError(f"{failed} of {len(runs)} files failed; the others are written")
    return notes


def arguments_of_runs(
    x: str, dout: str | None, output: Sequence[str] | None
) -> dict[str, tuple[str, str | None, list[str]]]:
    """x, dout and the destinations of each run, by the file of x, in natural order.

    Raises:
        ActgradError: the pattern names no file, or the files do not have destinations of their own.
    """
    files = matching_files(x)
    if not output or not all(map(is_pattern, output)):
        raise OutputError("each file of --x needs its own -o", "write -o 'out-*.npy'")
    return {
        file: (
            file,
            None if dout is None else filled(dout, own),
            [filled(destination, own) for destination in output],
        )
        for file, own in files.items()
    }


def absolute(x: str, dout: str | None, output: Sequence[str]) -> tuple[str, str | None, list[str]]:
    """The arguments with absolute paths, for a worker in another folder."""
    upstream = None if dout is None else absolute_argument(dout)
    destinations = []
    for destination in output:
        name, file = named_file(destination)
        whole = str(Path.cwd() / file)
        destinations.append(f"{name}={whole}" if name else whole)
    return absolute_argument(x), upstream, destinations


def outcomes(waiting: Sequence[Callable[[], list[str]]]) -> tuple[list[str], int]:
    """Wait for every run: the notes on them, each once, and how many failed.

    The errors of those that fail are written to stderr.
    """
    notes: dict[str, None] = {}
    failed = 0
    for wait in waiting:
        try:
            notes |= dict.fromkeys(wait())
        except ActgradError as error:
            to_stderr(str(error), error.hint)
            failed += 1
    return list(notes), failed
