"""The limits that others set for their kernels: PyTorch's assert_close, and WebNN's tests."""

from __future__ import annotations

from collections.abc import Mapping

from actgrad.layers.errors import PolicyError
from actgrad.layers.exact import FloatFormat
from actgrad.layers.layer import Layer
from actgrad.layers.verify.judge.policy import Policy

#: atol and rtol of `torch.testing.assert_close`, where |error| ≤ atol + rtol·|truth| is asked.
#: Source: PyTorch 2.13, torch/testing/_comparison.py, _DTYPE_PRECISIONS.
TORCH: Mapping[str, tuple[float, float]] = {
    "float16": (1e-5, 1e-3),
    "bfloat16": (1e-5, 1.6e-2),
    "float32": (1e-5, 1.3e-6),
    "float64": (1e-7, 1e-7),
}
#: The ULP that the conformance tests of WebNN allow for out, in float32 and in float16. Gradients,
#: which WebNN does not have, are held to the same.
#: Source: web-platform-tests/wpt, webnn/resources/utils.js, operatorToleranceDict.
WEBNN: Mapping[str, tuple[float, float]] = {
    "elu": (18, 18),
    "gelu": (18, 18),
    "hardsigmoid": (2, 2),
    "hardswish": (4, 4),
    "leaky_relu": (1, 2),
    "prelu": (1, 1),
    "relu": (0, 0),
    "sigmoid": (34, 10),
    "softplus": (18, 18),
    "softsign": (3, 3),
    "tanh": (16, 16),
}
PRESETS = ("torch", "webnn")


def with_preset(policy: Policy, layer: Layer, float_format: FloatFormat) -> Policy:
    """The policy with the limits of the preset that it names.

    Raises:
        PolicyError: there is no such preset, it states nothing for this layer or dtype, or the
            policy has limits of its own.
    """
    if policy.like is None:
        return policy
    dtype = float_format.dtype.name
    if policy.like not in PRESETS:
        raise PolicyError("like", f"{policy.like!r} is no preset", f"one of {', '.join(PRESETS)}")
    if any(limit is not None for limit in (policy.max_ulp, policy.max_abs, policy.max_rel)):
        raise PolicyError("like", f"{policy.like} sets the limits", "leave out the other limits")
    if policy.like == "torch":
        if dtype not in TORCH:
            raise PolicyError("like", f"torch states nothing for {dtype}", _among(TORCH))
        return policy._replace(close=TORCH[dtype])
    columns, names = {"float32": 0, "float16": 1}, [each.name for each in layer.layers]
    if len(names) > 1 or names[0] not in WEBNN:
        name = " ".join(names)
        raise PolicyError("like", f"webnn states nothing for {name}", _among(WEBNN))
    if dtype not in columns:
        raise PolicyError("like", f"webnn states nothing for {dtype}", _among(columns))
    return policy._replace(max_ulp=WEBNN[names[0]][columns[dtype]])


def _among(stated: Mapping[str, object]) -> str:
    return f"it does for {', '.join(stated)}"
