"""The texts that name a layer in Python code, and what an error says to write instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actgrad.layers import ActgradError, LayerImportError
from actgrad.layers.check import layers_in, load_subject

SOURCE = """
import abc

class Base:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        '''By subclasses.'''
        raise NotImplementedError

class Scale(Base):
    def __init__(self, k, shift=0):
        self.k = k
    def forward(self, x):
        return x * self.k
    def backward(self, dout):
        return dout * self.k

class Doubled(Scale):
    def __init__(self):
        self.k = 2

class _Private(Doubled):
    pass

class Abstract(abc.ABC):
    @abc.abstractmethod
    def forward(self, x): return x
    backward = forward

def cube_forward(x): return x ** 3
def cube_backward(x, dout): return 3 * x ** 2 * dout
def relu_forward(x): return x, x
def relu_backward(dout, cache): return dout
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(SOURCE)
    return str(tmp_path / "mine.py")


def hint(text: str) -> str:
    with pytest.raises(ActgradError) as caught:
        load_subject(text)
    return caught.value.hint or ""


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("{}:Scale(3)", "write {}:Scale:k=3"),
        ("{}:Scale(3, shift=-1)", "write {}:Scale:k=3,shift=-1"),
        ("{}:Doubled()", "write {}:Doubled"),
        ("{}::Doubled", "write {}:Doubled"),
        ("{}:Scale", "write {}:Scale:k=VALUE"),
        ("{}:Scale:shift=1", "write {}:Scale:shift=1,k=VALUE"),
        ("{}:Scale:3", "write {}:Scale:k=3"),
        ("{}:Scale:k=1,bias=2", "its parameters are k, shift"),
        ("{}:Scael", "did you mean Scale? its layers are Scale Doubled cube_forward,cube_backward"),
        ("{}:Nothing", "its layers are Scale Doubled cube_forward,cube_backward"),
        ("{}", "write {}:Scale or {}:Doubled or {}:cube_forward,cube_backward"),
    ],
)
def test_an_error_says_what_to_write_instead(file: str, text: str, instead: str) -> None:
    assert hint(text.replace("{}", file)) == instead.replace("{}", file)


def test_a_file_that_replaces_a_function_of_numpy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lay.py").write_text("import numpy as np\nclass Relu:\n    w = np.ones = 3\n")
    with pytest.raises(LayerImportError, match=r"lay\.py replaces the function numpy\.ones"):
        load_subject(f"{tmp_path}/lay.py:Relu")
    assert np.ones(1) == 1


def test_a_relative_import_has_the_name_of_the_module_as_its_hint(tmp_path: Path) -> None:
    folder = tmp_path / "pkg" / "sub"
    folder.mkdir(parents=True)
    for inner in (folder, folder.parent):
        (inner / "__init__.py").touch()
    (folder / "lay.py").write_text("from . import other\n")
    assert hint(f"{folder}/lay.py:Relu").endswith(f"write pkg.sub.lay:Relu, in {tmp_path}")


def test_the_layers_of_a_file_and_of_a_folder_are_those_with_forward_and_backward(
    file: str, tmp_path: Path
) -> None:
    expected = [f"{file}:{name}" for name in ("Scale", "Doubled", "cube_forward,cube_backward")]
    assert layers_in(file) == expected
    (tmp_path / "setup.py").write_text("raise SystemExit('not to be run')\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.py").write_text(SOURCE.replace("class Base", "class Root(Unknown)"))
    assert layers_in(str(tmp_path))[3:] == expected
    assert len(layers_in(str(tmp_path))) == 6


def test_a_file_that_is_no_python_hides_no_layer_beside_it(file: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("x = (")
    assert set(layers_in(str(tmp_path))) == {*layers_in(file), str(broken)}
    with pytest.raises(ActgradError, match=r"broken\.py:1 is no Python"):
        load_subject(str(broken))


@pytest.mark.parametrize(
    ("source", "message"),
    [("x = (", r"mine\.py:1 is no Python"), ("x = 1", r"mine\.py holds no layer")],
)
def test_a_file_without_layers_is_refused(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(ActgradError, match=message):
        layers_in(str(tmp_path / "mine.py"))
    with pytest.raises(ActgradError, match="no such file"):
        layers_in(str(tmp_path / "nowhere"))


def test_modules_of_pytorch_and_functions_of_jax_are_layers_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "frameworks.py").write_text(
        """
class Swish(nn.Module):
    def __init__(self, beta=1.0): ...
    def forward(self, x): return x

class Linear(nn.Module):
    def __init__(self, features): ...
    def forward(self, x): return x

class Attention(torch.nn.Module):
    def forward(self, q, k): return q

class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x
    @staticmethod
    def backward(ctx, dout): return dout

@jax.custom_vjp
def softplus(x): return x

@jax.jit
def other(x): return x
"""
    )
    file = str(tmp_path / "frameworks.py")
    assert layers_in(file) == [f"{file}:{name}" for name in ("Swish", "Clip", "softplus")]
