"""Verifying a dump: arrays of one run of a kernel, read block by block."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from actgrad.cli.read import Dump, Encoding, nbytes
from actgrad.cli.show import Bar, VerifiedDump
from actgrad.cli.verify.pieces import counted_dump
from actgrad.layers import ActgradError, Policy, chain_of
from actgrad.layers.run import cores
from actgrad.layers.verify import WRONG_ARRAY, LikelyCause, Verification


def verified(
    specs: list[str],
    arguments: dict[str, str | None],
    encoding: Encoding,
    policy: Policy,
    quiet: bool,
) -> VerifiedDump:
    """Verify the dump in the ARRAYs `arguments`, by their names; None is not given.

    Raises:
        ActgradError: an array cannot be read, does not fit x, or is another array of the run.
    """
    chain = chain_of(specs)
    with ExitStack() as files:
        dump = Dump(chain, arguments, encoding, files)
        bar = files.enter_context(Bar(sum(map(nbytes, dump.sources.values())), quiet))
        verification = Verification(chain, dump.layout.dtype, policy)
        check_has_elements(dump, arguments)
        verification.merge(counted_dump(verification, dump, {}, cores(), bar))
    causes = verification.likely_causes
    refuse_wrong_arrays(verification, causes, arguments)
    return VerifiedDump(verification, causes, dump.layout.indices)


def check_has_elements(dump: Dump, arguments: Mapping[str, str | None]) -> None:
    """Check that there is an element to verify.

    Raises:
        ActgradError: x is empty.
    """
    if not dump.layout.size("x"):
        raise ActgradError(f"--x {arguments['x']} has no elements to verify")


def refuse_wrong_arrays(
    verification: Verification,
    causes: Mapping[str, LikelyCause],
    arguments: Mapping[str, str | None],
) -> None:
    """Refuse a dump of which an array is another array of the run.

    Raises:
        ActgradError: most elements fail, and are those of another array.
    """
    for name, likely in causes.items():
        tally = verification.tallies[name]
        if likely.cause.startswith(WRONG_ARRAY) and tally.failed > tally.count / 2:
            held = likely.cause.removeprefix(WRONG_ARRAY).strip()
            raise ActgradError(f"--{name} {arguments[name]} is the wrong array: it holds {held}")
