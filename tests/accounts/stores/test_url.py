"""Which STORE_URL is valid, and that no error message repeats a password."""

import sys
from pathlib import Path
from typing import Any

import pytest
from redis.connection import SSLConnection

from accounts.domain.errors import StartupError
from accounts.stores import check_store, is_multi_process, open_store
from accounts.stores.redis.client import connect
from accounts.stores.url import (
    InvalidStoreURL,
    RedisURL,
    Topology,
    parse_file_url,
    parse_redis_url,
    parse_url,
)
from tests.support.api import MovableClock


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "memory:",
        "file:///var/lib/accounts.jsonl",
        "file://localhost/var/lib/accounts.jsonl",
        "redis://localhost",
        "redis://localhost/",
        "redis://localhost:65535/15",
        "rediss://user:password@cache.example.com:6379/0?ssl_ca_certs=/etc/ca.pem",
        "valkey://:password@[::1]:6379",
        "valkeys://127.0.0.1",
        "redis+cluster://a.example:7000,b.example:7001",
        "redis+cluster://a.example:7000/0",
        "redis+sentinel://u:p@a.example:26379,b.example/accounts/1",
        "redis+sentinel://a.example/accounts",
        "valkeys+cluster://user:password@a.example,b.example:7001/0?ssl_ca_certs=/etc/ca.pem",
        "rediss+sentinel://u:p@a.example/accounts?sentinel_username=u&sentinel_password=p",
        "valkey+sentinel://a.example/accounts?sentinel_password=p&wait_replicas=1",
        "redis://localhost?wait_replicas=9",
        "rediss://localhost?ssl_ca_certs=/etc/ca.pem&wait_replicas=1",
    ],
)
def test_valid_url_is_accepted(url: str) -> None:
    parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "nonsense",
        "postgres://user:s3cret@localhost",
        "REDIS://localhost",
        "memory://s3cret",
        "file:accounts.jsonl",
        "file://accounts.jsonl",
        "file://relative/accounts.jsonl",
        "file:///var/lib/",
        "file:///a?b",
        "file:///a#b",
        "file://[::1/a",
        "redis:localhost",
        "redis://",
        "redis:///0",
        "redis://user:s3cret@",
        "redis://user:s3cret@host:port",
        "redis://user:s3cret@host:0",
        "redis://user:s3cret@host:65536",
        "redis://user:s3cret@host/db",
        "redis://user:s3cret@host/123456",
        "redis://user:s3cret/more@host",
        "redis://user:s3cret@host#more",
        "redis://user:s3cret@host ",
        "redis://user:s3cret@one,two",
        "redis://user:s3cret@host?socket_timeout=0",
        "redis://user:s3cret@host?socket_timeout=",
        "redis://user:s3cret@host?ssl_ca_certs=/etc/ca.pem",
        "rediss://user:s3cret@host?ssl_cert_reqs=none",
        "redis://user:s3cret@host?sentinel_password=s3cret",
        "redis://user:s3#cret@host",
        pytest.param("redis://user:s3\tcret@host", id="tab"),
        "redis://user:s3[cret@host",
        "redis://user:s3cret@host?wait_replicas=10",
        "redis://user:s3cret@host?wait_replicas=s3cret",
        "redis+cluster://user:s3cret@host?ssl_ca_certs=/etc/ca.pem",
        "redis+cluster://user:s3cret@host/1",
        "redis+cluster://user:s3cret@one,,two",
        "redis+sentinel://user:s3cret@host",
        "redis+sentinel://user:s3cret@host/accounts/one",
        "redis+sentinel://user:s3cret@host/accounts/0/1",
    ],
)
def test_invalid_url_error_hides_password(url: str) -> None:
    with pytest.raises(InvalidStoreURL) as caught:
        parse_url(url)
    assert str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_credentials_are_percent_decoded() -> None:
    location = parse_redis_url("redis://us%40er:p%2F%3A%25@host")
    assert (location.username, location.password) == ("us@er", "p/:%")


def test_password_may_have_a_colon() -> None:
    location = parse_redis_url("redis://user:a:b@host")
    assert (location.username, location.password) == ("user", "a:b")


def test_option_may_have_a_colon_and_slashes() -> None:
    location = parse_url("redis+sentinel://host/service?sentinel_password=a://b")
    assert isinstance(location, RedisURL)
    assert location.sentinel_password == "a://b"


def test_sentinels_have_credentials_of_their_own() -> None:
    url = "redis+sentinel://a/s?sentinel_username=us%40er&sentinel_password=p+%26%25"
    location = parse_redis_url(url)
    assert (location.sentinel_username, location.sentinel_password) == ("us@er", "p+&%")
    assert (location.username, location.password) == (None, None)


def test_repr_hides_passwords() -> None:
    url = "redis+sentinel://user:s3cret@host/service?sentinel_password=s3cret"
    assert "s3cret" not in repr(parse_redis_url(url))


def test_host_port_and_database_are_parsed() -> None:
    location = parse_redis_url("redis://hostX:1/2")
    assert (location.hosts, location.db) == ([("hostX", 1)], 2)


def test_left_out_parts_have_defaults() -> None:
    location = parse_redis_url("valkey://host")
    assert (location.hosts, location.topology) == ([("host", 6379)], Topology.SINGLE)
    assert (location.username, location.password, location.db) == (None, None, 0)
    assert (location.service_name, location.tls) == ("", False)


def test_sentinel_url_has_own_port_and_service() -> None:
    location = parse_redis_url("redis+sentinel://a,[::1]:1/my%2Fservice/3")
    assert location.topology is Topology.SENTINEL
    assert location.hosts == [("a", 26379), ("::1", 1)]
    assert (location.service_name, location.db) == ("my/service", 3)


@pytest.mark.parametrize("kind", ["", "+sentinel"])
def test_tls_certificates_are_verified(kind: str) -> None:
    client = connect(parse_redis_url(f"valkeys{kind}://host/1?ssl_ca_certs=/etc/my%20ca+1.pem"))
    pool: Any = client.connection_pool  # type: ignore[union-attr]  # no cluster
    assert issubclass(pool.connection_class, SSLConnection)
    options = pool.connection_kwargs
    assert options.get("ssl_cert_reqs", "required") == "required"
    assert options.get("ssl_check_hostname", True) is True
    assert options["ssl_ca_certs"] == "/etc/my ca+1.pem"


def test_file_url_is_unquoted_and_links_resolved(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert parse_file_url(f"file://{tmp_path}/link/a%20b%3F.jsonl") == tmp_path / "a b?.jsonl"


def test_file_url_without_file_locks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(InvalidStoreURL, match="file locks"):
        parse_url("file:///var/lib/accounts/accounts.jsonl")


def test_circle_of_links_is_refused(tmp_path: Path, clock: MovableClock) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(StartupError, match=r"accounts.jsonl.lock cannot be"):
        open_store(f"file://{tmp_path}/one/accounts.jsonl", clock)


def test_only_servers_are_multi_process() -> None:
    assert is_multi_process("valkey://host")
    assert not is_multi_process("memory://")
    assert not is_multi_process("file:///a")


def test_opening_server_url_connects_to_nothing(clock: MovableClock) -> None:
    check_store("redis://nowhere.invalid")
    store = open_store("redis://nowhere.invalid", clock)
    assert store.backend_name == "redis"
    store.close()
