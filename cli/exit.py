"""What happens when an error stops the program: a line or two on stderr, and an exit status."""

from __future__ import annotations

import os
import re
import signal
import sys

from typer import Abort, TyperException

NOT_DONE, INTERRUPTED = 2, 128 + signal.SIGINT
#: The most characters in a line of an error; a message may quote a very long argument.
LONGEST_LINE = 400
#: Two or more names, separated by blanks or commas.
SEVERAL_NAMES = r"[A-Za-z_]\w*([\s,]+[A-Za-z_]\w*)+"
#: The names that frameworks give `--dout`, and `--dout` itself.
UPSTREAM = {"--dout", "--grad", "--gradient", "--grad-output", "--grad_output", "--dy"}
#: A byte of an argument that is no text, as Python decodes and escapes it.
BYTE = r"\\udc([89a-f][0-9a-f])"
#: An expression that begins with a minus sign.
NEGATIVE = r"-(?!-).*[*/^+(].*"
#: What to type instead of a layer too many, by command.
EXTRA_ARGUMENT = {
    "explain": "explain takes one layer; actgrad graph draws a chain",
    "layers": "layers takes no layer; actgrad explain LAYER describes one",
}


def exit_status(error: BaseException) -> int:
    """Write to stderr what stopped the program, unless it is a signal; return the exit status."""
    silence(1)
    match error:
        # Rich, which prints tables, exits with 1 when the reader of stdout has closed it.
        case BrokenPipeError() | SystemExit(__context__=BrokenPipeError()):
            end_by_sigpipe()
        case SystemExit(code=int(status)):
            return status
        case KeyboardInterrupt() | Abort():
            return INTERRUPTED
        case TyperException():
            write_usage(error)
        case MemoryError():
            to_stderr("there is not enough memory for these arrays")
        case OSError():
            to_stderr(f"standard output: {error.strerror}")
        case _:
            write_refusal(error)
    return NOT_DONE


def silence(descriptor: int) -> None:
    """Discard the text that is still buffered, because writing it may have failed."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def end_by_sigpipe() -> None:
    """End by the signal SIGPIPE, without a message, as `cat` does when a pipe is closed."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def write_refusal(error: BaseException) -> None:
    """Write the message of an ActgradError; any other exception is a fault of actgrad."""
    # Imported here, because it imports NumPy; the other cases of `exit_status` need none.
    from actgrad.layers import ActgradError, UnknownLayerError

    if isinstance(error, ActgradError):
        hint = hint_for_layer(error.name) if isinstance(error, UnknownLayerError) else None
        to_stderr(str(error), hint or error.hint)
    elif sys.flags.dev_mode:
        raise error
    else:
        to_stderr(
            f"{type(error).__name__}: {error}", "this is a fault of actgrad; please report it"
        )


def hint_for_layer(word: str) -> str | None:
    """What to type where LAYER is a number or a file for `--x`, or several names, or else None."""
    # Imported here, because it imports NumPy.
    from actgrad.layers.arrays import ARRAY_FILES

    if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", word):
        return 'put the numbers of --x in quotes: --x "[1, 2, 3]"'
    if word.lower().endswith(ARRAY_FILES):
        return f"a file of numbers is no layer; an option reads it: --x {word}"
    if re.fullmatch(SEVERAL_NAMES, word):
        names = re.split(r"[\s,]+", word)
        return f"write {' '.join(names)} as {'two' if len(names) == 2 else 'separate'} arguments"
    return None


def write_usage(error: TyperException) -> None:
    """Write what is wrong with the command line, unless help was shown instead."""
    message = in_words(" ".join(error.format_message().split()).rstrip("."))
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "actgrad"
    hint = f"{command} --help shows how it is used"
    name = command.rpartition(" ")[2]
    if "unexpected extra argument" in message:
        hint = EXTRA_ARGUMENT.get(name, hint)
    elif message.startswith("No such command 'version'"):
        message, hint = "no such command 'version'", "actgrad --version shows it"
    option = getattr(error, "option_name", None)
    expression = next((word for word in sys.argv[2:] if re.fullmatch(NEGATIVE, word)), None)
    if "No such option" in message and expression:
        message = f"{expression} is read as an option"
        hint = f"put an expression that begins with - in parentheses: '({expression})'"
    elif option in UPSTREAM and context is not None and "No such option" in message:
        message = f"no such option: {option}"
        has_dout = any("--dout" in parameter.opts for parameter in context.command.params)
        hint = "did you mean --dout?" if has_dout else "--dout is an option of actgrad backward"
    elif "requires an argument" in message:
        # The parser of a command raises this without a context.
        hint = f"actgrad {sys.argv[1]} --help shows how it is used"
    elif option and context and any(f"-{option}" in each.opts for each in context.command.params):
        hint = f"did you mean -{option}?"
    if message:
        to_stderr(message[0].lower() + message[1:], hint)


def in_words(message: str) -> str:
    """A message of the parser, without the names of types and the x of its ranges."""
    message = re.sub(r"is not a valid int(eger)?( range)?\b", "is not a whole number", message)
    message = re.sub(r"is not a valid float( range)?\b", "is not a number", message)
    message = re.sub(r"is not in the range x>=(\S+)", r"is less than \1", message)
    return re.sub(r"is not in the range (\S+)<=x<=(\S+)", r"is not from \1 to \2", message)


def to_stderr(message: str, hint: str | None = None) -> None:
    """Write the message and the hint to stderr, a line each, without control characters."""
    if sys.stderr is None:
        return
    text = str if sys.stderr.encoding.lower().startswith("utf") else in_ascii
    try:
        for line in (f"actgrad: {message}", f"         {hint}")[: 2 if hint else 1]:
            sys.stderr.write(text(without_middle(printable(line))) + "\n")
    except OSError:  # the exit status remains; Python's would be 120 when it flushes stderr
        silence(2)


def in_ascii(text: str) -> str:
    """The text as a stream in ASCII shows it."""
    # Imported here, because it imports Rich, which few errors need.
    from actgrad.cli.show import ascii_text

    return ascii_text(text)


def without_middle(line: str) -> str:
    """The line, without its middle if it is longer than LONGEST_LINE."""
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} … {line[-half:]}"


def printable(text: str) -> str:
    """The text with every unprintable character escaped: a byte that is no text is `\\xff`."""
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return re.sub(BYTE, r"\\x\1", escaped)
