"""What `import actgrad` gives: every documented name, and nothing heavy before it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

import actgrad
from actgrad.layers import errors


@pytest.mark.parametrize("name", [*actgrad.layers.__all__, "diagnose", "verify"])
def test_every_name_of_the_api_is_there(name: str) -> None:
    assert getattr(actgrad, name).__doc__
    assert name in dir(actgrad)


def test_every_exception_is_in_one_tree_and_in_the_api() -> None:
    tree = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]
    for cls in tree:
        assert issubclass(cls, actgrad.ActgradError)
        assert getattr(actgrad, cls.__name__) is cls
        assert cls.__name__ in (errors.__doc__ or "")


def test_a_name_that_it_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'actgrad' has no attribute 'relu'"):
        _ = actgrad.relu


def test_what_it_uses_itself_is_not_listed() -> None:
    assert not {"Any", "TYPE_CHECKING", "annotations"} & set(dir(actgrad))


def test_importing_it_imports_no_numpy() -> None:
    code = "import sys, actgrad; actgrad.__version__; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "actgrad", "--version"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert actgrad.__version__ in printed


def test_verify_compares_arrays_of_any_shape() -> None:
    x = np.linspace(-4, 4, 24, dtype=np.float32).reshape(2, 3, 4)
    for spec in ("gelu", "softmax:axis=1", "glu:axis=-1"):
        layer = actgrad.layer(spec)
        out = layer.forward(x)
        dout = np.cos(out)
        dx = layer.backward(dout)
        assert actgrad.verify(layer, x, out=out, dx=dx, dout=dout).ok
        wrong = out + np.float32(0.01)
        assert not actgrad.verify(spec, x, out=wrong).ok


def test_verify_says_which_array_does_not_fit() -> None:
    x = np.ones((2, 4), np.float32)
    with pytest.raises(actgrad.ShapeError, match=r"out has shape \(2,\), but must have \(2, 2\)"):
        actgrad.verify("glu", x, out=np.ones(2, np.float32))
    with pytest.raises(actgrad.DtypeError, match="dx is of dtype float64, but x is of float32"):
        actgrad.verify("relu", x, dx=np.ones((2, 4)))
    both = actgrad.Chain([actgrad.layer("softmax"), actgrad.layer("softmax:axis=0")])
    with pytest.raises(actgrad.ShapeError, match="works along several axes"):
        actgrad.verify(both, x, out=x)
