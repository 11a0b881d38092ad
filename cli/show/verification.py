"""A verification as tables and a histogram, as JSON, as Markdown, or its worst elements as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from io import StringIO
from typing import Any, NamedTuple

from actgrad.cli.write import TextAnswer, json_number
from actgrad.layers import Verification
from actgrad.layers.verify import Guess, JudgedElement

#: How many of the worst elements are shown, and how many a report holds.
SHOWN, REPORTED = 10, 100


class Found(NamedTuple):
    """A verification that has come to its end."""

    verification: Verification
    guesses: Mapping[str, Guess]
    #: The indices of an element of a result, from its place.
    indices: Callable[[str, int], tuple[int, ...]]

    @property
    def ok(self) -> bool:
        """The verdict."""
        return self.verification.ok

    def worst(self, name: str, count: int) -> list[tuple[str, JudgedElement]]:
        """The worst elements of a result, each with its indices as `3,7`."""
        cases = self.verification.worst(name, count)
        return [(",".join(map(str, self.indices(name, one.place))), one) for one in cases]


def answer(found: Found) -> TextAnswer:
    """The verification in every format of `actgrad verify`."""
    from actgrad.cli.show.verification_table import show

    return TextAnswer(
        "verify",
        partial(show, found),
        json=lambda: json.dumps(described(found), ensure_ascii=False, allow_nan=False) + "\n",
        csv=partial(worst_as_csv, found),
        markdown=partial(markdown, found),
    )


def worst_as_csv(found: Found) -> str:
    """The worst elements, a row each."""
    text = StringIO()
    heads = ("result", "index", "x", "dout", "got", "truth", "nearest", "ulp", "kind")
    text.write(",".join((*heads, "x_bits", "got_bits", "nearest_bits")) + "\n")
    for name in found.verification.tallies:
        for index, case in found.worst(name, REPORTED):
            cells = (name, index.replace(",", " "), *(cell(one) for one in case[1:]))
            text.write(",".join(cells) + "\n")
    return text.getvalue()


def markdown(found: Found) -> str:
    """The verification as a Markdown section, with a table of the worst elements."""
    lines = [f"## verify {', '.join(found.verification.layers)}", "", found.verification.summary]
    for name, tally in found.verification.tallies.items():
        lines += ["", f"### {name}: {'FAILED' if tally.failed else 'ok'}"]
        lines += ["", "| at | x | got | truth | ULP | failure |", "| --- " * 6 + "|"]
        for index, case in found.worst(name, SHOWN):
            cells = (
                index,
                cell(case.x),
                cell(case.got),
                case.truth,
                f"{case.error:.3g}",
                case.kind,
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell(value: float | str) -> str:
    """A number as JSON would have it, without quotes."""
    return value if isinstance(value, str) else str(json_number(value))


def described(found: Found) -> dict[str, Any]:
    """The verification as JSON has it."""
    verification = found.verification
    policy = verification.policy
    return {
        "command": "verify",
        "layers": list(verification.layers),
        "dtype": verification.dtype,
        "ok": verification.ok,
        "summary": verification.summary,
        "policy": {**policy._asdict(), "text": str(policy)},
        "exact": verification.exact,
        "results": {name: result(found, name) for name in verification.tallies},
    }


def result(found: Found, name: str) -> dict[str, Any]:
    """What JSON says of out or dx."""
    tally = found.verification.tallies[name]
    guess = found.guesses.get(name)
    ulp = {"max": tally.max, "mean": tally.mean}
    ulp |= {f"p{share:g}": tally.quantile(share / 100) for share in (50, 99, 99.9)}
    return {
        "ok": not tally.failed,
        "count": tally.count,
        "failed": tally.failed,
        "failures": tally.failures,
        "correctly_rounded": tally.nearest,
        "flushed": tally.flushed,
        "left_out": tally.left_out,
        "ulp": {key: json_number(value) for key, value in ulp.items()},
        "at": None if tally.at is None else json_number(tally.at),
        "guess": guess and guess._asdict(),
        "binades": [
            {
                "low": json_number(one.low),
                "high": json_number(one.high),
                "count": one.judged,
                "failed": one.failed,
                "ulp": json_number(one.error),
            }
            for one in tally.binades
        ],
        "worst": [
            {key: json_number(value) if isinstance(value, float) else value for key, value in pairs}
            for pairs in (
                {"index": index, **case._asdict()}.items()
                for index, case in found.worst(name, SHOWN)
            )
        ],
    }
