"""Writing into the caller's arrays in place, and returning them or views of them.

The order matters: a layer that writes into an array and returns it gets the first finding only.
"""

from __future__ import annotations

from actgrad.layers.check.script import Addition, Script
from actgrad.layers.check.trial import Behaviour

IN_PLACE = (
    Behaviour(
        "writes-into-x",
        "forward writes into the caller's x",
        Script("x = {x}; out = layer.forward(x)", "x", "{x}"),
        addition=Addition("np.shares_memory(out, x)", ", and returns it"),
    ),
    Behaviour(
        "writes-into-x",
        "backward writes into the caller's x",
        Script("x = {x}; layer.forward(x); layer.backward({dout})", "x", "{x}"),
    ),
    Behaviour(
        "writes-into-dout",
        "backward writes into the caller's dout",
        Script(
            "x = {x}; dout = {dout}; layer.forward(x); dx = layer.backward(dout)", "dout", "{dout}"
        ),
        addition=Addition("np.shares_memory(dx, dout)", ", and returns it"),
    ),
)
#: Each is shown by a write into the result, which must leave the caller's array as it was.
ALIASING = (
    Behaviour(
        "returns-its-input",
        "forward returns the caller's own x, or a view of it",
        Script("x = {x}; out = layer.forward(x); out[...] = 0", "x", "{x}"),
    ),
    Behaviour(
        "returns-its-input",
        "backward returns the caller's own dout, or a view of it",
        Script(
            "x = {x}; dout = {dout}; layer.forward(x); dx = layer.backward(dout); dx[...] = 0",
            "dout",
            "{dout}",
        ),
    ),
)
