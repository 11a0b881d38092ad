"""A dump that is verified in parts: merged, they give the report of the whole, to the last byte."""

from __future__ import annotations

from itertools import pairwise
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actgrad.cli.show import VerifiedDump
from actgrad.cli.show.verification_json import verification_csv, verification_json
from actgrad.layers import Block, Policy, Verification, layer
from actgrad.layers.arrays import Array
from actgrad.layers.verify import Counted
from actgrad.layers.verify.tally.exact_total import ExactTotal
from actgrad.layers.verify.tally.samples import KEPT, SAMPLED

#: Where a dump of 12,500 elements is cut into seven parts of different sizes.
CUTS = (0, 1, 900, 2_000, 2_001, 7_000, 12_400, 12_500)


def report(verification: Verification) -> str:
    dump = VerifiedDump(verification, verification.likely_causes, lambda _, position: (position,))
    return verification_json(dump) + verification_csv(dump)


def in_parts(spec: str, blocks: list[Block], policy: Policy) -> Verification:
    """The verification of each block by itself, sent as bytes, and merged from left to right."""
    size = blocks[0].x.dtype
    whole, done = Verification(layer(spec), size, policy), 0
    for block in blocks:
        part = Verification(layer(spec), size, policy, dict.fromkeys(("out", "dx", "d2x"), done))
        part.add(block)
        whole.merge(Counted.unpacked(part.counted.packed()))
        done += block.x.size
    return whole


def dump(spec: str, x: Array) -> Block:
    """A kernel that is off by some ULP here and there, and whose tail is cut to 0."""
    rng = np.random.default_rng(5)
    out, dx = layer(spec).forward(x), np.ones_like(x)
    if x.ndim == 1:
        tried = layer(spec)
        tried.forward(x)
        dx = tried.backward(dx)
        dx[x < -3] = 0
    off = rng.random(out.shape) < 0.3
    out[off] *= 1 + rng.integers(-9, 9, np.count_nonzero(off)) * np.finfo(x.dtype).eps
    return Block(x, out, None, dx if x.ndim == 1 else None)


def cut(block: Block, cuts: tuple[int, ...]) -> list[Block]:
    return [
        Block(*(array if array is None else array[low:high] for array in block))
        for low, high in pairwise(cuts)
    ]


@pytest.mark.parametrize("policy", [Policy(1), Policy(1, monotonic=True, within=(-4, 4))])
def test_seven_parts_of_a_sweep_give_the_report_of_the_whole(policy: Policy) -> None:
    x = np.linspace(-20, 20, CUTS[-1], dtype=np.float32)
    block = dump("sigmoid", x)
    whole = Verification(layer("sigmoid"), x.dtype, policy)
    whole.add(block)
    tally = whole.tallies["out"]
    assert tally.count - tally.failed > SAMPLED or policy.within
    assert tally.failed > KEPT
    assert report(in_parts("sigmoid", cut(block, CUTS), policy)) == report(whole)


def test_parts_of_lines_give_the_report_of_the_whole() -> None:
    x = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    block = dump("softmax", x)
    whole = Verification(layer("softmax"), x.dtype, Policy(1))
    whole.add(block)
    parts = Verification(layer("softmax"), x.dtype, Policy(1))
    for low, high in pairwise((0, 3, 40)):
        part = Verification(layer("softmax"), x.dtype, Policy(1), {"out": low * 8})
        part.add(Block(x[low:high], block.out[low:high]))  # type: ignore[index]
        parts.merge(part.counted)
    assert report(parts) == report(whole)


def test_merging_is_associative() -> None:
    x = np.random.default_rng(2).normal(size=600).astype(np.float32)
    block = dump("tanh", x)
    parts = []
    for low, high in pairwise((0, 100, 350, 600)):
        part = Verification(layer("tanh"), x.dtype, Policy(1), {"out": low, "dx": low})
        part.add(Block(*(a if a is None else a[low:high] for a in block)))
        parts.append(part.counted.packed())
    left, right, end = (Verification(layer("tanh"), x.dtype, Policy(1)) for _ in range(3))
    for packed in parts:
        left.merge(Counted.unpacked(packed))
    for packed in parts[1:]:
        end.merge(Counted.unpacked(packed))
    right.merge(Counted.unpacked(parts[0]))
    right.merge(end.counted)
    assert report(left) == report(right)


def test_the_second_derivative_is_verified_in_parts() -> None:
    x = np.linspace(-3, 3, 60)
    block = Block(x, d2x=np.zeros_like(x))
    whole = Verification(layer("gelu"), x.dtype, Policy(1))
    whole.add(block)
    assert report(in_parts("gelu", cut(block, (0, 25, 60)), Policy(1))) == report(whole)


def test_a_result_that_repeats_hides_no_other_among_the_worst() -> None:
    """10,000 equal errors are one of the worst elements, in one block and in two."""
    x = np.concatenate([np.full(10_000, 2, np.float32), np.arange(3, 100, dtype=np.float32)])
    out = x + np.float32(1)
    out[:10_000] = 1000
    whole = Verification(layer("identity"), x.dtype, Policy(1))
    whole.add(Block(x, out))
    assert len(whole.worst("out", KEPT)) == 98
    parts = in_parts("identity", cut(Block(x, out), (0, 5_000, x.size)), Policy(1))
    assert report(parts) == report(whole)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=30))
@settings(max_examples=20)
def test_the_mean_of_errors_is_rounded_once(errors: list[float]) -> None:
    total = ExactTotal()
    total.add(np.array(errors))
    assert total.mean(1) == fsum(errors)
