"""PyTorch's and JAX's own kernels as `actgrad verify` sees them, as a Markdown table.

    python tests/benchmarks/frameworks.py ACTGRAD --torch PYTHON --jax PYTHON [--count 100000]

ACTGRAD is the installed command; each PYTHON is an interpreter that has that framework. The inputs
are those of `actgrad sample`, float32, and dout is ones.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

#: Our name of a layer: PyTorch's expression, and JAX's.
LAYERS = {
    "sigmoid": ("torch.sigmoid(x)", "jax.nn.sigmoid(x)"),
    "tanh": ("torch.tanh(x)", "jnp.tanh(x)"),
    "gelu": ("F.gelu(x)", "jax.nn.gelu(x, approximate=False)"),
    "gelu_tanh": ("F.gelu(x, approximate='tanh')", "jax.nn.gelu(x)"),
    "silu": ("F.silu(x)", "jax.nn.silu(x)"),
    "softplus": ("F.softplus(x)", "jax.nn.softplus(x)"),
    "mish": ("F.mish(x)", "jax.nn.mish(x)"),
    "elu": ("F.elu(x)", "jax.nn.elu(x)"),
    "softsign": ("F.softsign(x)", "jax.nn.soft_sign(x)"),
    "logsigmoid": ("F.logsigmoid(x)", "jax.nn.log_sigmoid(x)"),
}
TORCH = """
import numpy as np, torch, torch.nn.functional as F
x = torch.from_numpy(np.load("x.npy")).requires_grad_()
y = {}
y.backward(torch.ones_like(y))
np.save("y.npy", y.detach().numpy()); np.save("dx.npy", x.grad.numpy())
"""
JAX = """
import numpy as np, jax, jax.numpy as jnp
x = jnp.asarray(np.load("x.npy"))
y, back = jax.vjp(jax.jit(lambda x: {}), x)
np.save("y.npy", np.asarray(y)); np.save("dx.npy", np.asarray(back(jnp.ones_like(y))[0]))
"""


def main() -> None:
    """Run every kernel on its own samples, and print a row for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("actgrad")
    options.add_argument("--torch", required=True)
    options.add_argument("--jax", required=True)
    options.add_argument("--count", type=int, default=100_000)
    given = options.parse_args()
    heads = [f"{name} {array}" for name in ("PyTorch", "JAX") for array in ("out", "dx")]
    sys.stdout.write(f"| layer | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}\n")
    for layer, expressions in LAYERS.items():
        cells = []
        with tempfile.TemporaryDirectory() as folder:
            sample = ["sample", layer, "--dtype", "float32", "-n", str(given.count), "-o", "x.npy"]
            subprocess.run([given.actgrad, *sample], cwd=folder, check=True)
            kernels = zip((given.torch, given.jax), (TORCH, JAX), expressions, strict=True)
            for python, script, expression in kernels:
                subprocess.run([python, "-c", script.format(expression)], cwd=folder, check=True)
                report = verified(given.actgrad, layer, Path(folder))
                cells += [cell(report["results"][array]) for array in ("out", "dx")]
        sys.stdout.write(f"| {layer} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


def verified(actgrad: str, layer: str, folder: Path) -> dict[str, Any]:
    """What `verify` says of the kernel's arrays."""
    command = [actgrad, "verify", layer, "--x", "x.npy", "--out", "y.npy", "--dx", "dx.npy"]
    ended = subprocess.run([*command, "-f", "json"], cwd=folder, capture_output=True, check=False)
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def cell(result: dict[str, Any]) -> str:
    """The largest error in ULP, the share correctly rounded, and what went wrong otherwise."""
    ulp = result["ulp"]["max"]
    exact = result["correctly_rounded"] / result["count"]
    others = ", ".join(
        f"{number} {kind}"
        for kind, number in result["failures"].items()
        if number and kind not in {"ulp", "abs", "rel"}
    )
    return f"{ulp:.3g}; {exact:.0%}{'; ' if others else ''}{others}"


if __name__ == "__main__":
    main()
