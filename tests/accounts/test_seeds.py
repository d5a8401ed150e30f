"""`SEED_USERS_FILE`: accounts that are there from the start, in every store."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.interfaces import AccountStore
from accounts.domain.users import EmailAddress, User
from accounts.passwords.executor import HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds import SeedLoader, SeedUser, read_seeds
from accounts.services import Services
from accounts.stores import open_store
from tests.support.api import EMAIL, PASSWORD, Api, MovableClock
from tests.support.valkey import Server, valkey_binary

POLICY = PasswordPolicy(reject_common=False)
HASH = "bcrypt_sha256$$2b$04$APic8o57jZL7SJLLeDa57uWKsadicfXY3cMj2thnqklv7sBiWWo3K"
"""Of PASSWORD."""
Start = Callable[..., Services]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "seeds.jsonl"


@pytest.fixture
def hasher() -> BcryptHasher:
    return BcryptHasher(rounds=4, policy=POLICY, pool=HashingExecutor())


def write(file: Path, *seeds: Mapping[str, object]) -> Path:
    file.write_text("".join(f"{json.dumps(seed)}\n" for seed in seeds))
    return file


@pytest.mark.parametrize("secret", [{"password": PASSWORD}, {"password_hash": HASH}])
def test_a_seeded_user_can_log_in(
    start: Start, store_url: str, file: Path, secret: dict[str, object]
) -> None:
    write(file, {"email": "User@Example.COM ", **secret})
    services = start(STORE_URL=store_url, SEED_USERS_FILE=file)
    assert Api().login(EMAIL).status_code == 200
    services.accounts.store.close()


def test_seeding_changes_no_account_that_is_there(
    start: Start, store_url: str, file: Path, clock: MovableClock
) -> None:
    write(
        file,
        {"email": EMAIL, "password": PASSWORD},
        {"email": "b@example.com", "password_hash": HASH},
    )
    there = User(EmailAddress(EMAIL), "another hash", "version-1", 1.5)
    if store_url != "memory://":  # which forgets
        store = open_store(store_url, clock)
        store.add_user(there)
        store.close()
        for _ in range(2):
            store = start(STORE_URL=store_url, SEED_USERS_FILE=file).accounts.store
            assert store.get_user(there.email) == there
            assert store.get_user(EmailAddress("b@example.com")) is not None
            store.close()


def test_a_thousand_seeds_are_there_within_two_seconds(
    start: Start, store_url: str, file: Path
) -> None:
    write(file, *({"email": f"user{n}@example.com", "password_hash": HASH} for n in range(1000)))
    started = time.monotonic()
    services = start(STORE_URL=store_url, SEED_USERS_FILE=file)
    assert time.monotonic() - started < 2
    assert services.accounts.store.get_user(EmailAddress("user999@example.com")) is not None
    services.accounts.store.close()


def test_blank_lines_are_skipped(file: Path) -> None:
    file.write_text(f'\n{{"email": "a@example.com", "password": "{PASSWORD}"}}\n \n')
    assert [seed.email for seed in read_seeds(file, POLICY)] == ["a@example.com"]


GOOD = json.dumps({"email": "a@example.com", "password": PASSWORD})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "must be"),
        ('"email"', "must be"),
        ("{}", "must be"),
        ('{"email": "b@example.com"}', "must be"),
        ('{"email": "b@example.com", "password": "s3cret-s3cret", "admin": true}', "must be"),
        ('{"email": "b@example.com", "password": 12345678}', "no string"),
        ('{"email": null, "password": "s3cret-s3cret"}', "no string"),
        ('{"email": "nobody", "password": "s3cret-s3cret"}', "no valid e-mail"),
        ('{"email": "b@example.com", "password": "s3cret"}', "at least 8 characters"),
        ('{"email": "b@example.com", "password_hash": "s3cret"}', "make_users"),
        (GOOD.replace("a@", "b@").replace(PASSWORD, HASH.replace("04", "31"))
         .replace('"password"', '"password_hash"'), "make_users"),
        # bcrypt's salt has 128 bits, so its last character is one of four.
        (GOOD.replace("a@", "b@").replace(PASSWORD, f"bcrypt_sha256$$2b$04${'z' * 53}")
         .replace('"password"', '"password_hash"'), "make_users"),
        ('{"email": "A@example.com", "password": "s3cret-s3cret"}', "an earlier line"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_seed_is_refused_by_its_number(file: Path, line: str, fault: str) -> None:
    file.write_text(f"{GOOD}\n\n{line}\n")
    with pytest.raises(StartupError) as refusal:
        read_seeds(file, POLICY)
    assert f"{file} line 3 " in str(refusal.value)
    assert fault in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_invalid_utf8_is_refused(file: Path) -> None:
    file.write_bytes(b'{"email": "\xff"}')
    with pytest.raises(StartupError, match="line 1 is no JSON"):
        read_seeds(file, POLICY)


def test_every_fault_is_named_up_to_a_point(file: Path) -> None:
    file.write_text("{\n" * 25)
    with pytest.raises(StartupError, match=r"line 20 is no JSON(.|\n)*has 5 more") as refusal:
        read_seeds(file, POLICY)
    assert "line 21" not in str(refusal.value)


def test_a_common_password_is_refused_where_the_policy_says_so(file: Path) -> None:
    write(file, {"email": EMAIL, "password": "password123"})
    assert read_seeds(file, POLICY)
    with pytest.raises(StartupError, match="too common"):
        read_seeds(file, PasswordPolicy(reject_common=True))


def test_a_file_that_cannot_be_read_is_refused(file: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read"):
        read_seeds(file, POLICY)


def test_a_seeds_repr_shows_no_password() -> None:
    assert PASSWORD not in repr(SeedUser(EmailAddress(EMAIL), None, PASSWORD))


def test_seeds_for_a_store_that_is_away_are_added_when_it_is_back(
    tmp_path: Path, clock: MovableClock, hasher: BcryptHasher
) -> None:
    server = Server(valkey_binary(), tmp_path)
    server.kill()
    store: AccountStore = open_store(f"valkey://127.0.0.1:{server.port}", clock)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            server.start()

    sower = SeedLoader([SeedUser(EmailAddress(EMAIL), HASH, None)], store, hasher, clock)
    thread = sower.load_with_retry(pause)
    assert thread is not None
    thread.join(10)
    assert store.get_user(EmailAddress(EMAIL)) is not None
    assert len(pauses) == 2
    store.close()
    server.kill()


def test_a_store_that_is_away_stops_no_start(start: Start, file: Path) -> None:
    write(file, {"email": EMAIL, "password_hash": HASH})
    services = start(STORE_URL="redis://127.0.0.1:1", SEED_USERS_FILE=file)
    with pytest.raises(StoreUnavailable):
        services.accounts.store.ping()
    answer = Api().login()
    assert answer.status_code == 503
    assert answer.json()["code"] == "store_unavailable"
    assert answer["Retry-After"]
