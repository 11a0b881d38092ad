"""`actgrad record`: what the activation layers of a PyTorch script get, and their gradients."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

Keep = StrEnum("Keep", ["arrays", "statistics"])


def record_script(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="A script of PyTorch.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENT]...", help="Its own arguments, after --."),
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
) -> None:
    """Run a script of PyTorch and record its activation layers.

    The model is the first module with modules in it that is called as in training: with gradients
    and in training mode. Where that is another one, record it in the script itself:

    with actgrad.record(model, "acts", every=100): train(model)
    """
    from pathlib import Path

    from actgrad.layers import ActgradError
    from actgrad.layers.frameworks import RecordingError, recording_first_model

    if not Path(script).is_file():
        raise ActgradError(f"{script}: there is no such script")
    with recording_first_model(
        Path(output), every=every, samples=samples, seed=seed, keep=keep.value
    ) as recording:
        end = run_script(script, arguments or [])
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
