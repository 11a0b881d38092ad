"""The layer protocol: `forward(x)` keeps what `backward(dout)` will need.

A layer is a class that states its name, parameters, formula and kernel. An `Elementwise` layer
computes each output element from the input element in the same place alone; its kernels get 1-d
blocks in the working dtype, never a caller's array. `AlongAxis` and `Chain` are the other kinds.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import numpy as np

from actgrad.layers.arrays import Array, check_dout, deliver, destination, floating, order, total
from actgrad.layers.blocks import blocks
from actgrad.layers.displayed import Displayed
from actgrad.layers.errors import ActgradError, BackwardBeforeForwardError, ShapeError
from actgrad.layers.formula import Formula, Node, trace
from actgrad.layers.parameter import Parameter, Setting, parameter, values_of
from actgrad.layers.statements import Derivation, Kept

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass_transform(kw_only_default=True, field_specifiers=(parameter,))
class Layer(Displayed, ABC):
    """A differentiable function of one array, run forward and then backward.

    A layer's parameters are its annotated class attributes, such as
    `negative_slope: float = parameter(0.01, "…")`. Its constructor takes them by keyword.

    Raises:
        ParameterError: an unknown parameter, a missing one, or a value outside its domain.
    """

    name: ClassVar[str]
    #: The layer's names in the frameworks that have it, as `activations.signature` reads them.
    elsewhere: ClassVar[Mapping[str, str]] = {}
    #: Other names of the layer in the catalogue.
    aliases: ClassVar[tuple[str, ...]] = ()
    #: The publication, or the library, that introduced the layer.
    source: ClassVar[str] = ""
    #: The arrays that forward keeps for backward, by name. A name that begins with `_` is the
    #: kernel's own and is never shown.
    keeps: ClassVar[Mapping[str, Kept]] = {}
    #: Whether forward keeps nothing else; of anyone's layer that is not known.
    states_keeps: ClassVar[bool] = True
    #: Why backward needs nothing but an array, for arrays whose name does not tell it.
    sufficient: ClassVar[Mapping[str, str]] = {}
    #: Whether forward and backward are written by hand, and cheap on many numbers.
    has_kernel: ClassVar[bool] = False
    #: The fault of the formula when it is computed on floats as it stands.
    naive_formula: ClassVar[str] = "the formula as it stands"
    #: By name, the layers that are often computed by mistake, and what the mistake is called.
    mistaken_for: ClassVar[Mapping[str, str]] = {}
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    #: What the equations of a layer along an axis call the parts of a line.
    line_notation: str = ""
    #: The attributes that hold fixed numbers of the formula, and what explanations call each.
    constants: ClassVar[Mapping[str, str]] = {}

    #: Whether parts of an array may be run one after the other, as the run of a large file does.
    runs_in_parts: bool = True
    #: The derivative as a layer, whose dx is d2x, if the way back gives d2x too.
    second_order: Elementwise | None = None

    _saved: dict[str, Array] | None = None
    #: The sums over the last backward's blocks that make up `gradients`.
    terms: Mapping[str, list[float]] = {}
    #: The first finite x of the last forward without an out, and without a dx, by these names. Each
    #: of `layers` states its own. It is empty where the function has both at all x.
    undefined: Mapping[str, float] = {}
    #: Whether forward fills `undefined` or `kinks_met`; most kernels have no such x.
    notes_x: ClassVar[bool] = False
    #: The kinks of the function at which the last forward had an x, where a convention says so.
    kinks_met: Collection[float] = ()

    def __init_subclass__(cls) -> None:
        cls.parameters = {
            **cls.parameters,
            **{name: spec for name, spec in vars(cls).items() if isinstance(spec, Parameter)},
        }

    def __init__(self, **values: Setting) -> None:
        # A layer without parameters is built without a call into `parameter`.
        if self.parameters or values:
            for name, value in values_of(self.name, self.parameters, values).items():
                setattr(self, name, value)

    def __str__(self) -> str:
        """The layer as the command line names it: `leaky_relu:negative_slope=0.1`."""
        changed = [
            f"{name}={getattr(self, name)}"
            for name, spec in self.parameters.items()
            if getattr(self, name) != spec.default
        ]
        return ":".join([self.name, *([",".join(changed)] if changed else [])])

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.parameters)
        return f"{type(self).__name__}({values})"

    @abstractmethod
    def formula(self, x: Any) -> Any:
        """The layer's textbook formula, which is the exact truth for its kernel.

        It takes and returns a node; for a layer along an axis, lists of nodes.
        """

    def derivation(self, x: Node, y: Node) -> Derivation:
        """The textbook's ways to write ∂y/∂x, after the graph's gradient.

        Without a step, the graph's gradient is the textbook's form.
        """
        return Derivation()

    def derivative_in_y(self, x: Node, y: Node) -> Node | None:
        """The last step of the derivation if it is an expression in y alone, without cases."""
        last = Formula([x, y], self.derivation(x, y).steps[-1:])
        if not last.outputs or x in last.nodes or last.outputs[0].operation.name == "where":
            return None
        return last.outputs[0]

    def line_equations(self) -> Mapping[str, Derivation]:
        """The equations of a layer along an axis, by what stands on their left: yᵢ, then gradients.

        They are in terms of the elements of a line that `along_axis.Line` names. An element-wise
        layer has none.
        """
        return {}

    @classmethod
    def shown_keeps(cls) -> dict[str, Kept]:
        """The arrays that forward keeps for backward, without the kernel's own."""
        return {name: kept for name, kept in cls.keeps.items() if not name.startswith("_")}

    @property
    def range(self) -> str:
        """The values that the function has for finite x, such as `-1 < y < 1` or `y = 0 or 1 < y`.

        They are the exact values: on floats, the sigmoid of 1000 is 1.
        """
        return "not stated"

    def by_convention(self, x: Array, out: Array) -> Array:
        """Where the results at x, whose value is `out`, are a convention and not the formula's."""
        return np.zeros(x.shape, bool)

    def refused(self, because: str) -> ActgradError:
        """The error of what needs a function of one number, for a layer that is none."""
        return ShapeError(f"{self.name} takes a line of numbers, so {because}")

    def inflections(self) -> Iterable[float]:
        """Of the derivative f′ of a layer, the x at which f″ changes its sign."""
        return ()

    @property
    def description(self) -> str:
        """What the layer is, in a few sentences."""
        return inspect.getdoc(type(self)) or self.name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that run one after the other: of a single layer, itself."""
        return (self,)

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of out depends on the element of x in the same place alone."""
        return False

    @property
    def trained(self) -> tuple[str, ...]:
        """The parameters whose gradients backward computes too."""
        return tuple(name for name, spec in self.parameters.items() if spec.trained)

    def axes(self, ndim: int) -> set[int]:
        """The axes of an x with `ndim` axes along which the layer works, each from 0 to ndim − 1.

        An element-wise layer works along none.

        Raises:
            ShapeError: x has no such axis.
        """
        return set()

    def along(self, axis: int) -> Layer:
        """A copy that works along `axis`; an element-wise layer's copy is like the layer itself."""
        return copy(self)

    def traced(self, length: int | None = None) -> Formula:
        """The formula of one number x, or of a line x₁, x₂, … of `length` numbers."""

        def last(x: Any) -> Any:
            *_, result = self.formula_steps(x)
            return result

        return trace(last, "x" if length is None else length)

    def grouped(self) -> Formula | None:
        """The formula with a single node for each layer that it calls; None if it calls none."""
        return None

    def formula_steps(self, x: Any) -> Iterator[Any]:
        """The out of each of `layers` in turn, as a formula of x, a node or a list of nodes."""
        yield self.formula(x)

    def named(self) -> list[tuple[str, Layer]]:
        """Each of `layers`, with the prefix of its own arrays' names: none for a single layer."""
        return [("", self)]

    def canonical(self, name: str) -> str:
        """The chain's own name of an array of `trace`: `out` for `2.out`, in a chain of two."""
        return name

    def trace(self, x: ArrayLike, dout: ArrayLike | None = None) -> dict[str, Array]:
        """Run forward, and back if dout is given; every array of the run, by name.

        The names are x, what each layer keeps, out, and with dout also dout, dx and the gradients
        of trained parameters. In a chain of several layers, layer k's own arrays are named `k.…`.

        Raises:
            DtypeError: x or dout has a dtype in which no layer computes.
            ShapeError: x has a shape that the layer does not take, or dout has another than out.
        """
        arrays = {"x": np.asarray(x)}
        for (prefix, layer), out in zip(self.named(), self.forward_steps(x), strict=True):
            saved = layer.saved.items()
            arrays |= {prefix + name: kept for name, kept in saved if name not in {"x", "out"}}
            arrays[f"{prefix}out"] = out
        arrays["out"] = out
        if dout is None:
            return arrays
        arrays["dout"] = np.asarray(dout)
        for (prefix, _), dx in zip(self.named()[::-1], self.backward_steps(dout), strict=True):
            arrays[f"{prefix}dx"] = dx
        arrays["dx"] = dx
        return arrays | {name: np.asarray(value) for name, value in self.gradients.items()}

    def forward_steps(self, x: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        """The out of each of `layers` in turn; the last is written to `out` if that is given."""
        yield self.forward(x, out)

    def backward_steps(self, dout: ArrayLike, out: Array | None = None) -> Iterator[Array]:
        """The dx of each of `layers`, last to first; the first's is written to `out` if given."""
        yield self.backward(dout, out)

    @property
    def saved(self) -> Mapping[str, Array]:
        """The arrays that the last forward kept for backward, by name.

        Raises:
            BackwardBeforeForwardError: there was no forward yet.
        """
        if self._saved is None:
            raise self._nothing_kept()
        return {name: kept for name, kept in self._saved.items() if not name.startswith("_")}

    def _nothing_kept(self) -> BackwardBeforeForwardError:
        return BackwardBeforeForwardError(
            f"{self.name} has kept nothing for backward yet", "call forward(x) first"
        )

    @property
    def gradients(self) -> Mapping[str, float]:
        """The gradients of trained parameters from the last backward, by name."""
        return {name: total(terms) for name, terms in self.terms.items()}

    def begin_forward(self) -> None:
        """Discard what the last forward met."""

    def begin_backward(self) -> None:
        """Discard the terms of the last backward."""
        self.terms = {f"d{name}": [] for name in self.trained}

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of out for an x of that shape.

        Raises:
            ShapeError: x has no such shape.
        """
        return shape

    @abstractmethod
    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        """The layer's value at x, in x's dtype, keeping what backward needs.

        `out`, if given, receives the result and is returned, as with NumPy's ufuncs; x is not
        written to unless it is `out`.

        Raises:
            DtypeError: x or `out` is of a dtype that does not fit.
            ShapeError: `out` has another shape than the result.
        """

    @abstractmethod
    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        """dx = ∂L/∂x, of x's shape and dtype, from dout = ∂L/∂out and what forward kept.

        Raises:
            BackwardBeforeForwardError: forward has not been called.
            ShapeError: dout has another shape than forward's result.
            DtypeError: dout or `out` is of a dtype that does not fit.
        """


class Elementwise(Layer):
    """A layer whose output elements each depend on the input element in the same place alone.

    An `exact` layer computes in x's dtype and rounds at most once. The others compute in float64
    and round the result once, so 16- and 32-bit results are right to 0.501 ULP.

    If a layer keeps `out`, that array is the result before this rounding; `forward` fills it, and
    the kernel does not. `backward_block` of an `in_place` layer can write dx over dout.
    """

    exact: ClassVar[bool] = False
    in_place: ClassVar[bool] = False
    has_kernel = True

    @property
    def is_elementwise(self) -> bool:
        return True

    def formula_steps(self, x: Any) -> Iterator[Any]:
        yield [self.formula(element) for element in x] if isinstance(x, list) else self.formula(x)

    @abstractmethod
    def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
        """Fill `out` and each kept array but `out` from x.

        x is read-only; `out` may hold intermediate values.
        """

    def short_block(self, x: Array, out: Array, *saved: Array) -> None:
        """`forward_block` for results of at most 32 bits, which hide errors below 2⁻³⁴."""
        self.forward_block(x, out, *saved)

    def forward_kernel(self, dtype: np.dtype[Any]) -> Callable[..., None]:
        """`short_block` or `forward_block`, for an x of that dtype."""
        return self.short_block if dtype.itemsize <= 4 else self.forward_block

    def backward_kernel(self, dtype: np.dtype[Any]) -> Callable[..., None]:
        """`backward_block`, for an x of that dtype."""
        return self.backward_block

    @abstractmethod
    def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
        """Fill dx from dout and all kept arrays; dx may hold intermediate values."""

    def forward(self, x: ArrayLike, out: Array | None = None) -> Array:
        x = floating(x, "x")
        dtype = x.dtype.newbyteorder("=")
        working = self.working(dtype)
        result = destination(out, x.shape, dtype, order(x))
        saved = {name: np.empty(x.shape, self.kept(name, dtype), order(x)) for name in self.keeps}
        itself = saved.get("out")
        own = [(array, array.dtype) for array in saved.values() if array is not itself]
        again = [] if itself is None else [(itself, working)]
        self.begin_forward()
        kernel = self.forward_kernel(dtype)
        with np.errstate(all="ignore"):
            for x_block, out_block, *rest in blocks(
                [(x, working)], [(result, working), *own, *again]
            ):
                kernel(x_block, out_block, *rest[: len(own)])
                for copy in rest[len(own) :]:
                    np.copyto(copy, out_block)
        self._saved, self._shape, self._dtype = saved, x.shape, dtype
        return deliver(result, out)

    def backward(self, dout: ArrayLike, out: Array | None = None) -> Array:
        if self._saved is None:
            raise self._nothing_kept()
        dout = floating(dout, "dout")
        shape = self._shape
        check_dout(dout.shape, shape, self.name)
        working = self.working(self._dtype)
        result = destination(out, shape, self._dtype, order(dout))
        kept = [(array, array.dtype) for array in self._saved.values()]
        self.begin_backward()
        kernel = self.backward_kernel(self._dtype)
        with np.errstate(all="ignore"):
            for dout_block, *rest, dx in blocks([(dout, working), *kept], [(result, working)]):
                kernel(dout_block, dx, *rest)
        return deliver(result, out)

    def working(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype that the kernels compute in for an x of that dtype; never an 8-bit float."""
        return dtype if self.exact and dtype.itemsize > 1 else np.dtype(np.float64)

    def kept(self, name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype of the kept array of that name for an x of that dtype."""
        kind = self.keeps[name].dtype
        return self.working(dtype) if kind is float else np.dtype(kind)
