"""A cluster of Dask: the client of its scheduler, and the results of its tasks."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from actgrad.layers import ActgradError, UnreadableError

Result = TypeVar("Result")
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
    is_file = Path(argument.partition(":")[0]).is_file()
    return str(Path.cwd() / argument) if is_file else argument


def absolute_layer(spec: str) -> str:
    """The LAYER with the absolute path of its Python file, if it names one."""
    named = re.match(r"(?s)(.+?\.py)(:|$)", spec)
    return str(Path.cwd() / spec) if named and Path(named[1]).is_file() else spec


def submitted(
    client: Any, function: Callable[..., Result], tasks: Sequence[tuple[str, tuple[Any, ...]]]
) -> list[Callable[[], Result]]:
    """What waits for the result of each task, in their order: a name and the arguments.

    Each raises what the function raises, and UnreadableError for whatever else happens on a worker.
    """
    futures = [client.submit(function, *arguments, pure=False) for _, arguments in tasks]

    def wait(name: str, future: Any) -> Result:
        try:
            result: Result = future.result()
        except Exception as error:
            raise task_error(name, error) from error
        return result

    return [partial(wait, name, future) for (name, _), future in zip(tasks, futures, strict=True)]


def reduced(
    client: Any,
    function: Callable[..., Result],
    tasks: Sequence[tuple[str, tuple[Any, ...]]],
    merge: Callable[[Sequence[Result]], Result],
) -> tuple[Result | None, list[ActgradError]]:
    """The results of the tasks, merged on the workers, and the errors of the tasks that fail.

    A merge takes neighbours in their order. None where every task fails.

    Raises:
        ActgradError: a merge fails.
    """
    futures = [client.submit(function, *arguments, pure=False) for _, arguments in tasks]
    errors, kept = [], []
    for (name, _), future in zip(tasks, futures, strict=True):
        if (error := future.exception()) is None:
            kept.append(future)
        else:
            errors.append(task_error(name, error))
    del futures
    while len(kept) > 1:
        groups = [kept[first : first + TOGETHER] for first in range(0, len(kept), TOGETHER)]
        kept = [client.submit(merge, group, pure=False) for group in groups]
    try:
        return (kept[0].result() if kept else None), errors
    except Exception as error:
        raise task_error("merging", error) from error


def task_error(name: str, error: BaseException) -> ActgradError:
    """The error of a task as one of this project: UnreadableError for what it does not know."""
    if isinstance(error, ActgradError):
        return error
    return UnreadableError(f"{name}: {type(error).__name__} on a worker: {error}")
