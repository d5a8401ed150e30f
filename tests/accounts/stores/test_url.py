"""What a STORE_URL may say, and that no refusal repeats a password."""

from pathlib import Path

import pytest

from accounts.domain.errors import StartupError
from accounts.stores import check_url, is_multi_process, open_store
from accounts.stores.redis.client import connect
from accounts.stores.url import InvalidStoreURL, Topology, parse_file_url, parse_redis_url
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
        "redis://localhost:6380/15",
        "rediss://user:password@cache.example.com:6379/0?ssl_ca_certs=/etc/ca.pem",
        "valkey://:password@[::1]:6379",
        "valkeys://127.0.0.1",
        "redis+cluster://a.example:7000,b.example:7001",
        "redis+cluster://a.example:7000/0",
        "redis+sentinel://u:p@a.example:26379,b.example/accounts/1",
        "redis+sentinel://a.example/accounts",
    ],
)
def test_a_good_url(url: str) -> None:
    check_url(url)


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
        "file:///a%00b",
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
        "redis://user:s3cret#more@host",
        "redis://user:s3cret more@host",
        "redis://user:s3cret\n@host",
        "redis://user:s3cret@one,two",
        "redis://user:s3cret@host?socket_timeout=0",
        "redis://user:s3cret@host?ssl_ca_certs=/etc/ca.pem",
        "rediss://user:s3cret@host?ssl_cert_reqs=none",
        "redis+cluster://user:s3cret@host/1",
        "redis+cluster://user:s3cret@one,,two",
        "redis+sentinel://user:s3cret@host",
        "redis+sentinel://user:s3cret@host/accounts/one",
        "redis+sentinel://user:s3cret@host/accounts/0/1",
    ],
)
def test_a_bad_url_is_refused_and_its_password_not_repeated(url: str) -> None:
    with pytest.raises(InvalidStoreURL) as refusal:
        check_url(url)
    assert str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_credentials_are_percent_decoded() -> None:
    place = parse_redis_url("rediss://us%40er:p%2F%3A%25@host:1/2?ssl_ca_certs=/etc/my%20ca.pem")
    assert (place.username, place.password) == ("us@er", "p/:%")
    assert (place.hosts, place.db, place.tls) == ([("host", 1)], 2, True)
    assert place.certificates == {"ssl_ca_certs": "/etc/my ca.pem"}
    assert "p/:%" not in repr(place)


def test_what_is_left_out_has_a_default() -> None:
    place = parse_redis_url("valkey://host")
    assert (place.username, place.password, place.db, place.tls) == (None, None, 0, False)
    assert (place.hosts, place.topology) == ([("host", 6379)], Topology.SINGLE)


def test_sentinels_have_a_port_and_a_service_of_their_own() -> None:
    place = parse_redis_url("redis+sentinel://a,[::1]:1/my%2Fservice/3")
    assert place.hosts == [("a", 26379), ("::1", 1)]
    assert (place.service, place.db, place.topology) == ("my/service", 3, Topology.SENTINEL)


def test_a_file_is_found_through_links_and_escapes(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert parse_file_url(f"file://{tmp_path}/link/a%20b%3F.jsonl") == tmp_path / "a b?.jsonl"


def test_only_servers_are_shared() -> None:
    assert is_multi_process("valkey://host")
    assert not is_multi_process("memory://")
    assert not is_multi_process("file:///a")


def test_tls_is_verified(clock: MovableClock) -> None:
    options = connect(
        parse_redis_url("valkeys://host?ssl_ca_certs=/ca.pem")
    ).connection_pool.connection_kwargs  # type: ignore[union-attr]  # one server
    assert options["ssl_cert_reqs"] == "required"
    assert options["ssl_check_hostname"] is True
    assert options["ssl_ca_certs"] == "/ca.pem"


def test_opening_a_server_connects_to_nothing(clock: MovableClock) -> None:
    store = open_store("redis://nowhere.invalid", clock)
    assert store.backend_name == "redis"
    store.close()


def test_links_in_a_circle_are_refused_by_name(tmp_path: Path, clock: MovableClock) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(StartupError, match=r"accounts.jsonl.lock cannot be written"):
        open_store(f"file://{tmp_path}/one/accounts.jsonl", clock)
