"""The commands, one a file."""

from actgrad.cli.commands.backward import backward
from actgrad.cli.commands.check import check
from actgrad.cli.commands.diagnose import diagnose
from actgrad.cli.commands.explain import explain
from actgrad.cli.commands.forward import forward
from actgrad.cli.commands.graph import graph
from actgrad.cli.commands.layers import layers
from actgrad.cli.commands.plot import plot
from actgrad.cli.commands.record import record_script
from actgrad.cli.commands.sample import sample
from actgrad.cli.commands.verify import verify_dump

#: The commands, in the order in which the help lists them.
COMMANDS = (
    forward,
    backward,
    graph,
    explain,
    plot,
    check,
    sample,
    verify_dump,
    diagnose,
    record_script,
    layers,
)
