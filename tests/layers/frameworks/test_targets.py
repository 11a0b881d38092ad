"""Targets: the functions of frameworks, and anyone's, run in the dtype itself."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from actgrad.layers import Layer, catalogue, layer
from actgrad.layers.arrays import named
from actgrad.layers.frameworks import (
    FRAMEWORKS,
    Place,
    TargetError,
    catalogued_target,
    target_of,
)

#: The layers that each framework has no function for, or only other parameters, are not here.
MANY = {"torch": 28, "jax": 21, "onnxruntime": 23, "numpy": 2, "scipy": 4}


#: Threshold has no defaults. 1 − 1e-6 is rounded by a framework, and logit is steep there.
GIVEN = {"threshold": "threshold=0.5,value=-1", "logit_clamped": "eps=0.25"}


def defaults() -> list[Layer]:
    """Every layer of the catalogue, with its default parameters where it can have them."""
    return [layer(f"{cls.name}:{GIVEN.get(cls.name, '')}".rstrip(":")) for cls in catalogue()]


def importorskip(framework: str) -> None:
    pytest.importorskip(FRAMEWORKS[framework].package)


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", [*FRAMEWORKS])
def test_a_framework_s_own_functions_are_those_of_the_catalogue(framework: str) -> None:
    importorskip(framework)
    x = np.array([[-3.5, -1.25, -0.5, 0.25], [0.75, 1.5, 2.5, 4.5]])
    names = []
    for each in defaults():
        try:
            target = catalogued_target(framework, each)
        except TargetError:
            continue
        given = x.astype(np.float32)
        out, dx = target.run(given, np.ones_like(each.forward(given)))
        np.testing.assert_allclose(out, each.forward(given), rtol=3e-5, atol=2e-6)
        if dx is not None:
            expected = each.backward(np.ones_like(out))
            np.testing.assert_allclose(dx, expected, rtol=3e-5, atol=2e-6)
        assert (dx is None) == (framework not in {"torch", "jax"})
        names.append(target.name)
    assert len(names) == len(set(names)) >= MANY[framework]


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_arrays_keep_their_dtype_and_their_bits(framework: str, dtype: str) -> None:
    importorskip(framework)
    x = np.array([1 / 3, -0.0, np.inf, np.nan, -1e-40]).astype(named(dtype))
    out, dx = catalogued_target(framework, layer("identity")).run(x, x)
    assert out.tobytes() == x.tobytes()
    assert dx is not None
    assert dx.tobytes() == x.tobytes()


@pytest.mark.frameworks
@pytest.mark.parametrize(
    ("framework", "spec", "name"),
    [
        ("torch", "leaky_relu:negative_slope=0.2", "torch.nn.LeakyReLU(negative_slope=0.2)"),
        ("torch", "threshold:threshold=1,value=-2", "torch.nn.Threshold(threshold=1, value=-2)"),
        ("torch", "prelu:weight=0.5", "torch.nn.PReLU(init=0.5)"),
        ("jax", "gelu", "jax.nn.gelu(approximate=False)"),
        ("onnxruntime", "hardsigmoid", "onnx.HardSigmoid(alpha=1/6)"),
        ("onnxruntime", "hardtanh:min_val=-2", "onnx.Clip(min=-2, max=1)"),
        ("onnxruntime", "silu:beta=1.5", "onnx.Swish(alpha=1.5)"),
    ],
)
def test_parameters_are_those_of_the_layer(framework: str, spec: str, name: str) -> None:
    importorskip(framework)
    made, x = layer(spec), np.float32([-3, -0.5, 0.5, 1.5])
    target = catalogued_target(framework, made)
    assert target.name == name
    out = target.run(x, np.ones_like(x)).out
    np.testing.assert_allclose(out, made.forward(x), rtol=2e-6)


def test_parameters_that_a_framework_does_not_take_are_refused() -> None:
    with pytest.raises(TargetError, match="numpy has no function for gelu"):
        catalogued_target("numpy", layer("gelu"))


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", ["torch", "jax", "onnxruntime"])
def test_a_device_that_is_not_there_is_refused(framework: str) -> None:
    importorskip(framework)
    with pytest.raises(TargetError, match=f"{framework} has no device mps here"):
        catalogued_target(framework, layer("relu"), Place("mps"))


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", ["torch", "jax", "onnxruntime"])
def test_the_environment_names_the_version(framework: str) -> None:
    importorskip(framework)
    environment = catalogued_target(framework, layer("relu")).environment
    assert environment.versions[FRAMEWORKS[framework].package]
    assert str(environment).startswith(f"{framework} {environment.versions[framework]}, ")
    assert environment.device == "cpu"


@pytest.mark.frameworks
def test_a_compiled_function_of_jax_gives_both_results() -> None:
    importorskip("jax")
    target = catalogued_target("jax", layer("silu"), Place(jit=True))
    out, dx = target.run(np.float32([1.5]), np.float32([2]))
    assert str(target.environment).endswith("cpu, compiled")
    assert dx is not None
    np.testing.assert_allclose([out[0], dx[0]], [1.2263617, 2 * 1.0412941], rtol=1e-6)


@pytest.mark.frameworks
def test_a_module_and_a_function_of_torch_have_the_gradient_of_autograd() -> None:
    torch: Any = pytest.importorskip("torch")

    class Doubled(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(context: Any, dout: Any) -> Any:
            return dout * 7

    x = np.float32([-1, 2])
    for given, factor in ((torch.nn.LeakyReLU(0.5), 0.5), (torch.nn.Identity, 1), (Doubled, 7)):
        dx = target_of("mine", given).run(x, x).dx
        assert dx is not None
        assert dx[0] == -factor
    out, dx = target_of("mine", lambda x: torch.sign(x.detach())).run(x, x)
    assert (out.tolist(), dx) == ([-1, 1], None)


@pytest.mark.frameworks
def test_a_function_of_jax_has_the_gradient_that_it_states() -> None:
    jax: Any = pytest.importorskip("jax")
    tripled = jax.custom_vjp(lambda x: 3 * x)
    tripled.defvjp(lambda x: (3 * x, None), lambda kept, dout: (5 * dout,))
    out, dx = target_of("mine", tripled).run(np.float32([2]), np.float32([1]))
    assert dx is not None
    assert (out.tolist(), dx.tolist()) == ([6], [5])


class Doubling:
    """A layer in NumPy, whose gradient is 3 times dout."""

    def forward(self, x: Any) -> Any:
        return 2 * x

    def backward(self, dout: Any) -> Any:
        return 3 * dout


@pytest.mark.parametrize("given", [Doubling, Doubling()])
def test_a_layer_in_numpy_has_the_gradient_of_its_backward(given: Any) -> None:
    out, dx = target_of("mine", given).run(np.float16([2]), np.float16([1]))
    assert dx is not None
    assert (out.tolist(), dx.tolist(), out.dtype) == ([4], [3], np.float16)


def test_a_function_of_numpy_has_no_gradient() -> None:
    target = target_of("mine", lambda x: np.maximum(x, 0))
    out, dx = target.run(np.float32([-1, 2]), np.float32([1, 1]))
    assert (out.tolist(), dx) == ([0, 2], None)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TargetError, match=r"^mine is a int, which cannot be called$"):
        target_of("mine", 3)


def test_a_function_that_raises_is_named() -> None:
    with pytest.raises(TargetError, match=r"^mine: AttributeError: .*missing"):
        target_of("mine", lambda x: x.missing).run(np.zeros(2), np.zeros(2))
    with pytest.raises(TargetError, match=r"^mine: SystemExit: 3$"):
        target_of("mine", lambda x: sys.exit(3)).run(np.zeros(2), np.zeros(2))
