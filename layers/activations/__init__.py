"""The catalogue: every activation layer, by family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.layers.activations.clipped import Hardsigmoid, Hardtanh, Relu6, SparseSigmoid
    from actgrad.layers.activations.exponential import (
        Exponential,
        Logit,
        LogitClamped,
        Logsigmoid,
        Sigmoid,
        Softplus,
        SqrtSoftplus,
        Tanh,
        Tanhshrink,
    )
    from actgrad.layers.activations.exponential_linear import Celu, Elu, Selu, Xielu
    from actgrad.layers.activations.gated import (
        Geglu,
        GegluQuick,
        GegluTanh,
        Glu,
        Reglu,
        Swiglu,
        SwigluClamped,
        SwigluOai,
    )
    from actgrad.layers.activations.leaky import (
        CappedRelu,
        LeakyRelu,
        Prelu,
        Rrelu,
        ThresholdedLeakyRelu,
    )
    from actgrad.layers.activations.lookup import (
        catalogue,
        find,
        formula_of,
        layer,
        names_elsewhere,
        own_names,
    )
    from actgrad.layers.activations.maxout import Crelu, Maxout
    from actgrad.layers.activations.periodic import Snake, SnakeBeta
    from actgrad.layers.activations.piecewise import (
        Gate,
        Hardshrink,
        Heaviside,
        Identity,
        Relu,
        Softshrink,
        Threshold,
        ThresholdedRelu,
    )
    from actgrad.layers.activations.rational import (
        BentIdentity,
        HardMish,
        Hardswish,
        Isrlu,
        Isru,
        ReluSquared,
        Softsign,
        SparsePlus,
        Squareplus,
    )
    from actgrad.layers.activations.saturating import Laplace, ScaledTanh, Situ, Softcap
    from actgrad.layers.activations.self_gated import Gelu, Gelu10, GeluTanh, Mish, QuickGelu, Silu
    from actgrad.layers.activations.signature import Signature, call_text, signatures
    from actgrad.layers.activations.softmax import LogSoftmax, Softmax, Softmin, Solu, Sparsemax


__getattr__ = lazy_attributes(__name__, __file__)
