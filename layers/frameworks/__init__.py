"""Other frameworks, each imported when it is used: recording a model of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.frameworks.manifest import (
        MANIFEST,
        Manifest,
        RecordedLayer,
        RecordingError,
        read_manifest,
    )
    from actgrad.layers.frameworks.recording import Recording, record, recording_first_model


__getattr__ = lazy_attributes(__name__, __file__)
