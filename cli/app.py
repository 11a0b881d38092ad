"""The commands put together."""

from __future__ import annotations

from typing import Annotated

import typer

from actgrad import __version__
from actgrad.cli.commands import backward, check, explain, forward, graph, layers, sample, verify

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
