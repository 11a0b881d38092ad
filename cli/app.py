"""The commands put together."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad import __version__
from actgrad.cli.commands.backward import backward
from actgrad.cli.commands.check import check
from actgrad.cli.commands.explain import explain
from actgrad.cli.commands.forward import forward
from actgrad.cli.commands.graph import graph
from actgrad.cli.commands.layers import layers
from actgrad.cli.commands.sample import sample
from actgrad.cli.commands.verify import verify

app = typer.Typer(name="actgrad", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (forward, backward, graph, explain, check, sample, verify, layers):
    app.command()(command)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"actgrad {__version__}")
        raise typer.Exit


@app.callback()
def actgrad(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """See, prove and diagnose activation layers and their gradients."""
