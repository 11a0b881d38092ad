"""A cluster of Dask: the client of its scheduler, and the results of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from actgrad.layers import ActgradError, UnreadableError

Result = TypeVar("Result")
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
        except ActgradError:
            raise
        except Exception as error:
            what = f"{type(error).__name__} on a worker: {error}"
            raise UnreadableError(f"{name}: {what}") from error
        return result

    return [partial(wait, name, future) for (name, _), future in zip(tasks, futures, strict=True)]
