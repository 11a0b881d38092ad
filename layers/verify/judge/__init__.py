"""Judging results: the exact values, the limits of a policy, and the failure of each element."""

from actgrad.layers.verify.judge.conventions import Conventions
from actgrad.layers.verify.judge.policy import (
    CONVENTION,
    FAILURE_CODES,
    FAILURES,
    ZERO_SIGNS,
    Comparison,
    Policy,
    mark_passed,
)
from actgrad.layers.verify.judge.presets import with_preset
from actgrad.layers.verify.judge.reference import KernelRun, Reference, nan_inputs, taken
