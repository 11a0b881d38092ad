"""The pytest plugin: fixtures that check a layer or verify a kernel, and a marker for many layers.

pytest imports this file at every start, so it imports actgrad only where a test uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actgrad.layers import Report, Verification

MARKER = (
    'actgrad(*layers, dtypes=("float32",)): run a test for each layer of the catalogue, or for each'
    " of the named ones, and for each dtype: the arguments `layer` and `dtype`"
)
#: How many numbers a kernel is verified at, as the command does.
COUNT = 10_000
#: The imports without which NumPy has no bfloat16 and no 8-bit floats.
NARROW = "import ml_dtypes, numpy as np"


def pytest_configure(config: pytest.Config) -> None:
    """State the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test that has the marker over layers and dtypes."""
    marker = metafunc.definition.get_closest_marker("actgrad")
    if marker is None:
        return
    if "layer" in metafunc.fixturenames:
        metafunc.parametrize("layer", marker.args or [*_catalogue()])
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize("dtype", marker.kwargs.get("dtypes", ("float32",)))


@pytest.fixture(name="check_layer")
def _check_layer() -> Callable[..., Report]:
    """`actgrad.check_layer`, whose findings are the test's failure; it returns the report.

    >>> def test_swish(check_layer):
    ...     check_layer("my_layers.py:Swish", strict=True)
    """
    import actgrad

    def check(layer: Any, *arguments: Any, **options: Any) -> Report:
        __tracebackhide__ = True
        try:
            return actgrad.check_layer(layer, *arguments, **options)
        except actgrad.CheckFailedError as error:
            message = str(error)
        pytest.fail(message, pytrace=False)

    return check


@pytest.fixture(name="verify_kernel")
def _verify_kernel() -> Callable[..., Verification]:
    """A function that runs a kernel and measures its error in ULP; it returns the verification.

    verify_kernel(layer, kernel, dtype="float32", x=None, every=False, **policy). The kernel is a
    text as the option of `actgrad verify` takes it, or a function, class or module of NumPy,
    PyTorch or JAX. Without x it runs at a sample of the layer, or at `every` number of the dtype.
    The other arguments are those of `actgrad.Policy`.

    >>> def test_silu(verify_kernel):
    ...     verify_kernel("silu", my_kernels.silu, "bfloat16", every=True, max_ulp=1)
    """

    def verify(
        layer: str,
        kernel: Any,
        dtype: str = "float32",
        x: Any = None,
        every: bool = False,
        **limits: Any,
    ) -> Verification:
        import numpy as np

        from actgrad.layers import Policy, chain_of
        from actgrad.layers.arrays import named
        from actgrad.layers.frameworks import target_of
        from actgrad.layers.survey import default_dout, default_x, named_target, verify_kernel
        from actgrad.layers.verify import every_number

        __tracebackhide__ = True
        chain, precision = chain_of([layer]), named(dtype)
        if x is not None:
            points = np.asarray(x).astype(precision)
        else:
            points = every_number(precision) if every else default_x(chain, precision, COUNT)
        points = points.ravel() if chain.is_elementwise else points.reshape(-1, points.shape[-1])
        if isinstance(kernel, str):
            target = named_target(kernel, chain)
        else:
            target = target_of(getattr(kernel, "__name__", type(kernel).__name__), kernel)
        dout = default_dout(chain, points)
        verification, run = verify_kernel(chain, target, points, dout, Policy(**limits))
        if not verification.ok:
            opening = _opening(layer, kernel, dtype) if chain.is_elementwise else None
            lines = [verification.summary, *_failures(verification, opening), f"run: {run}"]
            pytest.fail("\n".join(lines), pytrace=False)
        return verification

    return verify


def _catalogue() -> Iterator[str]:
    """The layers of the catalogue whose parameters all have defaults."""
    from actgrad.layers import catalogue

    for cls in catalogue():
        if all(parameter.default is not None for parameter in cls.parameters.values()):
            yield cls.name


def _failures(verification: Verification, opening: str | None) -> Iterator[str]:
    """For each result that fails: its likely cause, and the lines that show its worst element.

    The lines begin with the `opening`; without it there are none.
    """
    for name, tally in verification.tallies.items():
        if not tally.failed:
            continue
        likely = verification.likely_causes.get(name)
        yield f"  {name}: {f'likely cause: {likely.cause}' if likely else 'no known cause'}"
        for element in verification.worst(name, 1) if opening else ():
            x = repr(element.x) if isfinite(element.x) else f"float('{element.x}')"
            yield f"    {opening}"
            given = f"x = np.array([{x}], {verification.dtype!r})"
            yield f"    {given}; result = run(x, np.ones_like(x))"
            yield f"    result.{name}[0]  # {element.got:.9g}, not {element.nearest:.9g}"


def _opening(layer: str, kernel: Any, dtype: str) -> str:
    """The line of imports that defines `run` for a kernel."""
    module, name = getattr(kernel, "__module__", None), getattr(kernel, "__name__", "")
    imports = "import numpy as np" if dtype in {"float32", "float64", "float16"} else NARROW
    if isinstance(kernel, str):
        imports += "; from actgrad.layers import chain_of"
        imports += "; from actgrad.layers.survey import named_target"
        return f"{imports}; run = named_target({kernel!r}, chain_of([{layer!r}])).run"
    imports += "; from actgrad.layers.frameworks import target_of"
    if module is None or not name.isidentifier():
        return f"{imports}; run = target_of('kernel', kernel).run"
    return f"{imports}; from {module} import {name}; run = target_of({name!r}, {name}).run"
