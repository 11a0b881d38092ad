"""Counting judged elements: errors, failures, regions of x, and the worst elements."""

from actgrad.layers.verify.tally.elements import Elements
from actgrad.layers.verify.tally.failing_regions import MOST_REGIONS
from actgrad.layers.verify.tally.tally import Binade, Tally
