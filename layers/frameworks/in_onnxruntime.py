"""An operator of ONNX, run by ONNX Runtime, which has no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from actgrad.layers.arrays import Array
from actgrad.layers.frameworks.target import (
    CPU,
    Environment,
    Place,
    Results,
    TargetError,
    refusal,
    versions_of,
)

#: The version of the operators, and that of the model's file: ONNX Runtime reads both from 1.24 on.
OPSET, FILE = 24, 10
#: The parameters that an operator takes as inputs; all others are attributes.
INPUTS = {"Clip": ("min", "max"), "PRelu": ("slope",)}
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntimeTarget:
    """An operator with its attributes and constant inputs; a session runs it for each dtype."""

    def __init__(self, name: str, arguments: dict[str, Any], place: Place = CPU) -> None:
        """The target `name`, such as `onnx.Gelu`.

        Raises:
            TargetError: ONNX Runtime has no such device, and compiles nothing on demand.
        """
        import onnxruntime

        provider = PROVIDERS.get(place.device)
        if provider not in onnxruntime.get_available_providers():
            raise TargetError(f"onnxruntime has no device {place.device} here")
        if place.jit:
            raise TargetError("onnxruntime compiles nothing on demand", "leave out jit")
        self.name, self._place, self._provider = name, place, provider
        self._operator = name.partition("(")[0].rpartition(".")[2]
        self._arguments = arguments
        self._sessions: dict[str, Any] = {}

    @property
    def environment(self) -> Environment:
        return Environment(versions_of("onnxruntime", "onnx"), self._place.device, None)

    def run(self, x: Array, dout: Array) -> Results:
        import onnxruntime

        try:
            dtype = x.dtype.name
            if dtype not in self._sessions:
                self._sessions[dtype] = self._session(x.dtype)
            given = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
                np.ascontiguousarray(x), onnx_type(x.dtype)
            )
            (out,) = self._sessions[dtype].run_with_ort_values(["y"], {"x": given})
            return Results(np.asarray(out.numpy()).view(x.dtype), None)
        except Exception as error:  # ONNX Runtime's own have no common base
            raise refusal(self.name, error) from error

    def _session(self, dtype: np.dtype[Any]) -> Any:
        import onnxruntime
        from onnx import helper

        kind = onnx_type(dtype)
        inputs = [key for key in INPUTS.get(self._operator, ()) if key in self._arguments]
        attributes = {
            key: value if isinstance(value, str) else float(value)
            for key, value in self._arguments.items()
            if key not in inputs
        }
        constants = [
            helper.make_tensor(key, kind, [], [float(self._arguments[key])]) for key in inputs
        ]
        node = helper.make_node(self._operator, ["x", *inputs], ["y"], **attributes)
        ends = [helper.make_tensor_value_info(name, kind, None) for name in ("x", "y")]
        graph = helper.make_graph([node], "layer", ends[:1], ends[1:], constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FILE
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=[self._provider]
        )


def onnx_type(dtype: np.dtype[Any]) -> int:
    """ONNX's number of the dtype."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(dtype))
