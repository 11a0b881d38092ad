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

    The model is the first module with modules in it that is called in training mode. Where that is
    another one, record it in the script itself:

    with actgrad.record(model, "acts", every=100): train(model)
    """
    import runpy
    import traceback
    from pathlib import Path

    from actgrad.layers import ActgradError
    from actgrad.layers.frameworks import RecordingError, read_manifest, recording_first_model

    if not Path(script).is_file():
        raise ActgradError(f"{script}: there is no such script")
    own_arguments, own_path = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [script, *(arguments or [])], str(Path(script).resolve().parent)
    try:
        with recording_first_model(
            Path(output), every=every, samples=samples, seed=seed, keep=keep.value
        ):
            runpy.run_path(script, run_name="__main__")
    except ActgradError:
        raise
    except Exception:  # of the script, and shown as Python shows it
        traceback.print_exc()
        raise typer.Exit(1) from None
    finally:
        sys.argv, sys.path[0] = own_arguments, own_path
    calls = read_manifest(Path(output)).calls
    if not calls:
        raise RecordingError(
            f"{script} called no module of PyTorch with an activation in training mode",
            "record the model itself: with actgrad.record(model, 'acts'): train(model)",
        )
    steps = {call.step for call in calls}
    names = {call.name for call in calls}
    typer.echo(
        f"actgrad: {output} holds {len(names)} layers at {len(steps)} steps;"
        f" actgrad diagnose {output} judges them",
        err=True,
    )
