"""The notation of a typed expression, as the text that Python's parser reads.

A person writes x², √x, |x|, 2·π, −x and x^2; `explain` and `graph` write so too. Every character
that is read keeps the place where it was typed, so that an error can point there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from actgrad.layers.errors import ExpressionError

#: Signs and letters that Python lacks, or writes in another way.
SPELLING = {
    **dict.fromkeys("·×⋅∙", "*"),
    **dict.fromkeys("−–", "-"),
    "÷": "/",
    "∕": "/",
    "^": "**",
    "π": "pi",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
}
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
CLOSED_BY = {"(": ")", "[": "]", "|": "|"}
#: Words that stand between operands, as operators do.
BETWEEN_OPERANDS = {"if", "else", "and", "or"}
#: Signs and words before which no operand is needed.
PREFIXES = {"+", "-", "not"}
TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>π|[A-Za-z_][A-Za-z_0-9.]*)"
    rf"|(?P<raised>[{''.join(RAISED)}]+)|(?P<space>\s+)"
    rf"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/<>=,()\[\]|√{re.escape(''.join(SPELLING))}])"
)


class Token(NamedTuple):
    """A piece of the text, as Python reads it, and the place where it was typed, from 0."""

    kind: str
    text: str
    place: int


class Notation(NamedTuple):
    """The text that Python's parser reads, and the index where each character was typed."""

    text: str
    indices: Sequence[int]


def in_python(text: str) -> Notation:
    """The expression in Python's notation.

    >>> in_python("√2·|x|³").text
    'sqrt(2)*abs(x)**(3)'

    Raises:
        ExpressionError: a character has no meaning, a bracket or a bar is not closed, or an operand
            or an operator is missing.
    """
    tokens = Transcription(text).tokens
    written = "".join(token.text for token in tokens)
    return Notation(written, [*(t.place for t in tokens for _ in t.text), len(text)])


def typed_tokens(text: str) -> Iterator[Token]:
    """The pieces of the text as they were typed."""
    index = 0
    while index < len(text):
        match = TOKEN.match(text, index)
        if match is None:
            raise ExpressionError(text, index, f"{text[index]!r} has no meaning in an expression")
        yield Token(match.lastgroup or "", match[0], index)
        index = match.end()


class Transcription:
    """The tokens of an expression in Python's notation, collected from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        #: The brackets, bars and roots that are open. A root ends after its operand.
        self._opened: list[Token] = []
        #: What the last token is: an operand, the name of one, or neither.
        self._last = ""
        for piece in typed_tokens(text):
            self._add(piece)
        if self._last == "":
            raise ExpressionError(text, len(text), "an operand is missing at the end")
        if self._opened:
            _, sign, index = self._opened[-1]
            raise ExpressionError(text, index, f"{sign!r} is not closed")

    def _add(self, piece: Token) -> None:
        kind, sign, index = piece
        if kind == "space":
            self._write(" ", index)
        elif sign == "|" and self._last and any(each.text == "|" for each in self._opened[-1:]):
            self._close(piece)
        elif sign in {"|", "√", "(", "["}:
            if self._last and not (sign == "(" and self._last == "name"):
                self._refuse_operand(piece)
            self._write({"|": "abs(", "√": "sqrt("}.get(sign, sign), index)
            self._opened.append(piece)
            self._last = ""
        elif sign in {")", "]"}:
            self._close(piece)
        elif kind == "raised":
            self._require_operand(piece)
            self._write(f"**({''.join(RAISED[char] for char in sign)})", index)
            self._last = "operand"
        elif kind == "number" or (kind == "name" and sign not in BETWEEN_OPERANDS | PREFIXES):
            if self._last:
                self._refuse_operand(piece)
            self._write(SPELLING.get(sign, re.sub(r"^0+(?=\d)", "", sign)), index)
            self._last = "name" if kind == "name" else "operand"
            if not self.text.startswith("(", index + len(sign)):
                self._end_roots(index)
        else:
            spelling = SPELLING.get(sign, sign)
            if spelling not in PREFIXES:
                self._require_operand(piece)
            self._write(f" {spelling} " if kind == "name" else spelling, index)
            self._last = ""

    def _write(self, text: str, index: int) -> None:
        self.tokens.append(Token("", text, index))

    def _close(self, piece: Token) -> None:
        _, sign, index = piece
        if not self._opened or CLOSED_BY.get(self._opened[-1].text) != sign:
            last = f"{self._opened[-1].text!r} is still open" if self._opened else "nothing is open"
            raise ExpressionError(self.text, index, f"{sign!r} closes nothing: {last}")
        before = self.tokens[-1].text
        if not self._last and not (before == "(" and self._is_call()):
            self._require_operand(piece)
        self._opened.pop()
        self._write("]" if sign == "]" else ")", index)
        self._last = "operand"
        self._end_roots(index)

    def _is_call(self) -> bool:
        """Whether the bracket that was opened last follows the name of a function."""
        return len(self.tokens) > 1 and self.tokens[-2].text[-1:].isidentifier()

    def _end_roots(self, index: int) -> None:
        while self._opened and self._opened[-1].text == "√":
            self._opened.pop()
            self._write(")", index)

    def _require_operand(self, piece: Token) -> None:
        if not self._last:
            problem = f"an operand is missing before {piece.text!r}"
            raise ExpressionError(self.text, piece.place, problem)

    def _refuse_operand(self, piece: Token) -> None:
        problem = f"an operator is missing before {piece.text!r}"
        raise ExpressionError(self.text, piece.place, problem, "write * to multiply")
