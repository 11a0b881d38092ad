"""Compare the worst errors that `actgrad survey` and `ulpwise survey` find.

    actgrad survey torch --dtype float32,bfloat16,float16 -f json -o torch.json
    ulpwise survey --functions sigmoid,tanh,gelu,gelu_tanh,silu,mish,softplus,logsigmoid \\
        --backends torch --dtypes f32,f16,bf16 --out ulpwise
    python tests/benchmarks/beside_ulpwise.py torch.json ulpwise/results.csv

Prints a row for each cell that both have.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def main() -> None:
    survey = json.loads(Path(sys.argv[1]).read_text())
    ours = {
        (cell["layer"], cell["dtype"]): cell["max_ulp"]
        for cell in survey["cells"]
        if cell["result"] == "out"
    }
    smaller = 0
    with Path(sys.argv[2]).open(newline="") as file:
        for row in csv.DictReader(file):
            cell = row["function"], DTYPES[row["dtype"]]
            if row["backend"] != survey["target"] or cell not in ours:
                continue
            theirs = float(row["max_ulp"])
            smaller += ours[cell] < theirs
            sys.stdout.write(f"{' '.join(cell)}: {ours[cell]:.3g} here, {theirs:.3g} there\n")
    sys.stdout.write(f"smaller here: {smaller}\n")


if __name__ == "__main__":
    main()
