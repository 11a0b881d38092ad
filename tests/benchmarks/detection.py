"""How many wrong layers `check` convicts, and how many right ones: detection and false alarms.

    python tests/benchmarks/detection.py [FOLDER]

Without FOLDER the layers are those of `tests/layers/check/layers`. FOLDER holds `right.py` and
`wrong.py`, whose classes are the layers. The attributes of a class say what is known of it:
`coupled`, whether an element of out depends on several elements of x; in `wrong.py` also `fault`, a
text, and `apt`, the names of the findings that fit the fault.

A layer is convicted if its report has an error. It is convicted under an apt finding if the name of
an error is in `apt`. The layers are examined on every core.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from actgrad.layers.check import examine, layers_in, load_subject

TESTS = Path(__file__).parents[1] / "layers" / "check"


class Specimen(NamedTuple):
    """A layer of a set, and the findings that fit its fault; none if it is right."""

    name: str
    wrong: bool
    #: Makes what `load_subject` takes.
    make: Callable[[], Any]
    apt: tuple[str, ...] | None = None


class Outcome(NamedTuple):
    """What the examination of a layer gave."""

    name: str
    wrong: bool
    #: The findings that fit a wrong layer, or whether a right one couples elements.
    kind: str
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_apt: bool = False
    fault: str = ""
    #: The exception, if it was not examined.
    refusal: str = ""

    def __str__(self) -> str:
        """The layer and what was found, for a list."""
        fault = f" ({self.fault})" if self.fault else ""
        warned = f"only warnings: {', '.join(self.warnings)}" if self.warnings else "no finding"
        result = self.refusal or ", ".join(self.errors) or warned
        return f"    {self.name}{fault}: {result}"


@cache
def specimens(folder: str) -> tuple[Specimen, ...]:
    """The layers of the folder; those of the tests if it is empty."""
    if not folder:
        sys.path[:0] = [str(TESTS), str(TESTS / "layers")]
        from test_wrong_and_right_layers import CASES  # type: ignore[import-not-found]

        return tuple(
            Specimen(case.name, bool(case.expected), case.make, (case.expected or "",))
            for case in CASES
        )
    return tuple(
        Specimen(text.rpartition(":")[2], wrong, partial(str, text))
        for wrong, file in ((False, "right.py"), (True, "wrong.py"))
        for text in layers_in(str(Path(folder) / file))
    )


def outcome(folder: str, index: int) -> Outcome:
    """The examination of one of the layers, whose own output is dropped."""
    specimen = specimens(folder)[index]
    failed = Outcome(specimen.name, specimen.wrong, "not examined")
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            subject = load_subject(specimen.make())
            layer = subject.make()
            report = examine(subject)
        except Exception as error:
            return failed._replace(refusal=f"{type(error).__name__}: {error}")
    apt = specimen.apt or tuple(getattr(layer, "apt", ()))
    coupling = "coupled" if getattr(layer, "coupled", False) else report.coupling
    errors = tuple(finding.name for finding in report.errors)
    return Outcome(
        specimen.name,
        specimen.wrong,
        " or ".join(apt) if specimen.wrong else coupling,
        errors,
        tuple(finding.name for finding in report.warnings),
        bool({*errors} & {*apt}),
        getattr(layer, "fault", ""),
    )


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The counts by kind, then the names of the layers whose verdict is not the right one."""
    for wrong, title in ((False, "right"), (True, "wrong")):
        chosen = [each for each in outcomes if each.wrong is wrong]
        kinds = sorted({each.kind for each in chosen})
        for kind in ("", *kinds):
            group = [each for each in chosen if kind in ("", each.kind)]
            convicted = sum(bool(each.errors) for each in group)
            named = f"{title} layers{f', {kind}' if kind else ''}"
            apt = f", {sum(each.is_apt for each in group)} under an apt finding" if wrong else ""
            yield f"{named}: {convicted} of {len(group)} convicted{apt}"
            if not wrong and not kind:
                warned = sum(bool(each.warnings) for each in group)
                yield f"{title} layers with a warning: {warned} of {len(group)}"
    lists = {
        "right layers convicted": lambda each: not each.wrong and each.errors,
        "wrong layers not convicted": lambda each: each.wrong and not (each.errors or each.refusal),
        "wrong layers convicted under another finding": lambda each: (
            each.wrong and each.errors and not each.is_apt
        ),
        "layers not examined": lambda each: each.refusal,
    }
    for title, belongs in lists.items():
        names = [str(each) for each in outcomes if belongs(each)]
        if names:
            yield f"\n{title}: {len(names)}"
            yield from names


def main(folder: str) -> None:
    """Examine every layer, and print the table."""
    count = len(specimens(folder))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = [*pool.map(partial(outcome, folder), range(count))]
    for line in table(outcomes):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
