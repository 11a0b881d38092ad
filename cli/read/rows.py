"""Rows of numbers without brackets around each row: spreadsheets, CSV, MATLAB and Julia.

The fields of a row are separated by tabs, semicolons, commas or blanks: by the first of these that
the row holds. Lines that begin with `#` or `%` are comments, as `numpy.savetxt` writes them.
"""

from __future__ import annotations

import re
from math import inf

import numpy as np

from actgrad.cli.read.literal import LiteralError
from actgrad.layers.arrays import Array

#: `[1 -0.5; -2 3]`, with or without MATLAB's last semicolon.
MATLAB = r"\s*\[([^\[\]();]*;[^\[\]()]*)\]\s*;?\s*"
#: The lines that MATLAB and Julia print above an array: `A =`, `2×2 Matrix{Float64}:`.
TITLE = r"\s*(?:[A-Za-z]\w* =|[\d×x]+(?:-element)? (?P<kind>Matrix|Vector|Array)\{.*\}:)\s*"
COMMENT = r"\s*(?:[#%].*)?"
NAME = r"[^\W\d][\w.]*"
#: The characters at the beginning of a long text that show what its lines are.
BEGINNING = 1 << 16
#: A number as spreadsheets of many countries write it: 1,5 for 1.5.
DECIMAL_COMMA = r"[+-]?\d+,\d+"


def matlab_rows(text: str) -> Array | None:
    """The matrix that `[1 -0.5; -2 3]` is; None if the text is none.

    Raises:
        LiteralError: a field is no number, or the rows differ in length.
    """
    match = re.fullmatch(MATLAB, text) if ";" in text else None
    if match is None:
        return None
    rows = [row for row in re.split(r"[;\n]", match[1]) if row.strip()]
    return _matrix([_fields(row) for row in rows])


def printed_rows(text: str) -> Array | None:
    """The array that two or more lines of numbers are, or one that is a row of a file or has a
    title; None if it is none.

    Lines of one number each are a 1-d array, and lines of more are a 2-d array.

    Raises:
        LiteralError: a field is no number, or the rows differ in length.
    """
    lines, title, is_long = _beginning(text)
    if len(lines) < 2 and not (title or is_long or _is_row(text)):
        return None
    if not lines or re.match(r"\s*[\[(\])]", lines[0]):
        return None
    if not title and not re.match(r"\s*[-+.\d]|\s*(?i:nan|inf)", lines[0]):
        return None
    matrix = _matrix([_fields(line) for line in _lines(text)[0]])
    if matrix.shape[1] == 1 and not (title and title["kind"] == "Matrix"):
        return matrix[:, 0]
    return matrix


def _is_row(text: str) -> bool:
    """Whether it is a line of several numbers with a line's end, as in a file."""
    return text.endswith("\n") and len(_fields(text)) > 1


def named_columns(text: str) -> dict[str, Array] | None:
    """The columns of rows below a line of names, as 1-d arrays; None if there is no such line.

    Raises:
        LiteralError: a field is no number, or the rows differ in length.
    """
    lines, title, is_long = _beginning(text)
    if not lines or title or (len(lines) < 2 and not is_long):
        return None
    names = [name.strip().strip('"') for name in _fields(lines[0])]
    if not all(re.fullmatch(NAME, name) for name in names) or len({*names}) < len(names):
        return None
    if all(name.casefold() in {"nan", "inf", "true", "false"} for name in names):
        return None
    matrix = _matrix([_fields(line) for line in _lines(text)[0][1:]])
    if matrix.shape[1] != len(names):
        raise LiteralError(f"the rows have {matrix.shape[1]} fields below {len(names)} names")
    return dict(zip(names, matrix.T, strict=True))


def _lines(text: str) -> tuple[list[str], re.Match[str] | None]:
    """The lines that hold something, and the title above them."""
    lines = [line for line in text.splitlines() if not re.fullmatch(COMMENT, line)]
    title = re.fullmatch(TITLE, lines[0]) if lines else None
    return (lines[1:] if title else lines), title


def _beginning(text: str) -> tuple[list[str], re.Match[str] | None, bool]:
    """The first of the lines that hold something, the title above them, and whether more follow."""
    end = text.find("\n", BEGINNING)
    lines, title = _lines(text if end < 0 else text[:end])
    if not lines and end >= 0:
        return *_lines(text), False
    return lines, title, end >= 0


def _fields(row: str) -> list[str]:
    for separator in "\t;,":
        if separator in row:
            return row.split(separator)
    return row.split()


def _matrix(rows: list[list[str]]) -> Array:
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise LiteralError(
                f"the rows differ: row {number} has {len(row)} field{'s' * (len(row) > 1)},"
                f" row 1 has {len(rows[0])}"
            )
    try:
        return np.array([list(map(_number, row)) for row in rows])
    except ValueError:
        raise _no_number(rows) from None


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        return float(("false", "true").index(word.strip().casefold()))
    if abs(number) == inf and "inf" not in word.casefold():
        raise ValueError
    return number


def _is_number(word: str) -> bool:
    try:
        _number(word)
    except ValueError:
        return False
    return True


def _no_number(rows: list[list[str]]) -> LiteralError:
    """The error for the first field that is no number."""
    fields = ((row, place) for row, _ in enumerate(rows) for place, _ in enumerate(rows[row]))
    row, place = next(at for at in fields if not _is_number(rows[at[0]][at[1]]))
    word = rows[row][place].strip()[:24]
    what = f"{word!r} is not a number of float64" if word else "there is no number"
    hint = None
    if re.fullmatch(DECIMAL_COMMA, word):
        hint = f"write decimal points: {word.replace(',', '.')}"
    elif re.fullmatch(r"\d+\s+[+-]?\d+", word):  # of a row such as 1,5 2,5
        hint = "write decimal points, such as 1.5"
    return LiteralError(f"{what}, in row {row + 1}, field {place + 1}", hint)
