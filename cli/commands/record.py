"""`actgrad record`: what the activation layers of a PyTorch script get, and their gradients."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer
from typer._click.core import Context
from typer.core import TyperCommand, TyperOption

Keep = StrEnum("Keep", ["arrays", "statistics"])


class ScriptCommand(TyperCommand):
    """A command that runs a script: what follows the script's name are the script's arguments.

    Options of the command may stand between the name and the script's first argument, too, where no
    option stands before the name: `record train.py -o acts -- --lr 0.1`.
    """

    allow_interspersed_args = False

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the command line."""
        if args and not args[0].startswith("-"):
            script, *rest = args
            own: list[str] = []
            while rest and (count := self._words_of_option(ctx, rest[0])):
                own, rest = own + rest[:count], rest[count:]
            args = [*own, "--", script, *rest]
        return super().parse_args(ctx, args)

    def _words_of_option(self, context: Context, word: str) -> int:
        """How many words an option has that begins with this word; 0 if it is none of ours."""
        for option in self.get_params(context):
            if isinstance(option, TyperOption):
                if word in option.opts:
                    return 1 if option.is_flag else 2
                if word.partition("=")[0] in option.opts or word[:2] in option.opts:
                    return 1
        return 0


def record_script(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="A script of PyTorch.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENT]...", help="Its own arguments."),
    ] = None,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FOLDER", help="The folder for the recording."),
    ] = "acts",
    every: Annotated[
        int, typer.Option("--every", metavar="N", min=1, help="Record every N-th training step.")
    ] = 100,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="N",
            min=1,
            help="Keep a random choice of N samples a step.",
            show_default="all",
        ),
    ] = None,
    keep: Annotated[
        Keep,
        typer.Option("--keep", help="Keep the arrays, or their statistics in a few kilobytes."),
    ] = Keep.arrays,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="What the choice depends on.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the recording that FOLDER holds.")
    ] = False,
) -> None:
    """Run a script of PyTorch and record its activation layers.

    The model is the first module with modules in it that is called as in training: with gradients
    and in training mode. Where that is another one, record it in the script itself:

    with actgrad.record(model, "acts", every=100): train(model)
    """
    from pathlib import Path

    from actgrad.layers import ActgradError
    from actgrad.layers.frameworks import (
        RecordingError,
        recording_first_model,
        require_no_recording,
    )

    if not os.path.isfile(script):
        raise ActgradError(f"{script}: there is no such script")
    folder = Path(output)
    if not overwrite:
        require_no_recording(folder, "--overwrite replaces it; or name another folder by -o")
    own = arguments or []
    with recording_first_model(
        folder, every=every, samples=samples, seed=seed, keep=keep.value
    ) as recording:
        end = run_script(script, own[own[:1] == ["--"] :])
    for note in recording.notes:
        typer.echo(f"actgrad: {note}", err=True)
    if recording.steps_recorded:
        typer.echo(
            f"actgrad: {output} holds {recording}; actgrad diagnose {output} judges them", err=True
        )
    elif end is None:
        raise RecordingError(
            f"{script} trained no model of PyTorch with an activation, so nothing was recorded",
            "record the model itself: with actgrad.record(model, 'acts'): train(model)",
        )
    if end is not None:
        raise end


def run_script(script: str, arguments: list[str]) -> BaseException | None:
    """Run a script as `python` does; return what ended it, or None if it ended well.

    An exception of the script is shown as Python shows it.
    """
    import gc
    import runpy
    import traceback
    from pathlib import Path

    own_arguments, own_path = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [script, *arguments], str(Path(script).resolve().parent)
    # The command line runs without it.
    gc.enable()
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception:
        traceback.print_exc()
        return typer.Exit(1)
    except SystemExit as end:
        return end if end.code else None
    except BaseException as end:  # Ctrl-C
        return end
    finally:
        sys.argv, sys.path[0] = own_arguments, own_path
    return None
