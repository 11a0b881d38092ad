"""What runs a layer elsewhere: a framework's function, or a function of anyone's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple, Protocol

from actgrad.layers.arrays import Array
from actgrad.layers.errors import ActgradError

#: What ONNX Runtime puts in front of a message: numbers, and the name of the exception.
CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")


class TargetError(ActgradError):
    """There is no such target, or it does not run a layer, a dtype or a device."""


class Results(NamedTuple):
    """The results of one run, in x's dtype; dx is None where the target has no gradient."""

    out: Array
    dx: Array | None


class Environment(NamedTuple):
    """What a target runs in."""

    #: By package, its version.
    versions: Mapping[str, str]
    device: str
    #: None where the framework chooses the number itself, and does not tell it.
    threads: int | None
    jit: bool = False

    def __str__(self) -> str:
        """The environment as a report states it: `torch 2.13.0, cpu, 2 threads`."""
        parts = [f"{package} {number}" for package, number in self.versions.items()]
        parts.append(self.device)
        parts += (
            [] if self.threads is None else [f"{self.threads} thread{'s' * (self.threads != 1)}"]
        )
        return ", ".join(parts + ["compiled"] * self.jit)


class Target(Protocol):
    """A function of another framework, or of anyone's, with its gradient."""

    @property
    def name(self) -> str:
        """What is called: `torch.nn.GELU(approximate='tanh')`, or `mine.py:gelu`."""

    @property
    def environment(self) -> Environment:
        """What it runs in."""

    def run(self, x: Array, dout: Array) -> Results:
        """The out and dx of arrays of one dtype, computed in that dtype.

        Raises:
            TargetError: it raises an exception, as where it has no kernel for the dtype.
        """


class Place(NamedTuple):
    """Where a target runs: a framework's name of a device, and whether it is compiled there."""

    device: str = "cpu"
    jit: bool = False


#: The default place.
CPU = Place()


def versions_of(*packages: str) -> dict[str, str]:
    """The versions of the installed packages among these."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def refusal(name: str, error: BaseException) -> TargetError:
    """The error for a target that raised an exception: the first line of its message."""
    lines = CODES.sub("", str(error)).strip().splitlines() or [""]
    return TargetError(f"{name}: {type(error).__name__}: {lines[0]}".rstrip(": "))
