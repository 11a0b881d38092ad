"""A page in Chromium, spoken to through its debugging pipe: nothing is read before its time."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


class Pipe:
    """The messages to a browser and its answers, each a JSON text that a zero byte ends."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self.received, self.count, self.session = end, b"", 0, ""

    def message(self) -> dict[str, Any]:
        while b"\0" not in self.received:
            piece = self.end.recv(65_536)
            assert piece, "the browser has ended"
            self.received += piece
        text, _, self.received = self.received.partition(b"\0")
        return json.loads(text)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.count += 1
        request = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        self.end.sendall(json.dumps(request).encode() + b"\0")
        while (answer := self.message()).get("id") != self.count:
            pass
        return answer["result"]

    def visit(self, file: Path) -> None:
        """Open the file in an active window, and wait until it is loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        self.ask("Page.enable")
        self.ask("Page.navigate", url=file.as_uri())
        while self.message().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, script: str) -> Any:
        answer = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Pipe]:
    ours, theirs = socket.socketpair()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    actions = [
        (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
        (os.POSIX_SPAWN_DUP2, theirs.fileno(), 4),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    command = [program, *options, f"--user-data-dir={profile}", "about:blank"]
    process = os.posix_spawn(program, command, os.environ, file_actions=actions)
    theirs.close()
    try:
        pipe = Pipe(ours)
        yield pipe
        pipe.session = ""
        pipe.ask("Browser.close")
    finally:
        ours.close()  # the browser ends with its pipe
        os.waitpid(process, 0)


@pytest.fixture
def browsed(tmp_path: Path) -> Callable[[str, str], Any]:
    """What a script gives, or its promise, which runs in a page once that is loaded."""
    if BROWSER is None:
        pytest.skip("Chromium is not installed")

    def value(page: str, script: str) -> Any:
        file = tmp_path / "page.html"
        file.write_text(page, encoding="utf-8")
        with browser(BROWSER, tmp_path / "profile") as pipe:
            pipe.visit(file)
            return pipe.evaluate(script)

    return value
