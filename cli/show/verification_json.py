"""A verification as JSON, and its worst elements as CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from actgrad.cli.answer import json_fields, json_number
from actgrad.cli.show.error_tables import regions_json
from actgrad.cli.show.verified_dump import QUANTILES, REPORTED, ElementPlace, VerifiedDump
from actgrad.layers.verify import (
    VerifiedElement,
)

if TYPE_CHECKING:
    from actgrad.layers.survey import TargetRun

#: How many of the worst elements the CSV has.
LISTED = 100
#: The JSON keys of an element whose names in the code differ.
JSON_KEYS = {"position": "place", "failure": "kind"}


def verification_json(dump: VerifiedDump) -> str:
    """The verification as one JSON object."""
    verification = dump.verification
    policy = verification.policy
    within = None if policy.within is None else [json_number(end) for end in policy.within]
    report = {
        "command": "verify",
        "layers": list(verification.layers),
        "dtype": verification.dtype,
        "ok": verification.ok,
        "summary": verification.summary,
        "with_flushing": verification.with_flushing,
        "policy": {**json_fields(policy._asdict()), "within": within, "text": str(policy)},
        "exact": verification.exact,
        "run": None if dump.run is None else run_json(dump.run),
        "files": dump.files and {"count": dump.files.number, "unread": list(dump.files.unread)},
        "results": {name: _result_json(dump, name) for name in verification.tallies},
    }
    return json.dumps(report, ensure_ascii=False, allow_nan=False) + "\n"


def run_json(run: TargetRun) -> dict[str, Any]:
    """What was run, as JSON."""
    return {
        "target": run.target,
        **run.environment._asdict(),
        "blocks": run.blocks,
        "block_differences": [json_fields(difference._asdict()) for difference in run.differences],
    }


def _result_json(dump: VerifiedDump, name: str) -> dict[str, Any]:
    tally = dump.verification.tallies[name]
    cause = dump.likely_causes.get(name)
    ulp = {"max": tally.max, "mean": tally.mean}
    ulp |= {f"p{share:g}": tally.quantile(share / 100) for share in QUANTILES}
    return {
        "ok": not tally.failed,
        "count": tally.count,
        "failed": tally.failed,
        "failures": tally.failures,
        "correctly_rounded": tally.nearest,
        "zero_signs": tally.zero_signs,
        "conventions": tally.conventions,
        "flushed": tally.flushed,
        "left_out": tally.left_out,
        "ulp": {key: json_number(value) for key, value in ulp.items()},
        "at": None if tally.at is None else json_number(tally.at),
        "guess": cause and cause._asdict(),
        "binades": [
            {
                "low": json_number(binade.low),
                "high": json_number(binade.high),
                "count": binade.elements,
                "failed": binade.failed,
                "ulp": json_number(binade.error),
            }
            for binade in tally.binades
        ],
        "buckets": tally.buckets.counts(),
        "flushable": sum(tally.flushable.values()),
        "against_direction": tally.against,
        "regions": regions_json(tally),
        "worst": [_element_json(*worst) for worst in dump.worst(name, REPORTED)],
    }


def _element_json(place: ElementPlace, element: VerifiedElement) -> dict[str, Any]:
    return {"index": place.indices, "file": place.file} | {
        JSON_KEYS.get(key, key): value for key, value in json_fields(element._asdict()).items()
    }


def verification_csv(dump: VerifiedDump) -> str:
    """The worst elements as CSV, one a row; indices are separated by spaces."""
    heads = ("result", "index", "x", "dout", "got", "truth", "nearest", "ulp", "kind")
    lines = [",".join((*heads, "x_bits", "got_bits", "nearest_bits"))]
    for name in dump.verification.tallies:
        for place, element in dump.worst(name, LISTED):
            cells = (v if isinstance(v, str) else str(json_number(v)) for v in element[1:])
            lines.append(",".join((name, str(place).replace(",", " "), *cells)))
    return "\n".join(lines) + "\n"
