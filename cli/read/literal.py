"""Arrays as text, typed or pasted: parsed character by character, never evaluated.

One grammar covers the nested lists of Python and JSON, `print` and `repr` of NumPy, and `repr` of
PyTorch, JAX, TensorFlow and Paddle: values stand in brackets, separated by commas, blanks or both.
"""

from __future__ import annotations

import re
import warnings
from array import array
from collections.abc import Iterator
from math import inf

import numpy as np

from actgrad.layers import ActgradError
from actgrad.layers.arrays import Array

#: The most dimensions that a NumPy array can have.
DEEPEST = 64

# Patterns are compiled when they are first used; few texts need all of them.
BLANK = r"\s*"
NUMBER = (
    r"(?i)[+-]?(?:\d[\d_]*\.?[\d_]*(?:e[+-]?\d+)?|\.\d[\d_]*(?:e[+-]?\d+)?|nan|inf(?:inity)?)"
    r"|true|false|\"(?:nan|[+-]?infinity)\""
)
#: `array(`, `torch.tensor(`, `np.float64(`: the call stands for the value in it.
WRAPPER = (
    r"(?i)(?:np\.|numpy\.|jnp\.|torch\.|tf\.)?"
    r"(?:array|asarray|tensor|float(?:16|32|64)|u?int(?:8|16|32|64)|bool_?)\s*\("
)
#: What frameworks print in front of the values, and what is read in its place.
HEADINGS = (
    (r"\s*Parameter containing:\s*", ""),
    (r"\s*<tf\.(?:Tensor:|Variable '[^']*') shape=[^<>]*?numpy=", "("),
    # Paddle prints what it knows of the values first.
    (r"\s*(?:Parameter|Tensor)\(\w+=[^\[\]]*\[[\d\s,]*\][^\[]*,\s*(?=[\[\d.+-])", "tensor("),
)
#: The letters that they begin with.
HEADS = {"P", "T", "<"}
#: The characters of a row of numbers that are read at a time, and the fewest that NumPy reads.
RUN, SHORT = 1 << 20, 1 << 7
KEYWORD = r",\s*(\w+)\s*=\s*('[^']*'|\"[^\"]*\"|<[^<>]*>|\([\d\s,]{0,999}\)|[\w.]+)"
BLANK_FIELD = r",\s*(?:,|\Z)|\A\s*,"
#: The characters up to the next delimiter, which a message quotes.
WORD = r"(?s)[^\s,\[\]()]+|."
#: What a text holds that is a range, rows or bit patterns.
OTHER_NOTATION = (*":;\n\r\v\f", "0x", "0X")
CLOSING = {"[": "]", "(": ")"}


class LiteralError(ActgradError):
    """The text is not an array."""


class Level:
    """An open bracket or wrapper, and the shapes of the values read in it."""

    def __init__(self, opening: str, at: int, wrapper: bool = False) -> None:
        self.opening = opening
        self.at = at
        self.wrapper = wrapper
        self.shapes: list[tuple[int, ...]] = []
        #: The number of values before the last comma; None if there is no comma.
        self.comma: int | None = None

    @property
    def transparent(self) -> bool:
        """Whether it adds no dimension: a wrapper, or the parentheses of Python's `(1)`."""
        return self.wrapper or (self.opening == "(" and self.comma is None)

    def close(self) -> tuple[int, ...]:
        """Return the shape of all its values together."""
        if self.transparent and len(self.shapes) == 1:
            return self.shapes[0]
        return (len(self.shapes), *(self.shapes[0] if self.shapes else ()))


def text_array(text: str, dtype: str | None = None) -> Array:
    """The array that the text represents, in any notation.

    Bit patterns are of `dtype`; everything else is float64.

    Raises:
        LiteralError: the text is no array; the message states what was expected, and where.
    """
    text = text.replace("−", "-")
    if any(mark in text for mark in OTHER_NOTATION):
        from actgrad.cli.read.notation import unbracketed

        other = unbracketed(text, dtype)
        if other is not None:
            return other
    return bracketed(text)


def bracketed(text: str) -> Array:
    """Return the float64 array that the text represents.

    Raises:
        LiteralError: the text is not an array; the message states what was expected, and where.
    """
    return _Reader(_without_heading(text.replace("−", "-"))).read()


def plain_numbers(text: str) -> Array | None:
    """The numbers of a row such as `1, -2.5, 3e4`, which stand between commas, or between blanks.

    None for any other text, and for numbers beyond float64.
    """
    mark = "," if "," in text else None
    try:
        if len(text) < SHORT:
            row = np.array([float(word) for word in text.split(mark)])
        else:
            with warnings.catch_warnings(action="error"):
                row = np.fromstring(text, sep=mark or " ")
    except (DeprecationWarning, ValueError):
        return None
    if row.size != (text.count(",") + 1 if mark else len(text.split())):
        return None
    # NumPy reads -1 where a field is blank.
    if (row == -1).any() and re.search(BLANK_FIELD, text):
        return None
    if infinite := row.size - np.count_nonzero(np.isfinite(row)):
        lower = text.lower()
        written = lower.count("nan") + lower.count("inf")
        return row if infinite == written and "(" not in text else None
    return row


def runs(text: str, start: int, end: int, mark: str) -> Iterator[str]:
    """The text from start to end in parts of about RUN characters, cut at marks.

    A mark at the very end is left out.
    """
    while start < end:
        cut = text.find(mark, start + RUN, end)
        cut = end if cut < 0 else cut
        yield text[start:cut]
        start = cut + 1


def _without_heading(text: str) -> str:
    """The text with blanks for a framework's heading, so that every number keeps its column."""
    for pattern, opening in HEADINGS if text.lstrip()[:1] in HEADS else ():
        if match := re.match(pattern, text):
            heading = opening.rjust(match.end())
            rest = text[match.end() :]
            return heading + (re.sub(r">\s*$", ")", rest) if opening == "(" else rest)
    return text


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.levels = [Level("", 0, wrapper=True)]
        self.values = array("d")

    def read(self) -> Array:
        for token in self._tokens():
            self._take(token)
        top = self.levels.pop()
        if self.levels:
            raise self._error(f"{top.opening!r} is never closed", top.at)
        if not top.shapes:
            raise LiteralError("an array was expected, but the text is empty")
        try:
            row = np.frombuffer(self.values) if self.values else np.empty(0)
            return row.reshape(top.shapes[0])
        except ValueError as error:
            raise LiteralError(f"there is no such array: {error}") from None

    def _tokens(self) -> Iterator[str]:
        """Yield the next character that is not blank, to the end; `_take` moves past it."""
        while True:
            self.at = self._past(BLANK)
            if self.at == len(self.text):
                return
            yield self.text[self.at]

    def _match(self, pattern: str) -> re.Match[str] | None:
        return re.compile(pattern).match(self.text, self.at)

    def _past(self, pattern: str) -> int:
        match = self._match(pattern)
        return match.end() if match else self.at

    def _take(self, token: str) -> None:
        level = self.levels[-1]
        if token in "])":
            self._close(token)
        elif token == ",":
            self._comma(level)
        elif level.wrapper and level.shapes:
            number = len(self.levels) == 1 and self._match(NUMBER)
            raise LiteralError(
                f"{self._word()} stands after the array's end, at {self._place(self.at)}",
                "put brackets around the numbers" if number else None,
            )
        elif token in "[(":
            if not self._row():
                self._open(Level(token, self.at), self.at + 1)
        elif token.isalpha() and self._match(WRAPPER):
            self._open(Level("(", self.at, wrapper=True), self._past(WRAPPER))
        else:
            self._number()

    def _row(self) -> bool:
        """Read a bracket of plain numbers, or its beginning, in large steps, if there is one."""
        end = self.text.find("]", self.at)
        if self.text[self.at] != "[" or end < 0 or len(self.levels) > DEEPEST:
            return False
        if self.text.find("[", self.at + 1, min(end, self.at + RUN)) >= 0:
            return False
        mark = "," if self.text.find(",", self.at, end) >= 0 else " "
        before, start = len(self.values), self.at + 1
        for run in runs(self.text, start, end, mark):
            row = plain_numbers(run)
            if row is None:
                break
            self.values.frombytes(row.tobytes())
            start += len(run) + 1
        count = len(self.values) - before
        if not count:
            return False
        if start > end:
            self.at = end + 1
            self._add((count,))
            return True
        # What was read stays, and the rest is read number by number.
        level = Level("[", self.at)
        level.shapes, level.comma = [()] * count, count if mark == "," else None
        self._open(level, start)
        return True

    def _open(self, level: Level, end: int) -> None:
        if len(self.levels) > DEEPEST:
            raise LiteralError(f"brackets are nested more than {DEEPEST} deep")
        self.levels.append(level)
        self.at = end

    def _close(self, token: str) -> None:
        level = self.levels.pop()
        if not self.levels:
            raise self._error(f"{token!r} closes nothing", self.at)
        if token != CLOSING[level.opening]:
            raise self._error(f"{level.opening!r} is closed by {token!r}", self.at)
        if level.wrapper and not level.shapes:
            raise self._error("a number or '[' was expected", self.at)
        self.at += 1
        self._add(level.close())

    def _comma(self, level: Level) -> None:
        if level.wrapper and level.shapes and len(self.levels) > 1:
            self._keyword(level)
            return
        if not level.shapes or level.comma == len(level.shapes):
            raise self._error("a number or '[' was expected before ','", self.at)
        if level.wrapper:
            raise LiteralError(
                "several values stand side by side", "put brackets around the numbers"
            )
        level.comma = len(level.shapes)
        self.at += 1

    def _keyword(self, level: Level) -> None:
        """Skip `, dtype=float32` or the like; `shape=(0, 3)` is the shape of an empty array."""
        match = self._match(KEYWORD)
        if not match:
            self.at += 1
            raise self._error("')' was expected", self.at)
        self.at = match.end()
        if match[1] == "shape" and 0 in level.shapes[0]:
            level.shapes[0] = tuple(int(size) for size in re.findall(r"\d+", match[2]))

    def _number(self) -> None:
        end = self._past(NUMBER)
        if end == self.at or not re.match(r"[\s,\[\]()]|\Z", self.text[end : end + 1]):
            raise self._no_number()
        token = self.text[self.at : end].strip('"').casefold()
        try:
            number = float(token) if token[-1] != "e" else float(token == "true")
        except ValueError:
            raise self._no_number() from None
        if abs(number) == inf and "inf" not in token:
            raise self._error(f"{self._word()} is beyond the numbers of float64", self.at)
        self.values.append(number)
        self.at = end
        self._add(())

    def _add(self, shape: tuple[int, ...]) -> None:
        """Add the shape of the next value to the open level; all its values have equal shapes."""
        level = self.levels[-1]
        if level.shapes and shape != level.shapes[0]:
            place = "".join(f"[{len(outer.shapes)}]" for outer in self.levels[1:-1])
            raise LiteralError(
                f"the rows{f' of {place}' if place else ''} differ: row {len(level.shapes)}"
                f" {_described(shape)}, row 0 {_described(level.shapes[0])}"
            )
        # Equal shapes are one object: an array may have millions of rows.
        level.shapes.append(level.shapes[0] if level.shapes else shape)

    def _word(self) -> str:
        match = self._match(WORD)
        word = match[0] if match else ""
        return repr(word if len(word) <= 24 else word[:24] + "…")

    def _no_number(self) -> LiteralError:
        if self.text.startswith(("...", "…"), self.at):
            return LiteralError(
                "the array was shortened with '...' when it was printed",
                "save it with numpy.save and give the .npy file",
            )
        return self._error(f"{self._word()} is not a number", self.at)

    def _error(self, what: str, at: int) -> LiteralError:
        return LiteralError(f"{what}, at {self._place(at)}")

    def _place(self, at: int) -> str:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return f"line {line}, column {column}" if "\n" in self.text else f"column {column}"


def _described(shape: tuple[int, ...]) -> str:
    match shape:
        case ():
            return "is a number"
        case (1,):
            return "has 1 number"
        case (size,):
            return f"has {size} numbers"
        case _:
            return f"has shape {shape}"
