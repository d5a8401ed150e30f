"""Serves `localhost`: 127.0.0.1 and [::1], since clients choose either."""

import errno
import socket
import sys
from contextlib import ExitStack
from typing import Any, cast

from granian import net
from granian.server.mp import MPServer

BACKLOG = 1024


class Server(MPServer):
    """Granian, which may get a socket that listens already. It opens one for one address only."""

    def __init__(self, listener: socket.socket | None, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._listener = listener

    def _init_shared_socket(self) -> None:
        if self._listener is None:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]
            return
        fd = self._listener.fileno()
        shared: dict[str, Any] = {
            "_ssp": None,
            "_sso": self._listener,
            "_sfd": fd,
            "_shd": cast(Any, net).SocketHolder(fd, False, BACKLOG),  # not in its stub
        }
        vars(self).update(shared)


def open_localhost(port: int) -> socket.socket | None:
    """Listen on 127.0.0.1 and [::1]. Returns `None` on a system that cannot.

    Raises `OSError` if another process has the port on one of them.
    """
    if sys.platform != "linux":
        return None
    try:
        return _open_dual_socket(port)
    except OSError as error:  # such as: no IPv6
        if error.errno == errno.EADDRINUSE:
            raise
        return None


def _open_dual_socket(port: int) -> socket.socket:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # On every address, but by the loopback device: nothing from another machine arrives.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", port))
        listener.listen(BACKLOG)
        stack.pop_all()
    return listener
