"""The commands put together."""

from __future__ import annotations

from typing import Annotated

import typer
from typer._click.core import Context

from actgrad import __version__
from actgrad.cli.commands import COMMANDS
from actgrad.cli.completion import install_scripts
from actgrad.cli.help import HelpPage

#: The exit status of a command line that does nothing.
NOT_DONE = 2

app = typer.Typer(
    name="actgrad",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    # Rich's help cuts the names of long options at 80 columns; Typer's plain help never does.
    rich_markup_mode=None,
)
install_scripts()
Context.formatter_class = HelpPage
for command in COMMANDS:
    # A command has the name of its file; the list of commands shows its first sentence whole.
    sentence = (command.__doc__ or "").partition("\n")[0]
    app.command(command.__module__.rpartition(".")[2], short_help=sentence)(command)


@app.command("help", short_help="Show how actgrad, or one of its commands, is used.")
def show_help(
    command: Annotated[
        str | None, typer.Argument(metavar="COMMAND", help="The command.", show_default=False)
    ] = None,
) -> None:
    """Show how actgrad, or one of its commands, is used."""
    words = [] if command is None else [command]
    app([*words, "--help"], prog_name="actgrad", standalone_mode=False)


def show_version(requested: bool) -> None:
    """Print the version and exit."""
    if requested:
        typer.echo(f"actgrad {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def actgrad(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """See, prove and diagnose activation layers and their gradients."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(NOT_DONE)
