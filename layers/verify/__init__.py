"""Verifying a kernel's results element by element."""

from actgrad.layers.verify.attempts import Attempt, tried
from actgrad.layers.verify.causes import WRONG_ARRAY, LikelyCause
from actgrad.layers.verify.counted import Counted
from actgrad.layers.verify.judge import FAILURES, Policy
from actgrad.layers.verify.sample import draw_sample, every_number
from actgrad.layers.verify.tally import MOST_REGIONS, Binade, Tally
from actgrad.layers.verify.verification import Block, Verification, verify
from actgrad.layers.verify.verified_element import VerifiedElement
