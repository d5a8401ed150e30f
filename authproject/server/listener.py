"""Opens the listening sockets, one for each worker.

Granian's own workers open theirs themselves. A worker that ends then resets the connections that
wait in its queue, and a second service can take the port silently. Here, the parent keeps them.
"""

import ctypes
import errno
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

BACKLOG = 1024
POLL_SECONDS = 0.05

SO_ATTACH_FILTER = 26  # socket(7); Python has no name for it.

NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags of the TCP header
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # only SYN?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFF_FFFF),
)
"""A filter (bpf(4)) that drops the first packet of each connection."""


def open_listeners(host: str, port: int, workers: int) -> list[socket.socket]:
    """Listen with a socket for each worker. Linux spreads the connections over them.

    Of workers that share a socket, the first to wake up takes nearly all connections. Raises
    `OSError` or `UnicodeError` if it cannot listen, for example if the port is in use.
    """
    listener = open_listener(host, port)
    if workers == 1 or sys.platform != "linux":
        return [listener] * workers
    listener.close()  # The port is free; with SO_REUSEPORT, that would not be noticed.
    return [open_listener(host, port, reuse_port=True) for _ in range(workers)]


def open_listener(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Listen on `host`; `localhost` is 127.0.0.1 and [::1], since clients choose either."""
    if host == "localhost" and (listener := _open_localhost(port, reuse_port=reuse_port)):
        return listener
    return _open_address(host, port, reuse_port=reuse_port)


def _open_address(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        _listen(listener, address, reuse_port=reuse_port)
        stack.pop_all()
    return listener


def _open_localhost(port: int, *, reuse_port: bool) -> socket.socket | None:
    """Return `None` on a system that cannot listen on both addresses with one socket."""
    if sys.platform != "linux":
        return None
    try:
        return _open_dual_socket(port, reuse_port=reuse_port)
    except OSError as error:  # such as: no IPv6
        if error.errno == errno.EADDRINUSE:
            raise
        return None


def _open_dual_socket(port: int, *, reuse_port: bool) -> socket.socket:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # On every address, but by the loopback device: nothing from another machine arrives.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        _listen(listener, ("::", port), reuse_port=reuse_port)
        stack.pop_all()
    return listener


def _listen(listener: socket.socket, address: tuple[object, ...], *, reuse_port: bool) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(address)
    listener.listen(BACKLOG)


def ignore_new_connections(listener: socket.socket) -> None:
    """Let no further connection begin, in any process, while those in the queue are accepted.

    Closing a socket resets what is in its queue. With this before, it is empty by then. A client
    that connects meanwhile tries again after a second, and is refused, as the socket is closed.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in NO_SYN))
        filter_ = struct.pack("HL", len(NO_SYN), ctypes.addressof(program))
        with suppress(OSError):  # A sandbox may lack it; then such clients are disconnected.
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)


def stop_accepting(listener: socket.socket) -> None:
    """Leave new connections to the other processes that listen on the same socket (Linux).

    Granian has no function for it. So the listener is removed from its epoll instance, as
    epoll(7) lists it in /proc. If Granian has not begun to accept, this waits for it.
    """
    while sys.platform == "linux" and not any(
        _remove(listener, *polled) for polled in _iter_polled()
    ):
        time.sleep(POLL_SECONDS)


def _remove(listener: socket.socket, instance: int, descriptor: int) -> bool:
    """Remove the descriptor from its epoll instance if it is the listener."""
    with suppress(OSError):  # A connection, which was closed meanwhile.
        if os.path.sameopenfile(descriptor, listener.fileno()):
            with select.epoll.fromfd(os.dup(instance)) as epoll:  # It closes its descriptor.
                epoll.unregister(descriptor)
            return True
    return False


def _iter_polled() -> Iterator[tuple[int, int]]:
    """Yield the descriptors of each epoll instance of this process, with that of the instance."""
    for info in Path("/proc/self/fdinfo").glob("*"):
        with suppress(FileNotFoundError):  # It was closed meanwhile.
            for line in info.read_text().splitlines():
                if line.startswith("tfd:"):
                    yield int(info.name), int(line.split()[1])
