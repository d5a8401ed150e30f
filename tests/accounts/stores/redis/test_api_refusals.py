"""What clients see while a real server refuses. The table of docs/operate/failures.md has it."""

import logging
from collections.abc import Callable, Iterator
from threading import Thread
from typing import NamedTuple

import pytest
from redis import Redis

from accounts.services import Services, get_services
from tests.support.api import Api
from tests.support.http import get_error
from tests.support.server_refusals import (
    break_snapshots,
    configure,
    demote,
    fill_memory,
    promote,
    require_replicas,
)
from tests.support.valkey import Server, ask, valkey_binary, wait_until

UNAVAILABLE = (503, "store_unavailable")


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    server = Server(valkey_binary(), folder, "--enable-debug-command", "local")
    yield server
    server.kill()


def free_memory(server: Server) -> None:
    configure(server, "maxmemory", "0")


def require_no_replicas(server: Server) -> None:
    configure(server, "min-replicas-to-write", "0")


def repair_snapshots(server: Server) -> None:
    (server.folder / "dump.rdb").rmdir()
    configure(server, "save", "")
    ask(server.port, "BGSAVE")
    wait_until(lambda: b"rdb_last_bgsave_status:ok" in ask(server.port, "INFO", "persistence"))


def deny_changes(server: Server) -> None:
    ask(server.port, "ACL", "SETUSER", "default", "-@write")


def allow_changes(server: Server) -> None:
    ask(server.port, "ACL", "SETUSER", "default", "+@all")


def require_password(server: Server) -> None:
    configure(server, "requirepass", "secret")
    with Redis(port=server.port, password="secret") as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def require_no_password(server: Server) -> None:
    with Redis(port=server.port, password="secret") as client:
        client.config_set("requirepass", "")


def load_slowly(server: Server) -> None:
    """Let the server load its data again, for some seconds."""
    ask(server.port, "DEBUG", "POPULATE", "2000")
    configure(server, "loading-process-events-interval-bytes", "1024")
    configure(server, "key-load-delay", "1000")
    Thread(target=ask, args=(server.port, "DEBUG", "RELOAD")).start()
    wait_until(lambda: ask(server.port, "PING").startswith(b"-LOADING"))


def wait_until_loaded(server: Server) -> None:
    wait_until(lambda: ask(server.port, "PING") == b"+PONG\r\n")
    configure(server, "key-load-delay", "0")


class Refusal(NamedTuple):
    begin: Callable[[Server], None]
    end: Callable[[Server], None]
    said: str


CHANGES_REFUSED = {
    "READONLY": Refusal(demote, promote, "ReadOnlyError"),
    "OOM": Refusal(fill_memory, free_memory, "OutOfMemoryError"),
    "NOREPLICAS": Refusal(require_replicas, require_no_replicas, "NOREPLICAS"),
    "MISCONF": Refusal(break_snapshots, repair_snapshots, "MISCONF"),
    "NOPERM": Refusal(deny_changes, allow_changes, "NoPermissionError"),
}
ALL_REFUSED = {
    "NOAUTH": Refusal(require_password, require_no_password, "AuthenticationError"),
    "LOADING": Refusal(load_slowly, wait_until_loaded, "BusyLoadingError"),
}


@pytest.fixture
def api(start: Callable[..., Services], shared_server: Server) -> Iterator[Api]:
    ask(shared_server.port, "FLUSHALL")
    services = start(STORE_URL=shared_server.url, ROTATE_REFRESH_TOKENS=True)
    yield Api()
    services.accounts.store.close()


@pytest.fixture
def tokens(api: Api) -> dict[str, str]:
    return api.register_and_log_in()


def check_log(caplog: pytest.LogCaptureFixture, refusal: Refusal, *starts: str) -> None:
    """Check that each kind of call has one line with what the server said, and an advice."""
    lines = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert [line.partition(" fail")[0] for line in lines] == list(starts)
    assert all(refusal.said in line and line.endswith(")") for line in lines)


@pytest.mark.parametrize("name", CHANGES_REFUSED)
def test_refused_changes_are_503_and_reads_go_on(
    api: Api,
    tokens: dict[str, str],
    shared_server: Server,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    refusal = CHANGES_REFUSED[name]
    refusal.begin(shared_server)
    try:
        for _ in range(2):
            assert api.profile(tokens["access_token"]).status_code == 200
            assert api.login().status_code == 200
            assert get_error(api.register("new@example.com")) == UNAVAILABLE
            assert get_error(api.refresh(tokens["refresh_token"])) == UNAVAILABLE
            assert get_error(api.logout(tokens["refresh_token"])) == UNAVAILABLE
            assert get_error(api.client.get("/health/ready")) == UNAVAILABLE
    finally:
        refusal.end(shared_server)
    check_log(caplog, refusal, "changes to the store")
    assert api.logout(tokens["refresh_token"]).status_code == 204


@pytest.mark.parametrize("name", ALL_REFUSED)
def test_refused_reads_are_503(
    api: Api,
    tokens: dict[str, str],
    shared_server: Server,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    refusal = ALL_REFUSED[name]
    refusal.begin(shared_server)
    try:
        for _ in range(2):
            assert get_error(api.profile(tokens["access_token"])) == UNAVAILABLE
            assert get_error(api.login()) == UNAVAILABLE
            assert get_error(api.register("new@example.com")) == UNAVAILABLE
            assert get_error(api.logout(tokens["refresh_token"])) == UNAVAILABLE
            assert get_error(api.client.get("/health/ready")) == UNAVAILABLE
    finally:
        refusal.end(shared_server)
    check_log(caplog, refusal, "reads from the store")
    assert api.profile(tokens["access_token"]).status_code == 200


def test_flushed_server_is_401_and_logged_once(
    api: Api, tokens: dict[str, str], shared_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(shared_server.port, "FLUSHALL")
    for _ in range(2):
        assert get_error(api.profile(tokens["access_token"])) == (401, "token_revoked")
        assert get_error(api.login()) == (401, "invalid_credentials")
        assert get_error(api.refresh(tokens["refresh_token"])) == (401, "token_revoked")
    get_services().accounts.store.was_emptied()  # as at a scrape: the first look may be too early
    [line] = [one.message for one in caplog.records if one.levelno == logging.CRITICAL]
    assert line.startswith("the store was emptied")
