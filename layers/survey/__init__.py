"""Kernels verified where they run: one layer of a target, or every layer that it has."""

from actgrad.layers.survey.baseline import Change, changes
from actgrad.layers.survey.inputs import default_dout, default_x
from actgrad.layers.survey.kernel import BlockDifference, TargetRun, verify_kernel
from actgrad.layers.survey.survey import Cell, Refusal, Survey, survey
from actgrad.layers.survey.targets import TARGETS, named_target
