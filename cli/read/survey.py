"""A survey that `actgrad survey -f json` wrote, as the baseline of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from actgrad.layers import ActgradError
from actgrad.layers.frameworks import Environment
from actgrad.layers.stored import read_row
from actgrad.layers.survey import Cell, Refusal, Survey


def read_baseline(file: str, target: str, count: int) -> Survey:
    """The survey in a file, which is of that target and has samples of as many numbers.

    Raises:
        ActgradError: it cannot be read, is no survey, or cannot be compared.
    """
    try:
        written = json.loads(Path(file).read_text(encoding="utf-8"))
        if written["command"] != "survey" or written["schema"] != 1:
            raise KeyError
        survey = read_row(
            Survey,
            {
                "target": written["target"],
                "environment": read_row(Environment, written["environment"]),
                "numbers": written["numbers"],
                "policy": written["policy"],
                "cells": [read_row(Cell, numbered(each)) for each in written["cells"]],
                "refusals": [read_row(Refusal, each) for each in written["refused"]],
            },
        )
    except OSError as error:
        raise ActgradError(f"--baseline {file}: {error.strerror}") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        hint = "actgrad survey TARGET -f json > FILE writes one"
        raise ActgradError(f"--baseline {file} holds no survey", hint) from error
    if survey.target != target:
        raise ActgradError(f"--baseline {file} is a survey of {survey.target}, not of {target}")
    if survey.numbers != count:
        raise ActgradError(
            f"--baseline {file} has {survey.numbers} numbers a layer, not {count}",
            f"give -n {survey.numbers}",
        )
    return survey


def numbered(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, in which JSON has texts for nan and infinities."""
    numbers = ("NaN", "Infinity", "-Infinity")
    return {key: float(v) if v in numbers else v for key, v in fields.items()}
