"""`actgrad` without its start-up: a process that has loaded everything forks for each command.

    python warm_start.py FOLDER

The tests run over a thousand commands, and the start of Python and NumPy takes longer than nearly
all of them. This server writes FOLDER/actgrad, a client that passes its arguments, environment,
working folder and standard streams to the server and ends as the forked process ends. What is read
only at the start of Python (PYTHON*, LANG and LC_* in the environment, limits on resources, mounted
disks, closed streams) cannot be passed on: where it differs, the client runs the installed program.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import pkgutil
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NoReturn

from actgrad.cli import main

#: Imported at the start of Python, where processes are to measure coverage.
coverage = sys.modules.get("coverage")
#: The variable of the environment that says so.
MEASURES_COVERAGE = "COVERAGE_PROCESS_CONFIG"

CLIENT = """\
#!{python} -ISE
import _socket, array, marshal, os, resource, signal, sys

def at_start(environment):
    names = sorted(name for name in environment if name.startswith(("PYTHON", "LANG", "LC_")))
    limits = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
    mounts = os.readlink("/proc/self/ns/mnt")
    settings = [(name, environment[name]) for name in names]
    return settings, [*map(resource.getrlimit, limits)], mounts

def installed():
    os.execv({program}, [{program}, *sys.argv[1:]])

streams = [0, 1, 2]
try:
    list(map(os.fstat, streams))
except OSError:
    installed()
if at_start(os.environ) != {start} or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    installed()
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address})
request = marshal.dumps((sys.argv[1:], dict(os.environ), os.getcwd()))
rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", streams))
server.sendmsg([len(request).to_bytes(8, "little")], [rights])
with open(server.fileno(), "r+b", 0, closefd=False) as connection:
    while request:
        request = request[connection.write(request):]
    process = int.from_bytes(connection.read(8), "little")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(process, number))
    status = int.from_bytes(connection.read(8), "little", signed=True)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def write_client(folder: Path, address: str) -> None:
    """Write the program that stands for `actgrad` in these tests."""
    # The client finds out what it was started with as this process does, by the same code.
    space: dict[str, Any] = {}
    exec(CLIENT[CLIENT.index("import") : CLIENT.index("def installed")], space)
    text = CLIENT.replace("{python}", sys.executable)
    for name, value in {
        "program": str(Path(sys.executable).with_name("actgrad")),
        "start": space["at_start"](os.environ),
        "address": address,
    }.items():
        text = text.replace(f"{{{name}}}", repr(value))
    client = folder / "actgrad"
    client.write_text(text, encoding="utf-8")
    client.chmod(0o755)


def serve(folder: Path) -> NoReturn:
    """Answer every client of the folder, until this process is ended."""
    load()
    measured = leave_coverage_to_commands()
    address = str(folder / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    write_client(folder, address)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    waiting = DefaultSelector()
    waiting.register(listener, EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                process = start(connection, listener, measured)
                waiting.register(os.pidfd_open(process), EVENT_READ, (process, connection))
            else:
                waiting.unregister(key.fileobj)
                os.close(key.fd)
                report(*key.data)


def load() -> None:
    """Import every file of the package that needs no extra."""
    for name in ("actgrad.cli", "actgrad.layers"):
        for module in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            if "frameworks" not in module.name and ".root" not in module.name:
                import_module(module.name)
    # A page that a collection of garbage writes to is a page that each fork copies.
    gc.freeze()


def leave_coverage_to_commands() -> Any:
    """Measure coverage no further; return what goes on with it in a command, if there is any."""
    if coverage and (of_imports := coverage.Coverage.current()):
        of_imports.stop()
        of_imports.save()
        del os.environ[MEASURES_COVERAGE]
        coverage.control.apply_patches = lambda *_: None
        return of_imports
    return None


def start(connection: socket.socket, listener: socket.socket, measured: Any) -> int:
    """Start the command that a client asks for, and tell the client its process.

    Coverage is measured if the client has that in its environment. A new measurement would take as
    long as the command.
    """
    first, streams, *_ = socket.recv_fds(connection, 8, 3)
    size = int.from_bytes(first, "little")
    request = connection.recv(size, socket.MSG_WAITALL)
    process = os.fork()
    if not process:
        connection.close()
        listener.close()
        become(*marshal.loads(request), streams)
        if measured and MEASURES_COVERAGE in os.environ:
            measured.start()
        run()
    for stream in streams:
        os.close(stream)
    connection.sendall(process.to_bytes(8, "little"))
    return process


def report(process: int, connection: socket.socket) -> None:
    """Tell the client how its process ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with connection, suppress(BrokenPipeError):
        connection.sendall(status.to_bytes(8, "little", signed=True))


def become(
    arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]
) -> None:
    """Take what `actgrad` with these arguments is started with."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        setattr(sys, name, stream_like(getattr(sys, name), number, mode))
        setattr(sys, f"__{name}__", getattr(sys, name))
    sys.argv = ["actgrad", *arguments]


def run() -> NoReturn:
    """Run `actgrad`, and end as Python does, but take nothing apart.

    That would write to every page, and so copy it.
    """
    try:
        main()
    except SystemExit as ended:
        status = ended.code
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = 120
    os._exit(status)


def stream_like(old: TextIOWrapper, number: int, mode: str) -> TextIOWrapper:
    """The stream of a descriptor, opened as Python opened the old one at its start."""
    buffering = -1 if isinstance(old.buffer, BufferedIOBase) else 0
    return TextIOWrapper(
        open(number, f"{mode}b", buffering, closefd=False),
        old.encoding,
        old.errors,
        line_buffering=number == 2 or os.isatty(number),
        write_through=old.write_through,
    )


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
