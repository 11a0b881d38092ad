"""How far each layer is from the truth, beside PyTorch's and JAX's where they are installed.

    python tests/benchmarks/accuracy.py [--dtype float32] [--count 200000] [LAYER…]

Prints a table: for every elementwise layer, as the command line names it, the largest error of out
and of dx, for dout = 1, in ULP of the dtype, over at least that many values: every binade of both
signs, subnormals, kinks and roots and their neighbours, where functions saturate, and the middle.
What the frameworks lack is left empty; with 200,000 values the table takes half an hour.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from actgrad.layers import AlongAxis, catalogue, find, layer
from actgrad.layers.activations import names_elsewhere
from actgrad.layers.exact.values import exact
from actgrad.layers.formula import trace

#: Kinks, roots of values and of slopes, and where functions saturate.
TELLING = (
    *(0.01, 0.25, 0.5, 1, 2, 3, 6, -1.2784645427610737, -1.1924312145154952, -0.7524614220710163),
    *(-0.7517915246935645, -0.7511548429, 17, 38.5, 88.7, 104, 354.4, 372.6, 708.4, 745.1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("layers", nargs="*", metavar="LAYER")
    parser.add_argument("--dtype", default="float32", choices=["float16", "float32", "float64"])
    parser.add_argument("--count", type=int, default=200_000)
    chosen = parser.parse_args()
    elementwise = [c.name for c in catalogue() if not issubclass(c, AlongAxis)]
    x = arguments(chosen.dtype, chosen.count)
    sources = {"actgrad": ours, **{name: RUN[name] for name in RUN if find_spec(name.lower())}}
    heads = [f"{source} {way}" for source in sources for way in ("fwd", "bwd")]
    print_row("layer", *heads)
    print_row("---", *("---:" for _ in heads))
    for spec in chosen.layers or [name for name in elementwise if name != "threshold"]:
        formula = trace(layer(spec).formula)
        truths = [exact(formula, number) for number in x.tolist()]
        cells = []
        for run in sources.values():
            results = run(spec, x)
            cells += ["", ""] if results is None else compare(results, truths, chosen.dtype)
        print_row(spec, *cells)


def print_row(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def arguments(dtype: str, count: int) -> Any:
    """At least `count` finite values of the dtype, each once."""
    rng = np.random.default_rng(55)
    known = np.finfo(dtype)
    exponents = np.arange(known.minexp - known.nmant, known.maxexp)
    each = max(1, count // (3 * exponents.size))
    parts = [np.ldexp(rng.uniform(1, 2, (each, exponents.size)), exponents).ravel()]
    parts += [np.ldexp(1.0, exponents), [0, known.max, known.tiny]]
    near = np.array(TELLING, dtype)
    for side in (np.inf, -np.inf):
        step = near
        for _ in range(16):
            parts.append(step)
            step = np.nextafter(step, np.array(side, dtype))
    parts += [near * (1 + sign * 2.0**-k) for k in range(2, 22) for sign in (1, -1)]
    parts += [rng.uniform(0, end, count // 6) for end in (3, 40, 110, 760)]
    with np.errstate(all="ignore"):
        x = np.concatenate(parts).astype(dtype)
    x = np.unique(np.concatenate([x, -x]))
    return x[np.isfinite(x)]


def compare(results: tuple[Any, Any], truths: list[tuple[Any, Any]], dtype: str) -> list[str]:
    """The largest error of out and of dx, as printed."""
    worst = []
    for result, truth in zip(results, zip(*truths, strict=True), strict=True):
        error = max(map(ulp_error, result.tolist(), truth, [np.finfo(dtype)] * len(truth)))
        worst.append(f"{error:.3f}" if error < 10 else f"{error:.2g}")
    return worst


def ulp_error(result: float, truth: Any, known: Any) -> float:
    """An overflow that must be one is no error; nan is an infinite one."""
    if np.isinf(result) and abs(truth) >= float(known.max):
        return 0.0
    if not np.isfinite(result):
        return np.inf
    _, _, exponent, bits = abs(truth)._mpf_
    binade = max(int(exponent + bits) - 1, known.minexp)
    return float(abs(truth - result) / (truth * 0 + 2) ** (binade - known.nmant))


def ours(spec: str, x: Any) -> tuple[Any, Any]:
    tried = layer(spec)
    return tried.forward(x), tried.backward(np.ones_like(x))


def torch(spec: str, x: Any) -> tuple[Any, Any] | None:
    import torch

    call = called(spec, "PyTorch", torch.nn)
    if call is None:
        return None
    given = torch.from_numpy(x.copy()).requires_grad_()
    out = call()(given) if spec != "rrelu" else call().eval()(given)
    out.backward(torch.ones_like(out))
    return out.detach().numpy(), given.grad.numpy()


def jax(spec: str, x: Any) -> tuple[Any, Any] | None:
    import jax

    jax.config.update("jax_enable_x64", True)
    call = called(spec, "JAX", jax.nn)
    if call is None:
        return None
    out, pull = jax.vjp(call, jax.numpy.asarray(x))
    return np.asarray(out), np.asarray(pull(jax.numpy.ones_like(out))[0])


def called(spec: str, framework: str, module: Any) -> Callable[..., Any] | None:
    """The framework's function for a layer at its defaults, `GELU(approximate='tanh')` too."""
    name = names_elsewhere(find(spec)).get(framework) if ":" not in spec else None
    if name is None:
        return None
    match ast.parse(name, mode="eval").body:
        case ast.Call(ast.Name(found), keywords=keywords):
            options = {key.arg or "": ast.literal_eval(key.value) for key in keywords}
            return lambda *given: getattr(module, found)(*given, **options)
    return getattr(module, name)  # type: ignore[no-any-return]


RUN = {"torch": torch, "jax": jax}


if __name__ == "__main__":
    main()
