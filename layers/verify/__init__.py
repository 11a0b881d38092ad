"""Verifying a kernel's results element by element."""

from actgrad.layers.verify.attempts import Attempt, tried
from actgrad.layers.verify.causes import LikelyCause
from actgrad.layers.verify.failing_regions import MOST_REGIONS
from actgrad.layers.verify.mistaken_layers import WRONG_ARRAY
from actgrad.layers.verify.policy import FAILURES, Policy
from actgrad.layers.verify.sample import draw_sample, every_number
from actgrad.layers.verify.tally import Binade, Tally
from actgrad.layers.verify.verification import Block, Verification, VerifiedElement, verify
