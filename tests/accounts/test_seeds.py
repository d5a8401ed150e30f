import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from accounts.domain.errors import StartupError, StoreUnavailable
from accounts.domain.users import EmailAddress, User
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds import SeedLoader, SeedUser, read_seeds
from accounts.services import Services
from accounts.stores import open_store
from accounts.stores.memory import MemoryStore
from tests.support.api import PASSWORD, Api, MovableClock
from tests.support.passwords import HASH, NORMALIZED, build_hasher
from tests.support.seeds import write_seeds
from tests.support.stores import EMAIL, USER

POLICY = PasswordPolicy(reject_common=False)
VALID_LINE = json.dumps({"email": "a@example.com", "password": PASSWORD})
OTHER = EmailAddress("b@example.com")
Start = Callable[..., Services]


def with_hash(password_hash: str) -> str:
    return json.dumps({"email": OTHER, "password_hash": password_hash})


# Reading


def test_read_seeds_skips_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "seeds.jsonl"
    file.write_text(f"\n{VALID_LINE}\n \n{with_hash(HASH)}\n")
    assert read_seeds(file, POLICY) == [
        SeedUser(EmailAddress("a@example.com"), plaintext=NORMALIZED),
        SeedUser(OTHER, password_hash=HASH),
    ]


def test_read_seeds_normalizes_email_and_password(tmp_path: Path) -> None:
    file = write_seeds(tmp_path, {"email": " A@Example.COM", "password": "cafe\u0301 cafe\u0301"})
    [seed] = read_seeds(file, POLICY)
    assert (seed.email, seed.plaintext) == ("a@example.com", "caf\u00e9 caf\u00e9")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"email": "b@example.com", "password": "s3cret-\\ud800"}', "is no JSON"),
        ("[]", "must be"),
        ('{"email": "b@example.com"}', "must be"),
        ('{"email": "b@example.com", "password": "s3cret-s3cret", "admin": true}', "must be"),
        ('{"email": "b@example.com", "password": 12345678}', "no string"),
        ('{"email": null, "password": "s3cret-s3cret"}', "no string"),
        ('{"email": "nobody", "password": "s3cret-s3cret"}', "valid e-mail"),
        ('{"email": "b@example.com", "password": "s3cret"}', "at least 8 characters"),
        ('{"email": "b@example.com", "password": "\ufdfa"}', "at least 8 characters"),
        ('{"email": "b@example.com", "password": "s3cret-\\u0000"}', "contains a NUL"),
        (with_hash("s3cret"), "make_users"),
        (with_hash(HASH.replace("$04$", "$31$")), "make_users"),
        # bcrypt's salt has 128 bits, so its last character is one of four.
        (with_hash(f"bcrypt_sha256$$2b$04${'z' * 53}"), "make_users"),
        ('{"email": "A@example.com", "password": "s3cret-s3cret"}', "an earlier line"),
    ],
)  # fmt: skip
def test_read_seeds_invalid_line_is_an_error(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "seeds.jsonl"
    file.write_text(f"{VALID_LINE}\n\n{line}\n")
    with pytest.raises(StartupError) as caught:
        read_seeds(file, POLICY)
    assert f"{file} line 3 " in str(caught.value)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_read_seeds_invalid_utf8_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "seeds.jsonl"
    file.write_bytes(b'{"email": "\xff"}')
    with pytest.raises(StartupError, match="line 1 is no JSON"):
        read_seeds(file, POLICY)


def test_read_seeds_many_errors_lists_the_first_20(tmp_path: Path) -> None:
    file = tmp_path / "seeds.jsonl"
    file.write_text("{\n" * 25)
    with pytest.raises(StartupError, match=r"line 20 is no JSON(.|\n)*has 5 more") as caught:
        read_seeds(file, POLICY)
    assert "line 21" not in str(caught.value)


def test_read_seeds_applies_the_password_policy(tmp_path: Path) -> None:
    file = write_seeds(tmp_path, {"email": EMAIL, "password": "password123"})
    assert read_seeds(file, POLICY)
    with pytest.raises(StartupError, match="too common"):
        read_seeds(file, PasswordPolicy(reject_common=True))


def test_read_seeds_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read"):
        read_seeds(tmp_path / "absent", POLICY)


def test_seed_repr_shows_no_secret() -> None:
    shown = repr(SeedUser(EMAIL, password_hash=HASH, plaintext=NORMALIZED))
    assert HASH not in shown
    assert PASSWORD not in shown


# Loading


@pytest.mark.parametrize("secret", [{"password": PASSWORD}, {"password_hash": HASH}])
def test_seeded_user_can_log_in(
    start: Start, store_url: str, tmp_path: Path, secret: dict[str, str]
) -> None:
    file = write_seeds(tmp_path, {"email": "User@Example.COM ", **secret})
    services = start(STORE_URL=store_url, SEED_USERS_FILE=file)
    assert Api().login(EMAIL).status_code == 200
    services.accounts.store.close()


def test_loading_again_changes_no_account(
    start: Start, valkey_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    store = open_store(valkey_url, clock)
    store.add_user(USER)
    file = write_seeds(
        tmp_path, {"email": EMAIL, "password": PASSWORD}, {"email": OTHER, "password_hash": HASH}
    )
    start(STORE_URL=valkey_url, SEED_USERS_FILE=file).accounts.store.close()
    added = store.get_user(OTHER)
    assert added is not None
    start(STORE_URL=valkey_url, SEED_USERS_FILE=file).accounts.store.close()
    assert (store.get_user(EMAIL), store.get_user(OTHER)) == (USER, added)
    store.close()


class RecoveringStore(MemoryStore):
    """Is unavailable at first, and available after some calls."""

    failures: ClassVar[int] = 2

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.calls = 0

    def get_user(self, email: EmailAddress) -> User | None:
        self.calls += 1
        if self.calls <= self.failures:
            raise StoreUnavailable
        return super().get_user(email)


def test_load_with_retry_waits_for_the_store(clock: MovableClock) -> None:
    store, pauses = RecoveringStore(clock), list[float]()
    loader = SeedLoader([SeedUser(EMAIL, plaintext=NORMALIZED)], store, build_hasher(), clock)
    thread = loader.load_with_retry(pauses.append)
    assert thread is not None
    thread.join(10)
    assert store.count_users() == 1
    assert pauses == [2.0, 2.0]


def test_load_with_retry_available_store_needs_no_thread(clock: MovableClock) -> None:
    store = MemoryStore(clock)
    loader = SeedLoader([SeedUser(EMAIL, password_hash=HASH)], store, build_hasher(), clock)
    assert loader.load_with_retry() is None
    assert store.count_users() == 1
