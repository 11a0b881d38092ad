"""The catalogue: every activation layer, by family."""

from actgrad.layers.activations.clipped import Hardsigmoid, Hardtanh, Relu6, SparseSigmoid
from actgrad.layers.activations.exponential import (
    Celu,
    Elu,
    Exponential,
    Logsigmoid,
    Selu,
    Sigmoid,
    Softplus,
    Tanh,
    Tanhshrink,
    Xielu,
)
from actgrad.layers.activations.gated import Geglu, Glu, Reglu, Swiglu
from actgrad.layers.activations.leaky import LeakyRelu, Prelu, Rrelu
from actgrad.layers.activations.lookup import (
    catalogue,
    find,
    formula_of,
    layer,
    names_elsewhere,
    own_names,
)
from actgrad.layers.activations.piecewise import (
    Gate,
    Hardshrink,
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
    ReluSquared,
    Softsign,
    SparsePlus,
    Squareplus,
)
from actgrad.layers.activations.self_gated import Gelu, GeluTanh, Mish, QuickGelu, Silu
from actgrad.layers.activations.softmax import LogSoftmax, Softmax, Softmin, Sparsemax
