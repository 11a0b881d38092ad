"""Verifying a kernel's results element by element."""

from actgrad.layers.verify.causes import WRONG_ARRAY, LikelyCause
from actgrad.layers.verify.policy import FAILURES, Policy, PolicyError
from actgrad.layers.verify.sample import SampleError, draw_sample, every_number
from actgrad.layers.verify.tally import Binade, Tally
from actgrad.layers.verify.verification import Block, Verification, VerifiedElement

__all__ = [
    "FAILURES",
    "WRONG_ARRAY",
    "Binade",
    "Block",
    "LikelyCause",
    "Policy",
    "PolicyError",
    "SampleError",
    "Tally",
    "Verification",
    "VerifiedElement",
    "draw_sample",
    "every_number",
]
