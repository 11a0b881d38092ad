"""The numerical derivative and the noise bound their own errors, where forward moves in steps."""

from __future__ import annotations

import numpy as np
import pytest
from staircases import random_expressions, staircases


@pytest.mark.no_cover
def test_every_claimed_error_holds_on_staircases() -> None:
    comparisons = list(staircases(300, seed=11))
    assert [claim for each in comparisons for claim in each.false_claims] == []
    # The claims are of use: half of the errors are claimed to be small.
    for each in comparisons:
        assert np.median(each.claimed_error) < (1e-11 if "float64" in each.name else 1e-3)


@pytest.mark.no_cover
def test_every_claimed_error_holds_on_random_expressions() -> None:
    comparisons = random_expressions(50, 5, seed=12)
    assert [claim for each in comparisons for claim in each.false_claims] == []
