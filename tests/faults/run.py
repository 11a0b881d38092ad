"""Send a signal to `actgrad backward sigmoid` at many moments of a streaming run.

    python tests/faults/run.py [--moments N] [--elements N]

Each run replaces an older file of the name out.npy. After it, out.npy must be the old file or the
new one, whole; no other file may be left; and the exit status is 0 for a run that was done, 128
plus the number of the signal, or the signal itself.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PROGRAM = str(Path(sys.executable).with_name("actgrad"))
COMMAND = [PROGRAM, "backward", "sigmoid", "--x", "x.npy", "-o", "out.npy", "--quiet"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGKILL]
OLD = b"an older file"


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def prepared(folder: Path, elements: int) -> tuple[str, float]:
    """Write x.npy; return the digest of the right out.npy, and the seconds of a run."""
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=elements).astype(np.float32))
    start = time.monotonic()
    subprocess.run(COMMAND, cwd=folder, check=True)
    return digest(folder / "out.npy"), time.monotonic() - start


def interrupted(folder: Path, new: str, number: signal.Signals, after: float) -> Iterator[str]:
    """Send the signal after that many seconds; what is wrong with how the run ended."""
    (folder / "out.npy").write_bytes(OLD)
    with subprocess.Popen(COMMAND, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        _, stderr = process.communicate(timeout=600)
    yield from judged(folder, new, number, process.returncode, stderr)


def judged(
    folder: Path, new: str, number: signal.Signals, status: int, stderr: str
) -> Iterator[str]:
    """What is wrong with a run that got the signal and ended with that status."""
    if status not in (0, 128 + number, -number):
        yield f"the status is {status}: {stderr}"
    is_old, is_new = (folder / "out.npy").read_bytes() == OLD, digest(folder / "out.npy") == new
    if not (is_old or is_new):
        yield "out.npy is neither the old file nor the new one"
    if status == 0 and not is_new:
        yield "out.npy is not the new file, but the status is 0"
    if left := {path.name for path in folder.iterdir()} - {"x.npy", "out.npy"}:
        yield f"it left {sorted(left)}"


def trials(moments: int, elements: int, signals: list[signal.Signals]) -> Iterator[str]:
    """Run all of them; yield what is wrong, and at last a line for each signal."""
    # A shell lets what it starts in the background ignore SIGINT, and the runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        new, seconds = prepared(folder, elements)
        for number in signals:
            problems: Counter[str] = Counter()
            for moment in range(moments):
                problems.update(
                    interrupted(folder, new, number, seconds * (moment + 0.5) / moments)
                )
            yield f"{number.name}: {moments} moments, {problems.total()} failures {dict(problems)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--elements", type=int, default=1 << 22)
    options = parser.parse_args()
    for line in trials(options.moments, options.elements, SIGNALS):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
