"""Run every layer under each of its names in the frameworks that the catalogue knows.

    python tests/benchmarks/names_elsewhere.py > tests/layers/activations/names_elsewhere.csv

Needs torch, jax, keras, tensorflow, onnx and scipy. A row holds the call, the layer that it means
here, and what the framework itself gives for it in float64 at X.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from actgrad.layers import layer
from actgrad.layers.activations.lookup import elsewhere

#: A gated layer needs an even number of elements.
X = [-1.75, -0.5, 1.25, 7.0]
#: What arguments without a default are given.
GIVEN = {
    "dim": -1,
    "axis": -1,
    "threshold": 0.75,
    "value": -2.0,
    "default_value": -2.0,
    "min": -1.0,
    "max": 1.0,
    "slope": 0.25,
    "weight": 0.25,
    "bias": 0.5,
    "negative_slope": 0.125,
    "max_value": 5.0,
}


def main() -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["call", "layer", *(f"x={x}" for x in X)])
    for signature in elsewhere():
        given = {
            argument.name: GIVEN[argument.name] if argument.parameter else argument.only
            for argument in signature.arguments
            if argument.required
        }
        arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
        call = f"{signature.path}({arguments})" if given else signature.path
        values = RUN[signature.module](signature.name, np.array(X), given)
        writer.writerow([call, layer(call), *np.asarray(values).tolist()])


def torch_module(name: str, x: Any, given: dict[str, Any]) -> Any:
    import torch

    module = getattr(torch.nn, name)(**given).double().eval()
    return module(torch.tensor(x)).detach()


def torch_function(name: str, x: Any, given: dict[str, Any]) -> Any:
    import torch

    tensors = {key: torch.tensor(value, dtype=torch.float64) for key, value in given.items()}
    return getattr(torch.nn.functional, name)(torch.tensor(x), **tensors)


def torch_itself(name: str, x: Any, given: dict[str, Any]) -> Any:
    import torch

    return getattr(torch, name)(torch.tensor(x), **given)


def tensorflow(name: str, x: Any, given: dict[str, Any]) -> Any:
    import tensorflow

    return getattr(tensorflow.nn, name)(tensorflow.constant(x), **given)


def jax(name: str, x: Any, given: dict[str, Any]) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return getattr(jax.nn, name)(jax.numpy.asarray(x), **given)


def keras(module: str) -> Callable[..., Any]:
    def run(name: str, x: Any, given: dict[str, Any]) -> Any:
        import jax
        import keras

        jax.config.update("jax_enable_x64", True)
        function = getattr(getattr(keras, module), name)
        if module == "layers":
            return function(dtype="float64", **given)(jax.numpy.asarray(x)[None])[0]
        return function(jax.numpy.asarray(x), **given)

    return run


def numpy(name: str, x: Any, given: dict[str, Any]) -> Any:
    return getattr(np, name)(x, **given)


def scipy(name: str, x: Any, given: dict[str, Any]) -> Any:
    from scipy import special

    return getattr(special, name)(x, **given)


def onnx(name: str, x: Any, given: dict[str, Any]) -> Any:
    """The reference evaluator's result; PRelu and Clip take their parameters as inputs."""
    from onnx import TensorProto, defs, helper
    from onnx.reference import ReferenceEvaluator

    inputs = {key: given[key] for key in given if name in {"PRelu", "Clip"}}
    attributes = {key: given[key] for key in given if key not in inputs}
    node = helper.make_node(name, ["x", *inputs], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        name,
        [
            helper.make_tensor_value_info(key, TensorProto.DOUBLE, shape)
            for key, shape in {"x": x.shape, **dict.fromkeys(inputs, ())}.items()
        ],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, x.shape)],
    )
    version = helper.make_opsetid("", defs.onnx_opset_version())
    model = helper.make_model(graph, opset_imports=[version])
    arrays = {key: np.array(value) for key, value in inputs.items()}
    return ReferenceEvaluator(model).run(None, {"x": x, **arrays})[0]


RUN: dict[str, Callable[..., Any]] = {
    "torch": torch_itself,
    "torch.nn": torch_module,
    "torch.nn.functional": torch_function,
    "jax.nn": jax,
    "keras.activations": keras("activations"),
    "keras.ops": keras("ops"),
    "keras.layers": keras("layers"),
    "tf.nn": tensorflow,
    "onnx": onnx,
    "numpy": numpy,
    "scipy.special": scipy,
}


if __name__ == "__main__":
    main()
