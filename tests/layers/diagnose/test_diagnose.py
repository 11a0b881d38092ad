"""Faults that are planted in arrays are found in the right units, and healthy arrays have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import actgrad
from actgrad.layers import ActgradError, ShapeError, catalogue, chain_of, layer
from actgrad.layers.diagnose import (
    Diagnosis,
    Thresholds,
    diagnose_layer,
    diagnose_network,
    diagnose_runs,
    load_statistics,
    run_statistics,
    save_statistics,
)
from actgrad.layers.run import MemoryArray, processes

DEAD = [3, 7, 12, 13, 14, 15, 40, 41]
#: Layers that work element by element.
ELEMENTWISE = [
    f"{cls.name}:threshold=0.5,value=-1" if cls.name == "threshold" else cls.name
    for cls in catalogue()
]
ELEMENTWISE = [spec for spec in ELEMENTWISE if layer(spec).is_elementwise]


def normal(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def diagnose(spec: str, axis: int | None = None, **arrays: Any) -> Diagnosis:
    sources = {name: MemoryArray(array) for name, array in arrays.items()}
    return diagnose_layer(chain_of(spec.split(" ")), [sources], axis)


def rules(diagnosis: Diagnosis) -> dict[str, list[int]]:
    """The units that each rule names."""
    return {finding.rule.name: list(finding.units) for finding in diagnosis.findings}


@pytest.mark.parametrize("seed", range(10))
def test_a_healthy_layer_has_no_finding(seed: int) -> None:
    x, dout = normal(256, 64, seed=seed), normal(256, 64, seed=seed + 100) * 1e-3
    for spec in ("relu", "sigmoid", "tanh", "gelu", "leaky_relu"):
        assert rules(diagnose(spec, x=x, dout=dout)) == {}


@pytest.mark.parametrize("spec", ELEMENTWISE)
def test_the_slope_is_that_of_the_layer(spec: str) -> None:
    x = normal(100, 3, dtype=np.float64) * 2
    single = layer(spec)
    single.forward(x)
    slope = single.backward(np.ones_like(x))
    units = diagnose(spec, x=x).units
    np.testing.assert_allclose(units.slope, np.nanmean(np.abs(slope), axis=0), rtol=1e-14)
    np.testing.assert_allclose(units.slope_square, np.nanmean(slope**2, axis=0), rtol=1e-14)
    assert units.counts["stopped"].tolist() == (slope == 0).sum(axis=0).tolist()
    np.testing.assert_allclose(units.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(units.std, x.std(axis=0), rtol=1e-14)


def test_dead_units_are_named() -> None:
    x = normal(500, 64)
    x[:, DEAD] -= 10
    assert rules(diagnose("relu", x=x)) == {"dead-units": DEAD}
    assert rules(diagnose("relu", out=np.maximum(x, 0))) == {"dead-units": DEAD}
    assert rules(diagnose("leaky_relu", x=x)) == {"saturated-units": DEAD}


@pytest.mark.parametrize("spec", ["sigmoid", "tanh", "hardtanh", "hardsigmoid"])
def test_saturated_units_are_named(spec: str) -> None:
    x = normal(500, 16)
    x[:, :4] *= 20
    assert rules(diagnose(spec, x=x)) == {"saturated-units": [0, 1, 2, 3]}


def test_out_tells_what_x_tells() -> None:
    x = normal(500, 16)
    x[:, :4] *= 20
    for spec in ("sigmoid", "tanh"):
        out = layer(spec).forward(x)
        assert rules(diagnose(spec, out=out))["saturated-units"] == [0, 1, 2, 3]
    with pytest.raises(ActgradError, match="the out of gelu does not determine its slope"):
        diagnose("gelu", out=x)


def test_gradients_that_vanish_explode_and_underflow() -> None:
    x = normal(400, 8)
    assert list(rules(diagnose("relu", x=x, dout=x * 1e-9))) == ["vanishing-gradient"]
    assert list(rules(diagnose("relu", x=x, dout=x * 3e37))) == ["exploding"]
    half = x.astype(np.float16)
    small = np.float16(6e-8)
    lost = diagnose("relu", x=half, dout=np.full_like(half, small))
    assert set(rules(lost)) == {"vanishing-gradient", "underflow"}
    assert list(rules(diagnose("relu", x=x * np.float32(3e37)))) == ["exploding"]


def network_rules(
    factors: list[float], spec: str = "relu", **thresholds: float
) -> tuple[list[str], list[list[str]]]:
    """The rules that fire in a network with these |dout|: in the whole, and at each layer."""
    x = normal(100, 8)
    steps = [[diagnose(spec, x=x, dout=x * np.float32(factor))] for factor in factors]
    network = diagnose_network(steps, Thresholds(**thresholds))
    whole = [finding.rule.name for finding in network.findings]
    return whole, [list(rules(layer)) for layer in network.layers]


@pytest.mark.parametrize(("rate", "name"), [(0.5, "vanishing"), (2.0, "exploding")])
def test_a_small_factor_a_layer_is_a_fault_of_a_deep_network(rate: float, name: str) -> None:
    factors = [rate**k for k in range(12, 0, -1)]
    assert network_rules(factors) == ([f"{name}-over-depth"], [[]] * 12)
    assert network_rules(factors[4:]) == ([], [[]] * 8)
    assert network_rules(factors[4:], total_fall=100)[0] == [f"{name}-over-depth"]
    assert network_rules(factors[4:], fall=1.9)[0] == [f"{name}-over-depth"]


def test_a_layer_with_more_elements_has_smaller_gradients_of_the_same_norm() -> None:
    large, small = normal(100, 8, 32, 32), normal(100, 2)
    parts = {"x": small, "dout": small}, {"x": large, "dout": large / 100}
    layers = [[diagnose("tanh", **part)] for part in parts]
    assert not diagnose_network(layers[::-1], Thresholds(fall=5)).findings
    assert not diagnose_network(layers, Thresholds(fall=5)).findings


def test_a_small_gradient_is_judged_beside_that_of_the_last_layer() -> None:
    assert network_rules([1e-10, 1e-9, 1e-8]) == ([], [[], [], []])
    assert network_rules([1e-10, 1e-9, 1e-3]) == (
        ["vanishing-over-depth"],
        [["vanishing-gradient"], ["vanishing-gradient"], []],
    )
    assert network_rules([0, 0])[1] == [["vanishing-gradient"]] * 2


def test_dead_units_are_told_apart_by_the_distance_of_their_samples() -> None:
    x = normal(200, 40)
    near, far = x.copy(), x.copy()
    near[:, :8] -= 3.5
    far[:, :8] -= 30
    texts = [diagnose("relu", x=array).findings[0] for array in (near, far)]
    assert "another batch may lie beyond it" in texts[0].advice
    assert "|mean|/std is 3.55" in texts[0].numbers
    assert "The bias of these units" in texts[1].advice
    assert not diagnose("relu", out=np.maximum(far, 0)).findings[0].numbers.endswith("nan.")


def test_the_advice_names_what_makes_the_gradient_vanish() -> None:
    x = normal(100, 8)
    for spec, cause in (
        ("sigmoid", "saturate"),
        ("relu", "Multiply the weights between the layers by 20"),
    ):
        steps = [[diagnose(spec, x=x, dout=x * np.float32(20.0**k))] for k in range(4)]
        (finding,) = diagnose_network(steps, Thresholds()).findings
        assert cause in finding.advice
    # 1/√E[sigmoid²] and 1/√E[sigmoid′²] under N(0, 1), by the quadrature of SciPy.
    advice = diagnose("sigmoid", x=x, dout=x * 1e-9).findings[0].advice
    assert "1.846/√fan_in" in advice
    assert "4.723/√fan_out" in advice
    assert "no initial weights keep both" in advice
    assert "keep both" not in diagnose("tanh", x=x, dout=x * 1e-9).findings[0].advice
    assert diagnose("tanh", x=x, dout=x * np.nan).units.norms == pytest.approx(
        (np.nan, np.nan), nan_ok=True
    )


def test_dx_may_stand_for_dout() -> None:
    x, dout = normal(400, 8), normal(400, 8, seed=1)
    dout[3] = 0
    dx = np.where(x > 0, dout, 0)
    computed, given = (diagnose("relu", x=x, **more) for more in ({"dout": dout}, {"dx": dx}))
    assert given.units.norms == (None, computed.units.norms[1])
    assert given.units.gradient.tolist() == computed.units.gradient.tolist()
    assert list(rules(diagnose("relu", x=x, dx=0 * dx))) == ["vanishing-gradient"]
    halves = diagnose("gelu", x=x, dout=dout, dx=dx * 2).units
    assert halves.norms == (computed.units.norms[0], 2 * computed.units.norms[1])


def test_the_histogram_of_the_slopes() -> None:
    x = normal(500, 4)
    relu = diagnose("relu", x=x).units.histogram("slopes")
    assert [relu[0][2], relu[-1]] == [(x <= 0).sum(), (0.5, 2, (x > 0).sum())]
    tanh = diagnose("tanh", x=x).units.histogram("slopes")
    slope = 1 - np.tanh(x.astype(np.float64)) ** 2
    assert tanh[-1] == (0.5, 2, (slope >= 0.5).sum())
    assert sum(count for *_, count in tanh) == x.size


def test_constant_duplicate_and_dormant_units_are_named() -> None:
    x, dout = normal(300, 10), normal(300, 10, seed=1)
    x[:, [1, 2]], x[:, [5, 6]] = 0.25, x[:, [0, 0]]
    dout[:, [8, 9]] *= 1e-4
    assert rules(diagnose("tanh", x=x, dout=dout)) == {
        "constant-units": [1, 2],
        "duplicate-units": [5, 6],
        "dormant-units": [8, 9],
    }


def test_the_first_place_that_is_not_finite() -> None:
    x = normal(700, 1100)
    x[600, 5], x[650, 7] = np.nan, -np.inf
    diagnosis = diagnose("relu", x=x)
    assert rules(diagnosis) == {"not-finite": [5, 7]}
    assert "the first at x[600, 5]" in diagnosis.findings[0].message
    assert diagnosis.units.samples.tolist() == [700] * 1100
    np.testing.assert_allclose(diagnosis.units.mean[5], np.nanmean(x[:, 5]), rtol=1e-6)


def test_few_samples_are_not_judged() -> None:
    diagnosis = diagnose("relu", x=-np.ones((3, 4)))
    assert "dead-units" not in rules(diagnosis)
    assert (diagnosis.note or "").endswith("20 samples are needed; a unit has 3")


def test_huge_numbers_are_left_out_of_the_moments() -> None:
    x = normal(60, 2, dtype=np.float64)
    x[7, 1] = 1e300
    diagnosis = diagnose("tanh", x=x)
    assert rules(diagnosis) == {}
    assert diagnosis.units.high.tolist()[1] < 10
    assert diagnosis.units.samples.tolist() == [60, 60]


def test_what_has_no_finite_number_is_judged_without_a_warning() -> None:
    for value in (np.nan, np.inf, 1e300):
        found_rules = rules(diagnose("relu", x=np.full((40, 3), -value), dout=np.ones((40, 3))))
        assert "not-finite" in found_rules or value == 1e300


def test_truth_values_are_no_duplicates() -> None:
    assert rules(diagnose("relu", x=(normal(200, 30) > 0).astype(float))) == {}


def numbers(diagnosis: Diagnosis) -> list[list[float]]:
    """Everything that is counted and summed."""
    units = diagnosis.units
    arrays = [units.mean, units.variance, units.slope, units.slope_square, units.gradient]
    counts = [count.tolist() for count in units.counts.values()]
    bins = [list(counted) for counted in units.histogram()]
    return [*(array.tolist() for array in arrays), *counts, [*units.norms], *bins]


@pytest.mark.parametrize("shape", [(5000, 3), (31, 5, 7, 9), (3, 4, 11000), (2, 1300, 40)])
@pytest.mark.parametrize("spec", ["relu", "gelu"])
def test_the_layout_changes_no_bit(shape: tuple[int, ...], spec: str) -> None:
    x, dout = normal(*shape), normal(*shape, seed=1)
    axis = 1
    expected = numbers(diagnose(spec, axis, x=x, dout=dout))
    rows = [np.moveaxis(a, axis, -1).reshape(-1, shape[axis]) for a in (x, dout)]
    assert numbers(diagnose(spec, x=rows[0].copy(), dout=rows[1].copy())) == expected
    columns = [np.asfortranarray(array) for array in (x, dout)]
    assert numbers(diagnose(spec, axis, x=columns[0], dout=columns[1])) == expected


class FromFile(MemoryArray):
    """An array that any process may read."""

    in_file = True


def test_processes_change_no_bit(forked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)
    arrays = [np.tile(normal(250, 513, seed=seed), (8, 1)) for seed in (0, 1)]
    arrays[0][1700, 5], arrays[0][1990, 6] = np.nan, np.inf
    sources = dict(zip(("x", "dout"), map(FromFile, arrays), strict=True))
    alone, shared = (
        diagnose_layer(layer("relu"), [sources], threads=threads) for threads in (1, 3)
    )
    assert len(forked) == 2
    assert forked.are_gone
    assert numbers(shared) == numbers(alone)
    assert shared.findings == alone.findings


@pytest.mark.parametrize("samples", [255, 256, 257, 512])
def test_units_that_are_stopped_in_every_sample(samples: int) -> None:
    x = np.full((samples, 3), -1, np.float32)
    assert diagnose("relu", x=x).units.counts["stopped"].tolist() == [samples] * 3


def test_large_units_are_read_in_parts() -> None:
    x = normal(2, 3, 1 << 20)
    diagnosis = diagnose("relu", 1, x=x)
    flat = x.astype(np.float64).swapaxes(0, 1).reshape(3, -1)
    np.testing.assert_allclose(diagnosis.units.std, flat.std(axis=1), rtol=1e-12)
    assert diagnosis.units.counts["stopped"].tolist() == (flat <= 0).sum(axis=1).tolist()


def test_what_does_not_fit_is_refused() -> None:
    x = normal(4, 4)
    with pytest.raises(ShapeError, match="softmax works along an axis"):
        diagnose("softmax", x=x)
    with pytest.raises(ShapeError, match=r"dout has shape \(3, 4\), but x has \(4, 4\)"):
        diagnose("relu", x=x, dout=x[:3])
    with pytest.raises(ShapeError, match="there is no axis 2"):
        diagnose("relu", 2, x=x)
    with pytest.raises(ShapeError, match="no sample"):
        diagnose("relu", x=x[:0])


def test_arrays_of_dask_give_what_numpy_gives() -> None:
    x, dout = normal(90, 12), normal(90, 12, seed=1)
    whole = actgrad.diagnose("tanh", x, dout)
    assert numbers(whole) == numbers(diagnose("tanh", x=x, dout=dout))
    dask = pytest.importorskip("dask.array")
    chunked = dask.from_array(x, chunks=(25, 5)), dask.from_array(dout, chunks=(90, 3))
    blocks = actgrad.diagnose(actgrad.Tanh(), *chunked)
    assert numbers(blocks) == numbers(whole)
    assert blocks.shapes == [(25, 12), (25, 12), (25, 12), (15, 12)]


@pytest.mark.parametrize("spec", ["relu", "tanh"])
def test_saved_statistics_give_the_diagnosis_of_the_arrays(spec: str, tmp_path: Path) -> None:
    x, dout = normal(3000, 5), normal(3000, 5, seed=1)
    x[:, 2] -= 10
    x[7, 3] = np.nan
    sources = {"x": MemoryArray(x), "dout": MemoryArray(dout)}
    chain = chain_of([spec])
    whole = diagnose_layer(chain, [sources], name="a", step=4)
    file = tmp_path / "s.safetensors"
    saved = run_statistics(chain, sources)
    save_statistics(file, {"a": saved, "a/b": saved})
    assert file.stat().st_size < 30_000
    again = diagnose_runs(chain, [load_statistics(file, "a")], name="a", step=4)
    assert numbers(again) == numbers(whole)
    assert again.findings == whole.findings
    assert again._replace(units=whole.units) == whole
    with pytest.raises(ActgradError, match="holds no statistics of b"):
        load_statistics(file, "b")


def test_statistics_with_a_place_that_no_histogram_has_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.safetensors"
    save_statistics(
        file, {"a": run_statistics(chain_of(["relu"]), {"x": MemoryArray(normal(30, 2))})}
    )
    data = bytearray(file.read_bytes())
    begin = 8 + int.from_bytes(data[:8], "little")
    start, _ = json.loads(data[8:begin])["a/histograms"]["data_offsets"]
    data[begin + start : begin + start + 8] = (1000).to_bytes(8, "little")
    file.write_bytes(data)
    with pytest.raises(ActgradError, match="holds no statistics of a"):
        load_statistics(file, "a")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sums", np.negative),
        ("sums", lambda sums: sums[..., None]),
        ("first_not_finite", np.float64),
        ("counts", np.ravel),
    ],
)
def test_statistics_of_another_form_are_refused(name: str, change: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.safetensors"
    sources = {"x": MemoryArray(normal(30, 2)), "dout": MemoryArray(normal(30, 2))}
    save_statistics(file, {"a": run_statistics(chain_of(["relu"]), sources)})
    arrays = load_file(file)
    save_file({**arrays, f"a/{name}": change(arrays[f"a/{name}"])}, file, {"a": "x C float64"})
    with pytest.raises(ActgradError, match="holds no statistics of a"):
        load_statistics(file, "a")


@pytest.mark.parametrize("spec", ["relu", "relu6", "gelu", "thresholded_relu"])
def test_the_histogram_of_out_counts_the_finite_numbers_of_out(spec: str) -> None:
    x = 4 * np.random.default_rng(8).standard_normal((300, 8)).astype(np.float32)
    x[3, 2], x[4, 3] = np.nan, -np.inf
    layer = chain_of([spec])
    units = diagnose_layer(layer, [{"x": MemoryArray(x)}]).units
    with np.errstate(invalid="ignore"):
        out = layer.forward(x)
    for name, numbers in (("histogram", x), ("outs", out)):
        sign = np.where(np.signbit(numbers), -1, 1)
        for low, high, count in units.histogram(name):
            near, far, side = (low, high, 1) if high > 0 else (-high, -low, -1)
            size = np.abs(numbers)
            assert count == ((near <= size) & (size < far) & (sign == side)).sum()
        total = sum(count for *_, count in units.histogram(name))
        assert total == np.isfinite(numbers).sum()
