"""Verifying the dumps in many files: one verdict over all, from this machine or from a cluster."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from actgrad.cli.cluster import absolute_argument, absolute_layer, connected, reduced
from actgrad.cli.exit import to_stderr
from actgrad.cli.pattern import STAR, filled, matching_files
from actgrad.cli.read import RESULTS, Dump, DumpLayout, Encoding
from actgrad.cli.show import Bar, FilesRead, VerifiedDump
from actgrad.cli.verify.dump import check_has_elements, refuse_wrong_arrays
from actgrad.cli.verify.pieces import MOST_PIECES, counted_dump, share_counting
from actgrad.layers import ActgradError, DtypeError, Layer, Policy, chain_of
from actgrad.layers.arrays import named
from actgrad.layers.run import Progress, cores
from actgrad.layers.verify import Counted, Verification

#: The arrays of a dump, by their names; None is not given.
Arguments = dict[str, str | None]


class PartOfDump(NamedTuple):
    """The dump in one file of x: its layout, and how many elements of each result are before it."""

    arguments: Arguments
    layout: DumpLayout
    starts: dict[str, int]


def verified_files(
    specs: Sequence[str],
    arguments: Arguments,
    encoding: Encoding,
    policy: Policy,
    scheduler: str | None,
    quiet: bool,
) -> VerifiedDump:
    """Verify the dump in each file that the pattern of x names; `*` is the same in all arrays.

    A file that cannot be read does not stop the others; its error is written to stderr.

    Raises:
        ActgradError: the pattern names no file, no file can be read, their dtypes differ, an array
            is another array of the run, or no scheduler answers.
    """
    chain = chain_of(specs)
    parts, errors = parts_of_dump(chain, arguments, encoding)
    count = len(parts) + len(errors)
    if not parts:
        raise errors[0]
    verification = Verification(chain, parts[0].layout.dtype, policy)
    if scheduler is None:
        errors += count_here(chain, verification, parts, encoding, quiet)
    else:
        errors += count_on_workers(verification, specs, parts, encoding, policy, scheduler)
    if not verification.tallies:
        raise errors[0]
    for error in errors:
        to_stderr(str(error), error.hint)
    causes = verification.likely_causes
    refuse_wrong_arrays(verification, causes, arguments)

    def part_of(name: str, position: int) -> tuple[PartOfDump, int]:
        starts = [part.starts[name] for part in parts]
        part = parts[bisect_right(starts, position) - 1]
        return part, position - part.starts[name]

    def indices(name: str, position: int) -> tuple[int, ...]:
        part, own = part_of(name, position)
        return part.layout.indices(name, own)

    def file(name: str, position: int) -> str:
        return str(part_of(name, position)[0].arguments["x"])

    files = FilesRead(count, tuple(map(str, errors)), file)
    return VerifiedDump(verification, causes, indices, files=files)


def parts_of_dump(
    chain: Layer, arguments: Arguments, encoding: Encoding
) -> tuple[list[PartOfDump], list[ActgradError]]:
    """The parts that can be opened, in natural order of the files of x, and what others lack.

    Raises:
        ActgradError: the pattern names no file, another array is one file for all, or the dtypes
            differ.
    """
    files = matching_files(str(arguments["x"]))
    for name, argument in arguments.items():
        if argument is not None and STAR not in argument and os.path.isfile(argument):
            hint = f"write --{name} '{name}-*.npy'"
            raise ActgradError(f"--{name} {argument} is one file, but --x names several", hint)
    parts: list[PartOfDump] = []
    errors: list[ActgradError] = []
    starts = dict.fromkeys(RESULTS, 0)
    for own in files.values():
        mine = {name: given and filled(given, own) for name, given in arguments.items()}
        try:
            with ExitStack() as opened:
                layout = Dump(chain, mine, encoding, opened).layout
        except ActgradError as error:
            errors.append(error)
            continue
        if parts and layout.dtype != parts[0].layout.dtype:
            first = parts[0].layout.dtype.name
            raise DtypeError(
                f"--x {mine['x']} is {layout.dtype.name}, but {parts[0].arguments['x']} is {first}",
                "all files need one dtype; --dtype casts them",
            )
        parts.append(PartOfDump(mine, layout, dict(starts)))
        for name in starts:
            starts[name] += layout.size(name)
    return parts, errors


def count_here(
    chain: Layer,
    verification: Verification,
    parts: Sequence[PartOfDump],
    encoding: Encoding,
    quiet: bool,
) -> list[ActgradError]:
    """Include all parts, on all cores; return what is wrong with those that are lost."""
    together = -(-len(parts) // MOST_PIECES)

    def count(piece: int) -> tuple[Counted, list[ActgradError]]:
        group = parts[piece * together : (piece + 1) * together]
        return counted_parts(chain, verification, group, encoding)

    with Bar(None, quiet) as bar:
        errors = share_counting(verification, -(-len(parts) // together), count, bar)
        if errors is not None:
            return errors
        counted, errors = counted_parts(chain, verification, parts, encoding, cores(), bar)
        verification.merge(counted)
        return errors


def count_on_workers(
    verification: Verification,
    specs: Sequence[str],
    parts: Sequence[PartOfDump],
    encoding: Encoding,
    policy: Policy,
    scheduler: str,
) -> list[ActgradError]:
    """The same on the workers of a cluster: each part is a task, and so is each merge."""
    dtype = verification.dtype
    everywhere = [absolute_layer(spec) for spec in specs]
    tasks = []
    for part in parts:
        arguments = {n: given and absolute_argument(given) for n, given in part.arguments.items()}
        mine = part._replace(arguments=arguments)
        tasks.append((str(part.arguments["x"]), (everywhere, mine, encoding, policy)))
    with connected(scheduler) as client:
        merge = partial(merged_parts, everywhere, dtype, policy)
        packed, errors = reduced(client, packed_part, tasks, merge)
    if packed is not None:
        verification.merge(Counted.unpacked(packed))
    return errors


def packed_part(
    specs: Sequence[str], part: PartOfDump, encoding: Encoding, policy: Policy
) -> bytes:
    """What a worker counts of a part, packed."""
    chain = chain_of(specs)
    verification = Verification(chain, part.layout.dtype, policy)
    return counted_part(chain, verification, part, encoding).packed()


def merged_parts(specs: Sequence[str], dtype: str, policy: Policy, parts: Sequence[bytes]) -> bytes:
    """What a worker has of neighbouring parts together, packed."""
    whole = Verification(chain_of(specs), named(dtype), policy)
    for packed in parts:
        whole.merge(Counted.unpacked(packed))
    return whole.counted.packed()


def counted_parts(
    chain: Layer,
    whole: Verification,
    parts: Sequence[PartOfDump],
    encoding: Encoding,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[Counted, list[ActgradError]]:
    """What is counted of neighbouring parts, and what is wrong with those that are lost."""
    verification, errors = whole.part(parts[0].starts), []
    for number, part in enumerate(parts):
        try:
            verification.merge(counted_part(chain, verification, part, encoding, processes))
        except ActgradError as error:
            errors.append(error)
        if progress is not None:
            progress((number + 1) / len(parts))
    return verification.counted, errors


def counted_part(
    chain: Layer, whole: Verification, part: PartOfDump, encoding: Encoding, processes: int = 1
) -> Counted:
    """What is counted of a part of the whole dump.

    Raises:
        ActgradError: an array cannot be read, or is empty.
    """
    with ExitStack() as files:
        dump = Dump(chain, part.arguments, encoding, files)
        check_has_elements(dump, part.arguments)
        return counted_dump(whole, dump, part.starts, processes)
