"""The commands put together."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer._click.core import Command, Context
from typer.core import TyperGroup
from typer.main import get_command

from actgrad import __version__
from actgrad.cli.commands import COMMANDS
from actgrad.cli.completion import install_scripts
from actgrad.cli.help import HelpPage

#: The exit status of a command line that does nothing.
NOT_DONE = 2


class CommandsOnDemand(TyperGroup):
    """The commands, each built when it is asked for: to build all takes longer than to run one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        not_built: dict[str, Any] = dict.fromkeys(COMMANDS)
        self.commands = not_built | {**self.commands}

    def get_command(self, context: Context, name: str) -> Command | None:
        """The command of this name, or None where there is none."""
        if name in COMMANDS and not self.commands[name]:
            self.commands[name] = built(name)
        return super().get_command(context, name)


@cache
def built(name: str) -> Command:
    """The command that the file of this name has; to build it takes longer than most runs of it."""
    module = import_module(f"actgrad.cli.commands.{name}")
    function = getattr(module, COMMANDS[name])
    # Rich's help cuts the names of long options at 80 columns; Typer's plain help never does.
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    # The list of commands shows the first sentence whole.
    summary = (function.__doc__ or "").partition("\n")[0]
    reader = getattr(module, "ScriptCommand", None)
    alone.command(name, cls=reader, short_help=summary)(function)
    return get_command(alone)


app = typer.Typer(
    name="actgrad",
    cls=CommandsOnDemand,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
install_scripts()
Context.formatter_class = HelpPage


@app.command("help", short_help="Show how actgrad, or one of its commands, is used.")
def show_help(
    command: Annotated[
        str | None, typer.Argument(metavar="COMMAND", help="The command.", show_default=False)
    ] = None,
) -> None:
    """Show how actgrad, or one of its commands, is used."""
    words = [] if command is None else [command]
    command_line()([*words, "--help"], prog_name="actgrad", standalone_mode=False)


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


@cache
def command_line() -> Command:
    """The program as one command, which has all others."""
    return get_command(app)
