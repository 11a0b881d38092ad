"""The report on the textbook's layers, the catalogue's, and layers that cannot be examined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actgrad.layers import (
    ActgradError,
    CheckFailedError,
    Layer,
    Relu,
    Report,
    ShapeError,
    catalogue,
    check_layer,
)
from actgrad.layers.check import examine, load_subject


class TextbookRelu:
    def forward(self, x: Any) -> Any:
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout: Any) -> Any:
        dout[self.mask] = 0
        dx = dout
        return dx  # noqa: RET504 — as the book has it


class TextbookSigmoid:
    def forward(self, x: Any) -> Any:
        out = 1 / (1 + np.exp(-x))
        self.out = out
        return out

    def backward(self, dout: Any) -> Any:
        return dout * (1.0 - self.out) * self.out


def failed(layer: Any, *args: Any, **options: Any) -> Report:
    with pytest.raises(CheckFailedError) as caught:
        check_layer(layer, *args, **options)
    return caught.value.report


def names(report: Report) -> list[str]:
    return [finding.name for finding in report.findings]


def test_the_textbooks_relu_only_writes_into_dout() -> None:
    report = failed(TextbookRelu)
    assert names(report) == ["writes-into-dout"]
    assert "and returns it" in report.findings[0].message
    assert check_layer(TextbookRelu, ignore=["writes-into-dout"]).findings == ()


def test_the_textbooks_sigmoid_only_overflows_and_loses_gradients() -> None:
    report = check_layer(TextbookSigmoid)
    assert names(report) == ["numpy-warning", "lost-gradient"]
    assert report.errors == ()
    lost = check_layer(TextbookSigmoid, dtype="float32").findings[1]
    assert lost.where is not None
    assert (lost.where.got, lost.where.x) == (0.0, 17.5)
    assert lost.where.expected == pytest.approx(np.exp(-17.5), rel=1e-6)
    assert names(failed(TextbookSigmoid, strict=True)) == names(report)


#: Layers of each kind, which have coverage measured; the others run the same code.
MEASURED = {"relu", "sigmoid", "softmax", "swiglu", "bent_identity"}


@pytest.mark.parametrize(
    "cls",
    [
        pytest.param(cls, id=cls.name, marks=() if cls.name in MEASURED else pytest.mark.no_cover)
        for cls in catalogue()
        if all(p.default is not None for p in cls.parameters.values())
    ],
)
def test_every_layer_of_the_catalogue_passes_without_a_finding(cls: type[Layer]) -> None:
    assert check_layer(cls.name).findings == ()


def test_the_gradient_at_a_kink_is_a_note_and_no_finding() -> None:
    class Half(TextbookRelu):
        def backward(self, dout: Any) -> Any:
            return np.where(self.x == 0, dout / 2, np.where(self.mask, 0, dout)).astype(dout.dtype)

        def forward(self, x: Any) -> Any:
            self.x = x.copy()
            return super().forward(x)

    (kink,) = check_layer(Half).kinks
    assert (kink.at.x, kink.at.left, kink.at.right, kink.gradient) == (0, 0, 1, 0.5)
    assert "between the two derivatives" in str(kink)


def test_a_formula_reveals_a_consistent_layer_of_another_function() -> None:
    check_layer("leaky_relu")
    assert "wrong-value" in names(failed("leaky_relu", formula="relu"))
    ulp = check_layer(TextbookSigmoid, formula="sigmoid").ulp
    assert ulp["float64"][1] > 1e10


def test_only_the_given_x_is_checked() -> None:
    class AboveFive(TextbookRelu):
        def backward(self, dout: Any) -> Any:
            return np.where(self.mask, 0, dout * (1 + self.far)).astype(dout.dtype)

        def forward(self, x: Any) -> Any:
            self.far = x > 5
            return super().forward(x)

    assert check_layer(AboveFive, [[1.0, -2.0], [0.0, 3.0]]).points == 4
    report = failed(AboveFive, [[1.0, -2.0], [0.0, 7.0]])
    assert report.findings[0].where is not None
    assert report.findings[0].where.x == 7


@pytest.mark.parametrize("x", [1.0, [2.0], [[1.0, -2.0]], [[1.0], [-2.0]]])
def test_an_x_of_few_numbers_has_no_finding(x: Any) -> None:
    assert check_layer("relu", x).findings == ()
    assert not np.ndim(x) or check_layer("softmax", x).findings == ()


@pytest.mark.parametrize("x", [[1e308, -1e308], [1.7e308, 5e-324, -1.7e308]])
def test_numbers_whose_distance_overflows_are_checked(x: list[float]) -> None:
    report = check_layer("sparse_sigmoid", x)
    assert (report.points, report.findings) == (len(x), ())


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_kink_among_given_numbers_of_a_narrow_dtype_is_found(dtype: str) -> None:
    x = np.random.default_rng(1).normal(0, 4, 500).astype(dtype)
    (kink,) = check_layer((lambda x: np.maximum(x, 0), lambda x, dout: dout * (x > 0)), x).kinks
    assert (kink.at.x, kink.at.jump) == (0, 0)


def test_a_layer_may_be_an_object_or_two_functions() -> None:
    layer = Relu()
    layer.forward([1.0])
    assert check_layer(layer).layer == "relu"
    assert layer.mask.shape == (1,)
    assert check_layer((np.sin, lambda x, dout: np.cos(x) * dout)).ok


class Softmax:
    """As frameworks have it, and right at ±inf."""

    def forward(self, x: Any) -> Any:
        most = x.max(axis=-1, keepdims=True)
        e = np.exp(np.where(x == most, 0, x - most))
        self.out = e / e.sum(axis=-1, keepdims=True)
        return self.out.copy()

    def backward(self, dout: Any) -> Any:
        return self.out * (dout - (dout * self.out).sum(axis=-1, keepdims=True))


class Diagonal(Softmax):
    def backward(self, dout: Any) -> Any:
        return dout * self.out * (1 - self.out)


class Doubled(Softmax):
    def forward(self, x: Any) -> Any:
        return super().forward(2 * x)

    def backward(self, dout: Any) -> Any:
        return 2 * super().backward(dout)


class OtherAxis(Softmax):
    def backward(self, dout: Any) -> Any:
        return self.out * (dout - (dout * self.out).sum(axis=0, keepdims=True))


class Unshifted(Softmax):
    def forward(self, x: Any) -> Any:
        self.out = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
        return self.out.copy()


class Elementwise(TextbookSigmoid):
    pass


def test_a_right_layer_along_an_axis_has_the_ulp_of_its_formula() -> None:
    report = check_layer(Softmax, formula="softmax")
    assert report.errors == ()
    assert set(report.ulp) == {"float64", "float32", "float16"}
    # A saturated gradient is the difference of terms as large as dout: its digits are gone.
    assert names(report) == ["lost-gradient"]
    assert check_layer(Softmax, [[1.0, -2.0, 0.5]], formula="softmax").findings == ()


@pytest.mark.measured(2)
@pytest.mark.parametrize(
    ("layer", "finding"),
    [
        (Diagonal, "wrong-gradient"),
        (OtherAxis, "wrong-gradient"),
        (Doubled, "wrong-value"),
        (Unshifted, "not-finite"),
        (Elementwise, "wrong-value"),
    ],
)
def test_a_formula_reveals_a_wrong_layer_along_an_axis(layer: Any, finding: str) -> None:
    assert finding in names(failed(layer, formula="softmax"))


def test_a_layer_for_matrices_or_float32_only_is_checked_there_with_a_note() -> None:
    class Matrices(TextbookSigmoid):
        def forward(self, x: Any) -> Any:
            rows, columns = x.shape
            return super().forward(x).reshape(rows, columns)

    class Singles(TextbookSigmoid):
        def forward(self, x: Any) -> Any:
            if x.dtype != np.float32:
                raise TypeError("float32 only")
            return super().forward(x)

    notes = check_layer(Matrices).notes
    assert "it raises an exception on x of shape (6,)" in notes
    assert not any("(4, 6)" in note for note in notes)
    report = check_layer(Singles)
    assert report.dtypes == ("float32",)
    assert report.notes[0].startswith("not checked in float64: Singles: forward of shape")
    assert "TypeError: float32 only" in report.notes[0]


def test_a_note_says_that_forward_hides_nan() -> None:
    class Hides(TextbookRelu):
        def forward(self, x: Any) -> Any:
            self.mask = ~(x > 0)
            return np.where(self.mask, 0, x).astype(x.dtype)

    note = "forward hides nan: nan in x makes out 0, and dx 0"
    assert note in check_layer(Hides, ignore=["writes-into-dout"]).notes
    assert check_layer("relu").notes == ()


def test_the_opening_defines_what_the_examples_need() -> None:
    report = check_layer("relu", ignore=["writes-into-dout"])
    assert report.opening.startswith("import numpy as np; from actgrad.layers import layer")
    narrow = failed(TextbookRelu, dtype="bfloat16")
    assert "import ml_dtypes; " in narrow.opening
    assert "# the TextbookRelu that was given" in failed(TextbookRelu()).opening


def test_a_missing_limit_and_a_true_overflow_are_no_findings() -> None:
    assert check_layer((np.sin, lambda x, dout: np.cos(x) * dout)).findings == ()
    assert check_layer((np.exp, lambda x, dout: np.exp(x) * dout)).findings == ()
    assert check_layer((np.log, lambda x, dout: dout / x)).ok


def test_refused_shapes_are_noted() -> None:
    class Picky(TextbookSigmoid):
        def forward(self, x: Any) -> Any:
            if not x.ndim or not x.size:
                raise ValueError("no")
            return super().forward(x)

    report = check_layer(Picky)
    assert [note[-2:] for note in report.notes] == ["()", ",)"]


@pytest.mark.parametrize(
    ("text", "spec", "message"),
    [
        ("x = 1 +", "Layer", r"cannot be imported: .*layer\.py:1: SyntaxError"),
        ("\nimport nothing_such", "Layer", r"layer\.py:2: ModuleNotFoundError"),
        ("raise SystemExit", "Layer", r"layer\.py:1: SystemExit"),
        ("class Laye: pass", "Layer", r"has no Layer$"),
        ("class Layer: pass", "Layer", "has no forward"),
        ("class Layer:\n def __init__(self, a): 1 / a", "Layer", "missing 1 required"),
        ("class Layer:\n def __init__(self, a): 1 / a", "Layer:a=0", r"py:2: ZeroDivisionError"),
        ("def f(x):\n return x[99]\nb = f", "f,b", r"forward of .*layer\.py:2: IndexError"),
        ("f = str\ndef b(x, d): return d", "f,b", "forward gave str, which is no array"),
        ("f = abs\ndef b(x, d): pass", "f,b", "backward gave NoneType, which is no array"),
    ],
)
def test_an_error_in_a_layer_is_reported_with_file_and_line(
    tmp_path: Path, text: str, spec: str, message: str
) -> None:
    (tmp_path / "layer.py").write_text(text)
    with pytest.raises(ActgradError, match=message):
        check_layer(f"{tmp_path}/layer.py:{spec}")


def test_parameters_reach_the_constructor(tmp_path: Path) -> None:
    source = "class L:\n def __init__(s, k, n='a'): s.k = {'a': 1, 'b': 2}[n] * k\n"
    source += " def forward(s, x): return x * x.dtype.type(s.k)\n backward = forward\n"
    (tmp_path / "linear.py").write_text(source)
    assert check_layer(f"{tmp_path}/linear.py:L:k=2,n=b").ok
    assert check_layer("actgrad.layers:LeakyRelu:negative_slope=0.3").ok


def test_a_softmax_of_infinite_lines_is_a_convention_with_a_formula_too() -> None:
    class Softmax:
        def forward(self, x: Any) -> Any:
            top = x.max(-1, keepdims=True)
            e = np.exp(x - np.where(np.isinf(top), 0, top))
            self.y = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)
            return self.y.copy()

        def backward(self, dout: Any) -> Any:
            return self.y * (dout - (dout * self.y).sum(-1, keepdims=True))

    report = check_layer(Softmax, formula="softmax")
    elsewhere = "softmax in PyTorch, JAX and SciPy gives nan"
    assert f"out is 0 for a line of -inf only; {elsewhere}" in report.notes
    assert f"out is nan for a line that holds +inf; {elsewhere}, too" in report.notes


def test_what_backward_keeps_for_itself_is_said_to_be_unchecked() -> None:
    class Scale(TextbookSigmoid):
        weight = 2.0

        def backward(self, dout: Any) -> Any:
            self.dweight = float((dout * self.out).sum())
            return super().backward(dout)

    assert "not checked: dweight, which backward keeps" in check_layer(Scale).notes
    assert not check_layer(TextbookSigmoid).notes


def test_a_convention_at_a_kink_has_no_error_in_ulp() -> None:
    half = (
        lambda x: np.maximum(x, 0),
        lambda x, dout: dout * np.heaviside(x, 0.5).astype(dout.dtype),
    )
    assert check_layer(half, formula="relu").ulp["float64"] == (0, 0)


def test_an_x_without_elements_is_refused() -> None:
    with pytest.raises(ShapeError, match="x has no elements"):
        check_layer("relu", np.array([]))


@pytest.mark.parametrize("x", [np.nan, [-np.inf, np.nan], 1e300])
def test_an_x_without_a_finite_number_is_refused(x: Any) -> None:
    with pytest.raises(ActgradError, match="x has no finite number"):
        check_layer("softmax" if np.ndim(x) else "relu", x, dtype="float16")


def test_the_elements_that_are_not_finite_are_said_to_be_unchecked() -> None:
    report = check_layer("relu", [np.nan, 1.0, np.inf])
    assert "not checked: 2 of 3 elements of x, which are nan or infinite" in report.notes
    assert report.points == 1


class RowSums:
    """It adds the columns of x, which has 5 of them, without the last row's share."""

    def forward(self, x: Any) -> Any:
        assert x.shape[1] == 5
        return x.sum(axis=1)

    def backward(self, dout: Any) -> Any:
        dx = np.repeat(dout[:, None], 5, axis=1)
        dx[-1] = 0
        return dx


def test_a_large_x_is_checked_in_part() -> None:
    x = np.linspace(-9, 9, 1 << 20, dtype=np.float32)
    x[7] = 700
    report = check_layer("sigmoid", x)
    assert report.points < 1 << 17
    assert "x is checked in part: 65536 of 1048576 elements" in " ".join(report.notes)
    report = check_layer("softmax:axis=0", x.reshape(1024, -1))
    assert report.points == 8 * 1024
    assert any("8 of 1024 places along axis 0" in note for note in report.notes)
    # Its lines are too long for the exact values: nothing is claimed of its error.
    assert check_layer("swiglu", x).ulp == {}
    report = examine(load_subject(RowSums), x[: 5 << 14].reshape(-1, 5))
    assert "wrong-gradient" in [each.name for each in report.errors]


def test_a_part_that_the_layer_refuses_is_not_taken() -> None:
    class Halves:
        """It takes rows of 20,000 numbers only."""

        def forward(self, x: Any) -> Any:
            assert x.shape[-1] == 20_000
            return x.reshape(*x.shape[:-1], 2, -1).sum(-2)

        def backward(self, dout: Any) -> Any:
            return np.concatenate([dout, dout], axis=-1)

    report = check_layer(Halves, np.linspace(-3, 3, 80_000).reshape(4, -1))
    (note,) = report.notes
    assert note.endswith("is checked in part: 2 of 4 places along axis 0, evenly spaced")
    with pytest.raises(ActgradError, match=r"of shape \(2, 30000\)"):
        check_layer(Halves, np.linspace(-3, 3, 60_000).reshape(2, -1))


def test_a_slope_that_overflows_is_not_held_against_linearity() -> None:
    assert check_layer("celu:alpha=-0.1", dtype="float16").findings == ()
