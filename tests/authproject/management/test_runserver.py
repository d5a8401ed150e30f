"""`manage.py runserver`, in a real process."""

import signal
import socket
from contextlib import ExitStack
from pathlib import Path

from tests.support.processes import run_python

BURST = 100


def test_runserver_queues_a_burst_of_connections(tmp_path: Path) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with run_python(tmp_path, *command) as service, ExitStack() as stack:
        service.process.send_signal(signal.SIGSTOP)  # it accepts no connection meanwhile
        stack.callback(service.process.send_signal, signal.SIGCONT)
        for _ in range(BURST):
            address = ("127.0.0.1", service.port)
            stack.enter_context(socket.create_connection(address, timeout=1))
