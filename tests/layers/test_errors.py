"""The exceptions of the public API: what another process gets of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from actgrad.layers import ActgradError, Policy, layer


@pytest.mark.parametrize(
    ("fails", "more"),
    [
        (lambda: layer("x*sigmod(x)"), {"column": 3, "hint": "did you mean sigmoid?"}),
        (lambda: layer("rellu"), {"name": "rellu"}),
        (lambda: Policy(max_ulp=-1).checked(), {"field": "max_ulp"}),
        (lambda: layer("elu:alpha=nan"), {}),
    ],
)
def test_an_error_comes_whole_out_of_another_process(
    fails: Callable[[], Any], more: dict[str, Any]
) -> None:
    with pytest.raises(ActgradError) as caught:
        fails()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))
    assert vars(again) == vars(caught.value)
    assert more.items() <= vars(again).items()
