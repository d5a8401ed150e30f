"""Ports for servers of tests."""

import random
import socket

# Below those that Linux gives to outgoing connections (net.ipv4.ip_local_port_range), one of
# which could else take a port before its server does.
PORTS = range(10_000, 32_768)
# Not seeded: every process of a test run has the same seed.
chance = random.SystemRandom()


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)) != 0:
                return port
