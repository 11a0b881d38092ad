"""Diagnosing layers: which units are dead or saturated, and where the gradient vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.diagnose.collect import unit_axis
    from actgrad.layers.diagnose.depth import FALL, RISE
    from actgrad.layers.diagnose.in_memory import diagnose
    from actgrad.layers.diagnose.network import NetworkDiagnosis, diagnose_network
    from actgrad.layers.diagnose.report import (
        Diagnosis,
        RunStatistics,
        diagnose_layer,
        diagnose_runs,
        run_statistics,
    )
    from actgrad.layers.diagnose.rules import (
        ENOUGH_SAMPLES,
        NOT_FINITE,
        RULES,
        UNREAD,
        Fault,
        Rule,
        Thresholds,
        unread_arrays,
    )
    from actgrad.layers.diagnose.saved import (
        arrays_of,
        load_statistics,
        save_statistics,
        statistics_in,
    )
    from actgrad.layers.diagnose.summary import UnitSummary


__getattr__ = lazy_attributes(__name__, __file__)
