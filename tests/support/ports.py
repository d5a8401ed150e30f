"""Free ports for servers."""

import random
import socket

# Below Linux's ports for outgoing connections (net.ipv4.ip_local_port_range), so that none of
# these takes a port before its server does.
PORTS = range(10_000, 32_768)
# Not seeded: all processes of a test run have the same seed.
random_source = random.SystemRandom()


def free_port() -> int:
    """Return a port of 127.0.0.1 without a listener."""
    while True:
        port = random_source.choice(PORTS)
        with socket.socket() as listener:
            if listener.connect_ex(("127.0.0.1", port)) != 0:
                return port
