"""What every test stands on."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The tests say the same of the same tree each time, however slow the machine is. The profile
# "searching" tries new examples in each run, as tests/fuzz does.
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("actgrad", settings.get_profile("searching"), derandomize=True)
settings.load_profile("actgrad")

# A script's background jobs ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: The environment in which this process started, and its variable by which others measure coverage.
STARTED_IN = dict(os.environ)
MEASURES_COVERAGE = "COVERAGE_PROCESS_CONFIG"
if "coverage" in sys.modules:
    import coverage.collector
    import coverage.control

    # Coverage notes the stack where it starts, in each forked process anew. Among the modules of
    # all tests this takes seconds.
    coverage.collector.short_stack = str
    # A worker measures coverage from the start of Python on, and pytest-cov measures it once more.
    # The first would go on where pytest-cov pauses.
    while "PYTEST_XDIST_WORKER" in os.environ and (started := coverage.Coverage.current()):
        started.stop()
    # After each pause, another call at every fork would be registered, which starts coverage anew.
    coverage.control.apply_patches = cache(coverage.control.apply_patches)

# A width that the caller of pytest has set must not fold what the tests read.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Draw the same random numbers in a test each time, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def warm_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an `actgrad` whose process is forked from one that has loaded everything."""
    folder = tmp_path_factory.mktemp("bin")
    server = [sys.executable, Path(__file__).with_name("warm_start.py"), folder]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, env=STARTED_IN) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield folder
        process.terminate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage of `measured(count)` cases of a test alone: the others run the same code.

    They are spread evenly over all cases. To measure a test takes several times as long.
    """
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("measured"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for sweep in cases.values():
        mark = sweep[0].get_closest_marker("measured")
        assert mark
        measured = sweep[:: -(-len(sweep) // mark.args[0])]
        for item in sweep:
            if item not in measured:
                item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure no coverage in the processes of a test that measures none itself."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_cover"):
            patch.delenv(MEASURES_COVERAGE, raising=False)
        return (yield)


class Forked(list[int]):
    """The processes that this one has forked."""

    @property
    def are_gone(self) -> bool:
        """Whether each has ended and been waited for."""
        for process in self:
            with pytest.raises(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        return True


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> Forked:
    """The processes that this one forks during the test."""
    fork, processes = os.fork, Forked()

    def recorded() -> int:
        if process := fork():
            processes.append(process)
        return process

    monkeypatch.setattr(os, "fork", recorded)
    return processes
