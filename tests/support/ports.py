"""Free ports for servers."""

import os
import random
import socket

# Below Linux's default ports for outgoing connections (net.ipv4.ip_local_port_range). Each process
# of a test run has ports of its own, so that two never choose the same one.
PORTS = range(10_000, 32_768)
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Not seeded: tests that run one after another would choose the same ports.
random_source = random.SystemRandom()


own_ports = list(PORTS[WORKER::WORKERS])
random_source.shuffle(own_ports)


def free_port() -> int:
    """Return a port that a server can bind: no listener has it, nor an outgoing connection.

    It is another one each time, so that a test can choose two before it binds them.
    """
    while True:
        port = own_ports.pop()
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("", port))
            except OSError:
                continue
            return port
