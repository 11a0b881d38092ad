"""Verifying a dump: arrays of one run of a kernel, read block by block."""

from __future__ import annotations

import math
from contextlib import ExitStack

from actgrad.cli.read import Dump, Encoding, nbytes
from actgrad.cli.show import Bar, VerifiedDump
from actgrad.layers import ActgradError, Policy, chain_of
from actgrad.layers.casting import overflow
from actgrad.layers.verify import WRONG_ARRAY, Verification


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
    if all(arguments[name] is None for name in ("out", "dx", "d2x")):
        raise ActgradError("there is nothing to verify", "give --out, --dx or --d2x")
    chain = chain_of(specs)
    with ExitStack() as files:
        dump = Dump(chain, arguments, encoding, files)
        files.enter_context(overflow(policy.overflow, dump.dtype))
        if not math.prod(dump.shapes["x"]):
            raise ActgradError(f"--x {arguments['x']} has no elements to verify")
        verification = Verification(chain, dump.dtype, policy)
        bar, done = files.enter_context(Bar(sum(map(nbytes, dump.sources.values())), quiet)), 0
        for block in dump.blocks():
            verification.add(block)
            done += block.x.size
            bar(done / math.prod(dump.shapes["x"]))
    causes = verification.likely_causes
    for name, likely in causes.items():
        tally = verification.tallies[name]
        if likely.cause.startswith(WRONG_ARRAY) and tally.failed > tally.count / 2:
            held = likely.cause.removeprefix(WRONG_ARRAY).strip()
            raise ActgradError(f"--{name} {arguments[name]} is the wrong array: it holds {held}")
    return VerifiedDump(verification, causes, dump.indices)
