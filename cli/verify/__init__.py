"""The command `verify`: results from a dump, from a kernel that is run, or from a way to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actgrad.layers.lazy import lazy_attributes

if TYPE_CHECKING:
    from actgrad.cli.verify.answers import Destinations
    from actgrad.cli.verify.dump import verified
    from actgrad.cli.verify.files import verified_files
    from actgrad.cli.verify.kernel import KernelOptions, verified_run
    from actgrad.cli.verify.policy import stated_policy
    from actgrad.cli.verify.tries import tried_ways


__getattr__ = lazy_attributes(__name__, __file__)
