"""Every layer in the catalogue: its graph, its kernel and the exact value say the same."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from actgrad.cli.app import app
from actgrad.layers import Elementwise, Layer, catalogue, chain_of, layer
from actgrad.layers.activations import lookup, rational
from actgrad.layers.arrays import Array
from actgrad.layers.exact.values import exact
from actgrad.layers.explain.derivation import Step, gradient_formula, steps
from actgrad.layers.explain.grouping import Grouped
from actgrad.layers.explain.kinks import find_kinks
from actgrad.layers.formula import Node, trace
from actgrad.layers.layer import Kept
from actgrad.layers.parameter import parameter

ELEMENTWISE = [cls for cls in catalogue() if issubclass(cls, Elementwise)]
#: Units in the last place that a kernel may be off: one rounding, or the few of a float64 formula.
ULP = {"float16": 0.501, "float32": 0.501, "float64": 4.0}


def made(cls: type[Layer]) -> Layer:
    """The layer, with 1 for a parameter that has no default."""
    return cls(**{name: 1.0 for name, spec in cls.parameters.items() if spec.default is None})


def values_that_matter(made_layer: Layer, dtype: str) -> Array:
    """0, kinks, their neighbours, and numbers tiny and large, of either sign."""
    info = np.finfo(dtype)
    sizes = [
        info.smallest_subnormal,
        info.tiny,
        info.eps,
        0.3,
        1,
        2.5,
        6,
        17,
        40,
        90,
        750,
        info.max,
    ]
    places = np.array([0.0, -0.0, *sizes, *(-size for size in sizes)], dtype)
    at = np.array([kink.x for kink in find_kinks(made_layer)], dtype)
    beside = [np.nextafter(at, np.array(end, dtype)) for end in (-np.inf, np.inf)]
    return np.unique(np.concatenate([places, at, *beside]))


def ulps(got: float, right: object, dtype: str) -> float:
    """How far off, in spacings of the dtype at the true value."""
    info = np.finfo(dtype)
    true = float(right)  # type: ignore[arg-type]
    if math.isnan(true):
        return 0.0 if math.isnan(got) else math.inf
    with np.errstate(over="ignore"):
        if np.array(true, dtype) == got:
            return 0.0
    size = max(abs(true), float(info.tiny))
    spacing = 2.0 ** (math.floor(math.log2(size)) - info.nmant) if size < math.inf else math.inf
    return abs(float(got) - true) / spacing


@pytest.mark.no_cover
@pytest.mark.parametrize("dtype", ULP)
@pytest.mark.parametrize("cls", ELEMENTWISE, ids=lambda cls: cls.name)
def test_the_kernel_is_right_where_it_matters(cls: type[Layer], dtype: str) -> None:
    made_layer = made(cls)
    x = values_that_matter(made_layer, dtype)
    x = x[~made_layer.by_convention(x, x)]
    out = made_layer.forward(x)
    dx = made_layer.backward(np.ones_like(x))
    for place, value, slope in zip(x.tolist(), out, dx, strict=True):
        true_value, true_slope = exact(trace(made_layer.formula), place)
        assert ulps(value, true_value, dtype) <= ULP[dtype], place
        assert ulps(slope, true_slope, dtype) <= ULP[dtype], place


@pytest.mark.no_cover
@pytest.mark.parametrize("cls", ELEMENTWISE, ids=lambda cls: cls.name)
def test_the_graph_and_every_step_are_right_within_their_roundings(cls: type[Layer]) -> None:
    made_layer = made(cls)
    formula = trace(made_layer.formula)
    forms = [Step(gradient_formula(formula)), *steps(made_layer)]
    at = [kink.x for kink in find_kinks(made_layer)]
    for x in values_that_matter(made_layer, "float64").tolist():
        # Far out a formula on floats may overflow, and next to a kink a rounded number may decide
        # otherwise than the exact one: that is what kernels are for.
        if abs(x) > 20 or any(0 < abs(x - kink) < 1e-14 * abs(kink) for kink in at):
            continue
        if cls.name == "gelu_10" and x == 10:  # its kink is not a float: it lies 8e-23 above 10
            continue
        value, slope = (float(each) for each in exact(formula, x))
        if math.isnan(value) or math.isinf(slope):
            continue
        for form in forms:
            if x and abs(value) < 1e-300 and "y" in form.terms:
                continue  # y underflows, and does not tell the derivative any more
            computed, bound = form.evaluate(x, value)
            assert abs(computed - slope) <= 2 * bound, (form.text, x)


@pytest.mark.parametrize("cls", ELEMENTWISE, ids=lambda cls: cls.name)
def test_a_layer_as_one_node_has_the_same_value_and_gradient(cls: type[Layer]) -> None:
    made_layer = made(cls)
    graph = Grouped([made_layer], [0.7], [3.0])
    numbers = graph.numbers
    assert numbers is not None
    (out,), (dx,) = made_layer.forward([0.7]), made_layer.backward([3.0])
    assert len(graph.nodes) == 2
    assert numbers.value(graph.nodes[1]) == pytest.approx(out)
    assert numbers.gradient(graph.nodes[0]) == pytest.approx(dx)


@pytest.mark.parametrize(
    "specs", [["softmax"], ["log_softmax"], ["sparsemax"], ["swiglu"], ["gelu", "softmin", "elu"]]
)
def test_layers_along_an_axis_as_nodes_have_the_same_values_and_gradients(specs: list[str]) -> None:
    chain = chain_of(specs)
    x = [0.7, -0.4, 1.1, 0.3]
    out = chain.forward([x])[0]
    dout = [0.5 - i for i in range(len(out))]
    graph = Grouped(chain.layers, x, dout, "uvw"[: len(specs) - 1], len(x))
    numbers = graph.numbers
    assert numbers is not None
    assert len(graph.nodes) == len(x) * len(specs) + len(out)
    values = [numbers.value(node) for node in graph.formula.outputs]
    gradients = [numbers.gradient(node) for node in graph.formula.inputs]
    assert values == pytest.approx(out.tolist())
    assert gradients == pytest.approx(chain.backward([dout])[0].tolist())
    assert "∂L/∂y₁" in str(graph.labels.gradient(graph.formula.inputs[0]))


def test_a_new_layer_needs_nothing_but_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Soft(Elementwise):
        """A bent line: out = sharpness·x/(1 + |x|)."""

        name = "bent"
        range = "-2 < y < 2"
        keeps = {"slope": Kept(float, "∂out/∂x")}

        sharpness: float = parameter(2.0, "the slope at 0")

        def formula(self, x: Node) -> Node:
            return self.sharpness * x / (1 + abs(x))

        def forward_block(self, x: Array, out: Array, *saved: Array) -> None:
            (slope,) = saved
            below = 1 + np.abs(x)
            np.divide(self.sharpness, below, out=slope)
            np.divide(slope, below, out=slope)
            np.divide(x, below, out=out)
            out *= self.sharpness

        def backward_block(self, dout: Array, dx: Array, *saved: Array) -> None:
            np.multiply(dout, saved[0], out=dx)

    monkeypatch.setattr(rational, "Soft", Soft, raising=False)
    # A process lists the layers once; this one is defined later.
    for each in ("_members", "elsewhere"):
        monkeypatch.setattr(lookup, each, getattr(lookup, each).__wrapped__)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    assert type(layer("bent:sharpness=3")) is Soft
    assert "bent" in run("layers")
    drawn = json.loads(run("graph", "bent", "--x", "1", "-f", "json"))
    assert drawn["nodes"][0]["gradient"] == 0.5
    assert "╭" in run("graph", "bent", "--x", "1")
    assert "<svg" in run("graph", "bent", "relu", "--grouped", "-f", "svg")
    explained = json.loads(run("explain", "bent", "--x", "1", "-f", "json"))
    assert explained["dx"] == 0.5
    assert all(step["agrees"] for step in explained["steps"])
    assert explained["kinks"] == []
    assert explained["range"] == "-2 < y < 2"
    test_the_kernel_is_right_where_it_matters(Soft, "float32")
    test_the_graph_and_every_step_are_right_within_their_roundings(Soft)
    test_a_layer_as_one_node_has_the_same_value_and_gradient(Soft)
