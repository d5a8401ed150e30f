"""`serve` on `localhost`, which is an IPv4 and an IPv6 address."""

import errno
import select
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from authproject.server.listener import (
    ignore_new_connections,
    open_listener,
    open_listeners,
    stop_accepting,
)
from tests.support.ports import free_port
from tests.support.processes import START_SECONDS, run_manage, run_service

ADDRESSES = ["127.0.0.1", "::1", "localhost"]


@pytest.fixture(autouse=True)
def ipv6() -> None:
    try:
        with closing(socket.create_server(("::1", 0), family=socket.AF_INET6)):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")


def get_status(address: str, port: int) -> int:
    with closing(HTTPConnection(address, port, timeout=START_SECONDS)) as connection:
        connection.request("GET", "/health", headers={"Host": "localhost"})
        return connection.getresponse().status


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(open_listener("localhost", free_port())) as listener:
        yield listener


@pytest.mark.parametrize("options", [(), ("--host", "localhost")])
def test_development_serves_both_addresses(tmp_path: Path, options: tuple[str, ...]) -> None:
    with run_service(tmp_path, *options) as service:
        assert [get_status(address, service.port) for address in ADDRESSES] == [200, 200, 200]
        assert "serving on http://localhost:" in service.log


def test_client_over_ipv4_is_logged_with_its_ipv4_address(tmp_path: Path) -> None:
    with run_service(tmp_path, LOG_FORMAT="json") as service:
        get_status("127.0.0.1", service.port)
        get_status("::1", service.port)
    assert '"client":"127.0.0.1"' in service.log
    assert '"client":"::1"' in service.log
    assert "::ffff:" not in service.log


@pytest.mark.parametrize("environment", [{"ENVIRONMENT": "production"}, {}])
def test_one_address_serves_nothing_else(tmp_path: Path, environment: dict[str, str]) -> None:
    options = () if environment else ("--host", "127.0.0.1")
    production = {"ALLOWED_HOSTS": "localhost", "BCRYPT_ROUNDS": "10", **environment}
    with run_service(tmp_path, *options, **production) as service:
        assert get_status("127.0.0.1", service.port) == 200
        with pytest.raises(ConnectionRefusedError):
            get_status("::1", service.port)


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
def test_port_in_use_on_one_address_is_an_error(family: str, address: str) -> None:
    with closing(socket.create_server((address, 0), family=getattr(socket, family))) as other:
        port = other.getsockname()[1]
        run = run_manage("serve", "--port", str(port))
    assert run.returncode == 1
    assert f"Cannot listen on localhost:{port}: " in run.stderr
    assert "Traceback" not in run.stderr


def test_only_this_machine_is_served(listener: socket.socket) -> None:
    device = listener.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
    assert device.rstrip(b"\0") == b"lo"


def test_system_without_the_option_serves_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "SO_BINDTODEVICE", 10_000)
    with closing(open_listener("localhost", free_port())) as listener:
        assert listener.family == socket.AF_INET


def test_other_system_serves_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with closing(open_listener("localhost", free_port())) as listener:
        assert listener.family == socket.AF_INET


def test_port_in_use_is_raised(listener: socket.socket) -> None:
    with pytest.raises(OSError, match="in use") as raised:
        open_listener("localhost", listener.getsockname()[1])
    assert raised.value.errno == errno.EADDRINUSE


def count_accepted(listeners: list[socket.socket], connections: int) -> list[int]:
    """Accept so many connections, and return how many each listener had."""
    counts = dict.fromkeys(listeners, 0)
    while sum(counts.values()) < connections:
        ready, _, _ = select.select(listeners, [], [], START_SECONDS)
        assert ready
        for listener in ready:
            listener.accept()[0].close()
            counts[listener] += 1
    return list(counts.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_are_spread_over_the_workers(host: str) -> None:
    port = free_port()
    with ExitStack() as stack:
        listeners = [stack.enter_context(one) for one in open_listeners(host, port, 3)]
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        counts = count_accepted(listeners, 100)
    assert min(counts) > 10  # one chance in a million


def test_port_of_several_workers_is_in_use() -> None:
    port = free_port()
    with ExitStack() as stack:
        for one in open_listeners("127.0.0.1", port, 2):
            stack.enter_context(one)
        with pytest.raises(OSError, match="in use"):
            open_listeners("127.0.0.1", port, 2)


def test_other_system_shares_one_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    first, second = open_listeners("127.0.0.1", free_port(), 2)
    with first:
        assert second is first


def test_ignored_connections_do_not_begin_and_earlier_ones_are_accepted() -> None:
    with (
        closing(open_listener("127.0.0.1", free_port())) as listener,
        closing(socket.create_connection(listener.getsockname())) as earlier,
    ):
        ignore_new_connections(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.05)
        earlier.sendall(b"here")
        with listener.accept()[0] as accepted:
            assert accepted.recv(4) == b"here"


def test_system_without_filters_ignores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with closing(open_listener("127.0.0.1", free_port())) as listener:
        ignore_new_connections(listener)
        socket.create_connection(listener.getsockname(), timeout=START_SECONDS).close()


@pytest.fixture
def epoll() -> Iterator["select.epoll"]:
    if sys.platform != "linux":
        pytest.skip("only Linux has epoll")
    with closing(select.epoll()) as epoll:
        yield epoll


def notices_connections(epoll: "select.epoll", listener: socket.socket) -> bool:
    """Return whether a connection is noticed, by the time that the listener has it."""
    with closing(socket.create_connection(("127.0.0.1", listener.getsockname()[1]))):
        assert select.select([listener], [], [], START_SECONDS)[0]
        return any(descriptor == listener.fileno() for descriptor, _ in epoll.poll(0))


def test_accepting_stops(epoll: "select.epoll", listener: socket.socket) -> None:
    epoll.register(listener)
    assert notices_connections(epoll, listener)
    stop_accepting(listener)
    assert not notices_connections(epoll, listener)


def test_accepting_stops_although_connections_are_closed_meanwhile(
    epoll: "select.epoll", listener: socket.socket
) -> None:
    sockets = [socket.socket() for _ in range(20)]
    with ExitStack() as stack:
        for one in sockets:
            stack.enter_context(one.dup())  # So the system still lists the closed descriptor.
            epoll.register(one)
        for one in sockets:
            one.close()
        epoll.register(listener)
        stop_accepting(listener)
    assert not notices_connections(epoll, listener)


def test_other_system_goes_on_accepting(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    stop_accepting(listener)
    socket.create_connection(("127.0.0.1", listener.getsockname()[1])).close()


def test_accepting_that_begins_later_stops(epoll: "select.epoll", listener: socket.socket) -> None:
    with ThreadPoolExecutor() as executor:
        stopped = executor.submit(stop_accepting, listener)
        with pytest.raises(TimeoutError):
            stopped.result(0.1)
        epoll.register(listener)
        stopped.result(START_SECONDS)
    assert not notices_connections(epoll, listener)
