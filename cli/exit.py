"""How the program ends when something stops it: an exit status, and a line or two on stderr."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from typer import Abort, TyperException

NOT_DONE, INTERRUPTED = 2, 128 + signal.SIGINT
LONGEST_LINE = 400


def end(error: BaseException) -> int:
    """Say on stderr what stopped the program, if that is not plain; the exit status."""
    silence_stdout()
    match error:
        # Rich, which prints tables and help, exits by itself with 1 when the reader has left.
        case BrokenPipeError() | SystemExit(__context__=BrokenPipeError()):
            end_by_sigpipe()
        case SystemExit(code=int(status)):
            return status
        case KeyboardInterrupt() | Abort():
            return INTERRUPTED
        case TyperException():
            tell_usage(error)
        case MemoryError():
            tell("there is not enough memory for these arrays")
        case OSError():
            tell(f"standard output: {error.strerror}")
        case _:
            tell_refusal(error)
    return NOT_DONE


def silence_stdout() -> None:
    """Let what is still buffered go nowhere: writing it may have been what failed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def end_by_sigpipe() -> None:
    """End as `cat` does when its reader has left, silently."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def tell_refusal(error: BaseException) -> None:
    """Say what a layer, a reader or a writer refused; anything else is a fault of ours."""
    # Here, for it imports NumPy, which the exits above have no use for.
    from actgrad.layers import ActgradError

    if isinstance(error, ActgradError):
        tell(str(error), error.hint)
    elif sys.flags.dev_mode:
        raise error
    else:
        tell(f"{type(error).__name__}: {error}", "this is a fault of actgrad; please report it")


def tell_usage(error: TyperException) -> None:
    """Say what is wrong with the command line; with no arguments at all, help was shown instead."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "actgrad"
    if message:
        tell(message[0].lower() + message[1:], f"{command} --help shows how it is used")


def tell(message: str, hint: str | None = None) -> None:
    """Write to stderr, in one line each; nothing in a name can act on the terminal."""
    with suppress(OSError):  # where stderr cannot be written to, the status alone must tell
        for line in (f"actgrad: {message}", f"         {hint}" if hint else None):
            if line is not None and sys.stderr is not None:
                sys.stderr.write(shortened(printable(line)) + "\n")


def shortened(line: str) -> str:
    """The line, of whose middle not much is left if it quotes something very long."""
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} … {line[-half:]}"


def printable(text: str) -> str:
    """The text with every character that is no visible one escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
