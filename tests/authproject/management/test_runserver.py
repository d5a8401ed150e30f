"""`manage.py runserver`: its server, as the command makes it."""

import socket
from contextlib import ExitStack, closing
from typing import Any

from django.core.management import get_commands, load_command_class
from django.core.servers.basehttp import WSGIRequestHandler

from tests.support.processes import START_SECONDS

BURST = 100


def test_runserver_queues_a_burst_of_connections() -> None:
    command: Any = load_command_class(get_commands()["runserver"], "runserver")
    with ExitStack() as stack:
        server = command.server_cls(("127.0.0.1", 0), WSGIRequestHandler)  # accepts none yet
        stack.enter_context(closing(server.socket))
        for _ in range(BURST):
            stack.enter_context(
                socket.create_connection(server.server_address, timeout=START_SECONDS)
            )
