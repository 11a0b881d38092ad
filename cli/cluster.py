"""A cluster of Dask: the client of its scheduler, and the results of its tasks."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import StringIO
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from actgrad.layers import ActgradError, UnreadableError
from actgrad.layers.printed import DistinctLines, prints_to, stream_of_prints

Result = TypeVar("Result")
#: The name of a task in messages, and the arguments of its function.
Task: TypeAlias = tuple[str, tuple[Any, ...]]
#: So many groups of tasks are made: at least, and for each thread of the workers.
FEWEST_GROUPS, GROUPS = 64, 8
#: A merge takes the results of so many tasks.
TOGETHER = 16
#: How long the scheduler may take to answer, in seconds.
PATIENCE = 5


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address such as `tcp://host:8786`.

    Raises:
        ActgradError: dask.distributed is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ActgradError(
            "--scheduler needs the package distributed", 'pip install "actgrad[cluster]"'
        ) from None
    # It warns of results that died with a worker; they are computed anew.
    logging.getLogger("distributed.client").setLevel(logging.ERROR)
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ActgradError(
            f"no scheduler answers at {address}",
            "`dask scheduler` starts one and prints its address; `dask worker ADDRESS` joins it",
        ) from error
    with client:
        yield client


def absolute_argument(argument: str) -> str:
    """The ARRAY by its absolute path, so that workers find the file in any folder of theirs."""
    is_file = os.path.isfile(argument.partition(":")[0])
    return str(Path.cwd() / argument) if is_file else argument


def absolute_layer(spec: str) -> str:
    """The LAYER with the absolute path of its Python file, if it names one."""
    named = re.match(r"(?s)(.+?\.py)(:|$)", spec)
    return str(Path.cwd() / spec) if named and os.path.isfile(named[1]) else spec


class Outcomes(NamedTuple):
    """What became of the tasks of a group, and what a user's layer printed meanwhile."""

    #: The result of each task, or its error; None for a result that stays on the worker.
    each: Sequence[Any]
    printed: str


def outcomes_of(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Outcomes:
    """Call the function with each of the arguments, on a worker."""
    each: list[Any] = []
    with StringIO() as text, prints_to(text):
        for own in arguments:
            try:
                each.append(function(*own))
            except Exception as error:
                each.append(error)
        return Outcomes(each, text.getvalue())


def merged_outcomes_of(
    function: Callable[..., Result],
    merge: Callable[[Sequence[Result]], Result],
    arguments: Sequence[tuple[Any, ...]],
) -> tuple[Result | None, Outcomes]:
    """The results of the calls, merged, None if every call fails; and the errors."""
    each, printed = outcomes_of(function, arguments)
    results = [outcome for outcome in each if not isinstance(outcome, Exception)]
    errors = [outcome if isinstance(outcome, Exception) else None for outcome in each]
    return merge(results) if results else None, Outcomes(errors, printed)


class Groups:
    """Tasks in groups of neighbours, each of which takes a worker longer than Dask does.

    A group is lost with the worker that it ends; then each of its tasks is a group.
    """

    def __init__(
        self,
        client: Any,
        run: Callable[[Sequence[tuple[Any, ...]]], Any],
        tasks: Sequence[Task],
    ) -> None:
        self._client, self._run = client, run
        number = max(FEWEST_GROUPS, GROUPS * sum(client.ncores().values()))
        length = -(-len(tasks) // number) or 1
        firsts = range(0, len(tasks), length)
        self._submitted = [self._submit(tasks[first : first + length]) for first in firsts]

    def _submit(self, tasks: Sequence[Task]) -> tuple[Sequence[Task], Any]:
        arguments = [own for _, own in tasks]
        return tasks, self._client.submit(self._run, arguments, pure=False)

    def ended(self) -> Iterator[tuple[Sequence[Task], Any]]:
        """Each group with its future, in order, as soon as that has a result or an error."""
        for tasks, future in self._submitted:
            if future.exception() is None or len(tasks) == 1:
                yield tasks, future
                continue
            alone = [self._submit([task]) for task in tasks]
            for lost, own in alone:
                own.exception()
                yield lost, own


def submitted(
    client: Any, function: Callable[..., Result], tasks: Sequence[Task]
) -> list[Callable[[], Result]]:
    """What waits for the result of each task; to be called in order, each once.

    Each raises what the function raises, and UnreadableError for whatever else happens on a worker.
    What a user's layer prints on the workers is printed here, each line once.
    """
    groups = Groups(client, partial(outcomes_of, function), tasks)
    printed = DistinctLines(stream_of_prints())

    def outcomes() -> Iterator[Result | Exception]:
        for _, future in groups.ended():
            error = future.exception()
            each, text = Outcomes([error], "") if error else future.result()
            printed.write(text)
            yield from each

    def wait(name: str) -> Result:
        outcome = next(waiting)
        if isinstance(outcome, Exception):
            raise task_error(name, outcome) from outcome
        return outcome

    waiting = outcomes()
    return [partial(wait, name) for name, _ in tasks]


def reduced(
    client: Any,
    function: Callable[..., Result],
    tasks: Sequence[Task],
    merge: Callable[[Sequence[Result]], Result],
) -> tuple[Result | None, list[ActgradError]]:
    """The results of the tasks, merged on the workers, and the errors of the tasks that fail.

    A merge takes neighbours in their order. None where every task fails. What a user's layer prints
    on the workers is printed here, each line once.

    Raises:
        ActgradError: a merge fails.
    """
    groups = Groups(client, partial(merged_outcomes_of, function, merge), tasks)
    printed = DistinctLines(stream_of_prints())
    errors, kept = [], []
    for group, future in groups.ended():
        lost = future.exception()
        outcomes = client.submit(itemgetter(1), future, pure=False)
        each, text = Outcomes([lost], "") if lost else outcomes.result()
        printed.write(text)
        named = zip(group, each, strict=True)
        failed = [task_error(name, error) for (name, _), error in named if error]
        errors += failed
        if len(failed) < len(group):
            kept.append(client.submit(itemgetter(0), future, pure=False))
    while len(kept) > 1:
        merging = [kept[first : first + TOGETHER] for first in range(0, len(kept), TOGETHER)]
        kept = [client.submit(merge, group, pure=False) for group in merging]
    try:
        return (kept[0].result() if kept else None), errors
    except Exception as error:
        raise task_error("merging", error) from error


def task_error(name: str, error: BaseException) -> ActgradError:
    """The error of a task as one of this project: UnreadableError for what it does not know."""
    if isinstance(error, ActgradError):
        return error
    return UnreadableError(f"{name}: {type(error).__name__} on a worker: {error}")
