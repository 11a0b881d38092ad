"""The kinks and jumps of a layer: where they are, and the slope on both sides."""

import pytest

from actgrad.layers import Chain, layer
from actgrad.layers.explain import Kink, find_kinks


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("relu", [Kink(0.0, 0.0, 0.0, 1.0, is_jump=False)]),
        ("relu6", [Kink(0.0, 0.0, 0.0, 1.0, False), Kink(6.0, 1.0, 0.0, 0.0, False)]),
        ("leaky_relu:negative_slope=0.25", [Kink(0.0, 0.25, 0.25, 1.0, False)]),
        ("threshold:threshold=1,value=2", [Kink(1.0, 0.0, 0.0, 1.0, is_jump=True)]),
        ("hardshrink:lambd=0.7", [Kink(-0.7, 1.0, 0.0, 0.0, True), Kink(0.7, 0.0, 0.0, 1.0, True)]),
    ],
)
def test_a_kink_has_its_place_and_the_slopes_on_both_sides(spec: str, expected: list[Kink]) -> None:
    assert find_kinks(layer(spec)) == expected


@pytest.mark.parametrize("spec", ["sigmoid", "celu", "softsign"])
def test_a_branch_without_a_kink_is_not_reported(spec: str) -> None:
    assert find_kinks(layer(spec)) == []


def test_a_chain_has_the_kinks_of_its_layers_at_its_own_input() -> None:
    (kink,) = find_kinks(Chain([layer("tanhshrink"), layer("thresholded_relu")]))
    assert kink.is_jump
    assert layer("tanhshrink").forward(kink.x) == pytest.approx(1.0, abs=1e-15)
