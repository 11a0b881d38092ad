"""Other frameworks, each imported when it is used: running their layers, and recording a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.frameworks.callables import target_of
    from actgrad.layers.frameworks.catalogued import (
        FRAMEWORKS,
        catalogued_layers,
        catalogued_target,
        function_of,
        require_framework,
    )
    from actgrad.layers.frameworks.framework import Framework, as_array, framework_of, is_torch
    from actgrad.layers.frameworks.in_numpy import NumpyTarget
    from actgrad.layers.frameworks.jax_layer import JaxLayer
    from actgrad.layers.frameworks.manifest import (
        MANIFEST,
        Manifest,
        RecordedLayer,
        RecordingError,
        read_manifest,
        require_no_recording,
    )
    from actgrad.layers.frameworks.recording import Recording, record, recording_first_model
    from actgrad.layers.frameworks.target import (
        CPU,
        Environment,
        Place,
        Results,
        Target,
        TargetError,
    )
    from actgrad.layers.frameworks.torch_layer import TorchLayer, tensor_of


__getattr__ = lazy_attributes(__name__, __file__)
