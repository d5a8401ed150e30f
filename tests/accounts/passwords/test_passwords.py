import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from accounts.domain.errors import (
    HashingOverloaded,
    PasswordInvalidCharacters,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from accounts.passwords.executor import HASHING_NICENESS, HashingExecutor
from accounts.passwords.hasher import BcryptHasher
from accounts.passwords.policy import PasswordPolicy

PASSWORD = "correct horse battery"


class CountingPool(HashingExecutor):
    """Counts what it runs: equal work is what makes equal time."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.count = 0

    def run(self, function: Callable[[], object]) -> object:  # type: ignore[override]  # not generic here
        self.count += 1
        return super().run(function)


@pytest.fixture
def pool() -> Iterator[CountingPool]:
    pool = CountingPool()
    yield pool
    pool.close()


@pytest.fixture
def hasher(pool: CountingPool) -> BcryptHasher:
    return hasher_of(pool, rounds=4)


def hasher_of(pool: HashingExecutor, rounds: int) -> BcryptHasher:
    return BcryptHasher(rounds=rounds, policy=PasswordPolicy(reject_common=False), pool=pool)


def test_a_password_matches_its_own_hash_alone(hasher: BcryptHasher) -> None:
    encoded = hasher.hash(PASSWORD)
    assert hasher.verify(PASSWORD, encoded)
    assert not hasher.verify(PASSWORD + "!", encoded)


def test_equal_passwords_have_different_hashes(hasher: BcryptHasher) -> None:
    assert hasher.hash(PASSWORD) != hasher.hash(PASSWORD)


def test_the_hash_is_bcrypt_of_the_configured_cost(hasher: BcryptHasher) -> None:
    assert hasher.hash(PASSWORD).startswith("bcrypt_sha256$$2b$04$")


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("x" * 80 + "a", "x" * 80 + "b"),
        (" padded password", "padded password"),
        ("padded password ", "padded password"),
        ("Upper and lower", "upper and lower"),
    ],
)
def test_every_character_counts(hasher: BcryptHasher, one: str, another: str) -> None:
    assert not hasher.verify(another, hasher.hash(one))


def test_composed_and_decomposed_text_is_one_password(hasher: BcryptHasher) -> None:
    assert hasher.verify("cafe\u0301 cafe\u0301", hasher.hash("caf\u00e9 caf\u00e9"))


@pytest.mark.parametrize("length", [8, 1024])
def test_the_bounds_themselves_are_allowed(hasher: BcryptHasher, length: int) -> None:
    assert hasher.verify("p" * length, hasher.hash("p" * length))


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("1234567", PasswordTooShort),
        ("", PasswordTooShort),
        ("p" * 1025, PasswordTooLong),
        # NFKC makes eighteen characters of this one.
        ("\ufdfa" * 57, PasswordTooLong),
        ("with a \0 in it", PasswordInvalidCharacters),
        ("with half a pair \ud800", PasswordInvalidCharacters),
    ],
)
def test_what_the_policy_refuses_is_never_hashed(
    hasher: BcryptHasher, pool: CountingPool, password: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        hasher.hash(password)
    assert pool.count == 0


@pytest.mark.parametrize(
    "password", ["", "short", "p" * 1025, "nul \0 inside", "half a pair \ud800"]
)
def test_what_could_never_be_set_never_matches_and_costs_the_same(
    hasher: BcryptHasher, pool: CountingPool, password: str
) -> None:
    assert not hasher.verify(password, hasher.hash(PASSWORD))
    assert pool.count == 2


def test_nobody_costs_as_much_as_somebody(hasher: BcryptHasher, pool: CountingPool) -> None:
    assert not hasher.verify(PASSWORD, None)
    assert pool.count == 1


def test_nobodys_hash_is_of_the_configured_cost(pool: CountingPool) -> None:
    hasher = hasher_of(pool, rounds=5)
    assert not hasher.must_update(hasher._dummy_hash)


def test_a_wrong_password_for_a_cheaper_hash_makes_up_for_the_difference(
    pool: CountingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap = hasher_of(pool, rounds=4).hash(PASSWORD)
    dear = hasher_of(pool, rounds=6)
    salts = []
    encode = dear._django.encode

    def counting_encode(text: str, salt: str) -> str:
        salts.append(salt)
        return encode(text, salt)

    monkeypatch.setattr(dear._django, "encode", counting_encode)
    assert not dear.verify("wrong password", cheap)
    assert len(salts) == 2 ** (6 - 4)


def test_a_hash_of_another_cost_must_be_updated(pool: CountingPool) -> None:
    encoded = hasher_of(pool, rounds=4).hash(PASSWORD)
    assert not hasher_of(pool, rounds=4).must_update(encoded)
    assert hasher_of(pool, rounds=5).must_update(encoded)


def test_common_passwords_are_refused_where_asked() -> None:
    PasswordPolicy(reject_common=False).check("password123")
    with pytest.raises(PasswordTooCommon):
        PasswordPolicy(reject_common=True).check("Password123")


def test_an_uncommon_password_is_not_refused() -> None:
    PasswordPolicy(reject_common=True).check(PASSWORD)


def test_past_the_bound_a_caller_is_refused_at_once() -> None:
    pool = HashingExecutor(threads=1, max_pending=1)
    entered, release = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        release.wait()

    holder = threading.Thread(target=pool.run, args=(hold,))
    holder.start()
    entered.wait()
    with pytest.raises(HashingOverloaded):
        pool.run(lambda: None)
    release.set()
    holder.join()
    assert pool.run(lambda: "served again") == "served again"
    pool.close()


def test_a_place_is_given_back_by_what_fails() -> None:
    pool = HashingExecutor(threads=1, max_pending=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            pool.run(lambda: 1 // 0)
    pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads a priority")
def test_hashing_threads_yield_to_every_other() -> None:
    pool = HashingExecutor(threads=1)
    niceness = pool.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert niceness == os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + HASHING_NICENESS
    pool.close()
