"""Conventions that differ between frameworks: gradients at kinks, and softmax of infinite lines."""

from __future__ import annotations

import numpy as np

#: For a kink at x, with its left and right derivative: who else has which gradient there.
AT_KINKS = {
    (0.0, 0.0, 1.0): {
        0.0: "relu in PyTorch, TensorFlow and JAX",
        0.5: "maximum(x, 0) in PyTorch and JAX",
        1.0: "clamp(x, min=0) in PyTorch 2.13",
    },
    (0.0, -1.0, 1.0): {0.0: "abs in PyTorch, TensorFlow and JAX"},
    (6.0, 1.0, 0.0): {0.0: "relu6 in PyTorch and TensorFlow", 0.5: "relu6 in JAX"},
    (-3.0, 0.0, -0.5): {
        -0.5: "hardswish in PyTorch up to 2.6",
        0.0: "hardswish in newer PyTorch",
        -0.25: "hard_swish in JAX",
    },
    (3.0, 1.5, 1.0): {
        1.5: "hardswish in PyTorch up to 2.6",
        1.0: "hardswish in newer PyTorch",
        1.25: "hard_swish in JAX",
    },
}
#: What softmax gives elsewhere for a line of −inf only, and for a line that holds +inf.
NAN_ELSEWHERE = "softmax in PyTorch, JAX and SciPy gives nan"


def same_at_kink(x: float, left: float, right: float, gradient: float) -> str:
    """Who else has that gradient at a kink with those derivatives; empty if nobody is known."""
    for kink, gradients in AT_KINKS.items():
        if np.allclose(kink, (x, left, right), rtol=0, atol=1e-5):
            return gradients.get(round(gradient, 9), "")
    return ""
