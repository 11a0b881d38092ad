"""Verifying a kernel's results element by element."""

from actgrad.layers.verify.causes import WRONG_ARRAY, Guess
from actgrad.layers.verify.policy import FAILURES, Policy, PolicyError
from actgrad.layers.verify.sample import SampleError, drawn, every_number
from actgrad.layers.verify.tally import Binade, Tally
from actgrad.layers.verify.verification import Block, JudgedElement, Verification

__all__ = [
    "FAILURES",
    "WRONG_ARRAY",
    "Binade",
    "Block",
    "Guess",
    "JudgedElement",
    "Policy",
    "PolicyError",
    "SampleError",
    "Tally",
    "Verification",
    "drawn",
    "every_number",
]
