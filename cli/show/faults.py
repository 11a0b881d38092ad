"""The findings of a diagnosis as blocks of lines: layers with the same fault share a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from actgrad.layers.diagnose import RULES, Diagnosis, Fault, NetworkDiagnosis

#: The most ranges of units, names of layers, or lines of a block that are listed.
LISTED = 12
#: The verdict on a layer with too few samples where no rule fires.
NOT_JUDGED = "not judged"
#: A layer and a finding of it.
Place = tuple[Diagnosis, Fault]


def rule_names(faulty: Diagnosis | NetworkDiagnosis) -> str:
    """The rules that fire, and for those that follow from another layer its name."""
    names = [finding.rule.name for finding in faulty.findings]
    if isinstance(faulty, Diagnosis):
        names += [f"{fault.rule.name} (from {fault.cause})" for fault in faulty.consequences]
    return ", ".join(dict.fromkeys(names))


def layer_verdict(diagnosis: Diagnosis) -> str:
    """The rules that fire at a layer, or that none does, or that it could not be judged."""
    return rule_names(diagnosis) or ("ok" if diagnosis.is_judged else NOT_JUDGED)


def layer_rules(network: NetworkDiagnosis) -> str:
    """The rules that fire at the layers, each once."""
    names = (fault.rule.name for layer in network.layers for fault in layer.findings)
    return ", ".join(dict.fromkeys(names))


def finding_blocks(network: NetworkDiagnosis) -> Iterator[list[str]]:
    """The findings of the network, then those of its layers, then what follows; each in lines."""
    for finding in network.findings:
        yield list(lines_of(finding, 0))
    shared: dict[tuple[int, str], list[Place]] = {}
    gravity = {rule: place for place, rule in enumerate(RULES)}
    for layer in network.layers:
        for finding in layer.findings:
            key = gravity.get(finding.rule, -1), finding.advice
            shared.setdefault(key, []).append((layer, finding))
    for _, found_in in sorted(shared.items(), key=lambda item: item[0][0]):
        if len(found_in) == 1:
            ((layer, finding),) = found_in
            yield list(lines_of(finding, layer.units.units, layer.name))
        else:
            yield list(lines_of_all(found_in))
    if any(layer.consequences for layer in network.layers):
        yield list(lines_of_consequences(network.layers))


def lines_of(finding: Fault, units: int, name: str = "") -> Iterator[str]:
    """A finding in lines: the fault, the units, what to do, and the rule."""
    count = f"{len(finding.units)} of {units} units: " if finding.units else ""
    where = f"{name}: " if name else ""
    yield f"{where}{finding.rule.name}: {count}{dated_message(finding)}"
    if finding.units:
        yield f"units: {unit_ranges(finding.units)}"
    yield f"advice: {' '.join(filter(None, (finding.numbers, finding.advice)))}"
    yield f"source: {finding.rule.source}"


def lines_of_all(found_in: Sequence[Place]) -> Iterator[str]:
    """The same finding in several layers, in lines: each layer, what to do, and the rule."""
    _, first = found_in[0]
    is_common = len({finding.message for _, finding in found_in}) == 1
    message = f": {first.message}" if is_common else ""
    yield f"{first.rule.name} in {len(found_in)} layers{message}"
    rows = []
    for layer, finding in found_in:
        count = f"{len(finding.units)} of {layer.units.units} units"
        facts = [
            f"{count}: {unit_ranges(finding.units)}" if finding.units else "",
            "" if is_common else finding.message,
            since(finding),
        ]
        text = "; ".join(filter(None, facts))
        rows.append((f"{text}. {finding.numbers}" if finding.numbers else text, layer.name))
    lines = []
    for text, same in groupby(rows, key=lambda row: row[0]):
        lines.append(f"{listed([name for _, name in same])}: {text}".removesuffix(": "))
    yield from cut(lines, f"… {len(lines) - LISTED + 1} more")
    yield f"advice: {first.advice}"
    yield f"source: {first.rule.source}"


def lines_of_consequences(layers: Sequence[Diagnosis]) -> Iterator[str]:
    """What follows from the findings of other layers, a line for each rule and cause."""
    names: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        for fault in layer.consequences:
            names.setdefault((fault.rule.name, fault.cause), []).append(layer.name)
    yield "consequences: these layers have no fault of their own"
    for (rule, cause), affected in names.items():
        yield f"{rule} in {listed(affected)}: from {cause}"


def dated_message(finding: Fault) -> str:
    """The message of a finding, and since which step it has been there."""
    return ", ".join(filter(None, (finding.message, since(finding))))


def since(finding: Fault) -> str:
    """Since which step the finding has been there; empty if that is not known."""
    if finding.since is None:
        return ""
    before = "" if finding.before is None else f" (not at step {finding.before})"
    return f"since step {finding.since}{before}"


def unit_ranges(units: Sequence[int]) -> str:
    """Units as ranges: `0-3, 7`; the middle of a long list is left out."""
    runs = groupby(enumerate(units), lambda pair: pair[1] - pair[0])
    ranges = []
    for _, run in runs:
        numbers = [unit for _, unit in run]
        ranges.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return listed(ranges)


def listed(names: Sequence[str]) -> str:
    """The names in one line; the middle of a long list is left out."""
    return ", ".join(cut(names, "…"))


def cut(rows: Sequence[str], gap: str) -> Sequence[str]:
    """The rows, or the first of them, the gap and the last."""
    return rows if len(rows) <= LISTED else [*rows[: LISTED - 2], gap, rows[-1]]
