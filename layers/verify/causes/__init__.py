"""The likely cause of wrong results: hypotheses, each tried on the elements that fail and pass."""

from actgrad.layers.verify.causes.likely import (
    LINES_KEPT,
    FailedLines,
    LikelyCause,
    likely_cause,
    likely_cause_of_lines,
)
from actgrad.layers.verify.causes.mistaken_layers import WRONG_ARRAY
from actgrad.layers.verify.causes.steps import computed_in_steps
