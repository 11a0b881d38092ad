"""The numbers at which a layer is verified: drawn where its results change, or all of a dtype."""

from actgrad.layers.verify.sample.critical_points import monotonic_branches
from actgrad.layers.verify.sample.drawn import draw_sample, every_number
