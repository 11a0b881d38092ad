"""A survey of a framework: the errors of every layer that it has, in each dtype."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from actgrad.layers.activations import layer as named_layer
from actgrad.layers.arrays import named
from actgrad.layers.errors import ActgradError
from actgrad.layers.frameworks import (
    CPU,
    FRAMEWORKS,
    Environment,
    Place,
    TargetError,
    catalogued_layers,
    catalogued_target,
    function_of,
    require_framework,
)
from actgrad.layers.survey.inputs import default_dout, default_x
from actgrad.layers.survey.kernel import TargetRun, verify_kernel
from actgrad.layers.verify import Policy, Verification

#: The numbers of each sample: all of a 16-bit dtype.
COUNT = 1 << 16
#: A process is started for so many questions at least: it imports the framework first.
QUESTIONS = 4


class Cell(NamedTuple):
    """One result of one layer in one dtype: out or dx."""

    layer: str
    #: What was called.
    target: str
    dtype: str
    result: str
    elements: int
    failed: int
    #: By kind of failure, how many elements; kinds that do not occur are left out.
    failures: Mapping[str, int]
    correctly_rounded: int
    #: The largest finite error in ULP, and its x.
    max_ulp: float
    at: float | None
    #: The x of the worst element, whose error may be infinite, and its bits.
    worst_x: float | None
    worst_bits: str
    #: The likely cause, and the share of the errors that it explains.
    cause: str
    share: float
    #: How many elements have another result in a small block.
    depends_on_block: int

    @property
    def key(self) -> tuple[str, str, str]:
        """The layer, the dtype and the result."""
        return self.layer, self.dtype, self.result


class Refusal(NamedTuple):
    """A layer that the framework has, but does not run in a dtype."""

    layer: str
    dtype: str
    reason: str


class Survey(NamedTuple):
    """The cells of a framework's layers."""

    target: str
    environment: Environment
    #: The numbers of each sample, and the limits that failures break.
    numbers: int
    policy: str
    cells: Sequence[Cell]
    refusals: Sequence[Refusal]


class Question(NamedTuple):
    """A layer and a dtype to survey."""

    layer: str
    dtype: str


#: The answer to a question, and what ran.
Answer = tuple[list[Cell], list[Refusal], Environment | None]


def survey(
    framework: str,
    dtypes: Sequence[str],
    layers: Sequence[str] = (),
    *,
    count: int = COUNT,
    place: Place = CPU,
    policy: Policy | None = None,
    processes: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Survey:
    """Verify every layer of a framework in each dtype; `progress` gets the share that is done.

    Raises:
        TargetError: the framework is not installed, or has none of the layers, or not that place.
        UnknownLayerError, ParameterError: one of `layers` names no layer.
        DtypeError: no layer computes in one of the dtypes.
        PolicyError: a limit is negative or nan.
    """
    if framework not in FRAMEWORKS:
        raise TargetError(f"{framework} cannot be surveyed", f"one of {', '.join(FRAMEWORKS)} can")
    require_framework(framework)
    policy = (policy or Policy()).checked()
    for spec in layers:
        function_of(framework, named_layer(spec))
    specs = list(layers) or [str(each) for each in catalogued_layers(framework)]
    questions = [Question(spec, named(dtype).name) for spec in specs for dtype in dtypes]
    processes = max(1, min(processes, len(questions) // QUESTIONS))
    cells: list[Cell] = []
    refusals: list[Refusal] = []
    environment = None
    answer = partial(answered, framework, count, place, policy)
    for done, (more, refused, ran) in enumerate(answers(answer, questions, processes), 1):
        cells += more
        refusals += refused
        environment = environment or ran
        progress(done / len(questions))
    if environment is None:
        raise TargetError(refusals[0].reason)
    return Survey(framework, environment, count, str(policy), cells, refusals)


def answers(
    answer: Callable[[Question], Answer], questions: Sequence[Question], processes: int
) -> Iterator[Answer]:
    """The answers in the order of the questions, in so many processes.

    The processes are started afresh: a framework's threads do not survive a fork.
    """
    if processes == 1:
        yield from map(answer, questions)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(answer, questions)


def answered(
    framework: str, count: int, place: Place, policy: Policy, question: Question
) -> Answer:
    """The cells of one layer in one dtype, or why there are none."""
    layer = named_layer(question.layer)
    x = default_x(layer, named(question.dtype), count)
    try:
        target = catalogued_target(framework, layer, place)
        verification, run = verify_kernel(layer, target, x, default_dout(layer, x), policy)
    except ActgradError as error:
        return [], [Refusal(*question, str(error))], None
    return cells_of(verification, run), [], run.environment


def cells_of(verification: Verification, run: TargetRun) -> list[Cell]:
    """A cell for each result that was verified."""
    causes, cells = verification.likely_causes, []
    for name, tally in verification.tallies.items():
        worst = verification.worst(name, 1)
        cause = causes.get(name)
        cells.append(
            Cell(
                " ".join(verification.layers),
                run.target,
                verification.dtype,
                name,
                tally.count,
                tally.failed,
                {kind: number for kind, number in tally.failures.items() if number},
                tally.nearest,
                tally.max,
                tally.at,
                worst[0].x if worst else None,
                worst[0].x_bits if worst else "",
                cause.cause if cause else "",
                cause.share if cause else 0.0,
                sum(each.differing for each in run.differences if each.result == name),
            )
        )
    return cells
