"""Warnings about a server that may lose data."""

import logging
from pathlib import Path

import pytest

from tests.support.redis import OpenStore
from tests.support.stores import EMAIL, USER
from tests.support.valkey import ClusterNode, Server, ask, wait_until

PERMISSIONS = ("~acct:*", "+@read", "+@write", "+@scripting", "+@connection")


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (("noeviction", "3600 1"), []),
        (("allkeys-lru", "3600 1"), ["drops users or logouts"]),
        (("volatile-ttl", "3600 1"), ["drops users or logouts"]),
        (("noeviction", ""), ["keeps nothing on disk"]),
    ],
)
def test_unsafe_configuration_is_logged_once(
    open_url: OpenStore,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    configuration: tuple[str, str],
    expected: list[str],
) -> None:
    policy, save = configuration
    ask(server.port, "CONFIG", "SET", "maxmemory-policy", policy)
    ask(server.port, "CONFIG", "SET", "save", save)
    store = open_url(server.url)
    assert not caplog.records
    store.ping()
    store.ping()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == len(expected)
    assert all(text in warning for text, warning in zip(expected, warnings, strict=True))


def test_unsafe_configuration_of_a_cluster_is_logged(
    open_url: OpenStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = ClusterNode(tmp_path / "node")
    try:
        node.assign(0, 16383)
        wait_until(node.is_ready)
        open_url(f"redis+cluster://127.0.0.1:{node.port}").ping()
    finally:
        node.kill()
    assert "keeps nothing on disk" in caplog.text


def test_forbidden_configuration_is_no_error(
    open_url: OpenStore, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ask(server.port, "ACL", "SETUSER", "app", "on", ">secret", *PERMISSIONS)
    caplog.set_level(logging.INFO)
    store = open_url(f"valkey://app:secret@127.0.0.1:{server.port}")
    store.add_user(USER)
    assert store.get_user(EMAIL) == USER
    assert "configuration cannot be checked" in caplog.text
