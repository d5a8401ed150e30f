import pytest

from accounts.domain.interfaces import NormalizedPassword
from tests.support.passwords import HASH, NORMALIZED, CountingExecutor, build_hasher

HASHER = build_hasher()


def test_verify_right_password_matches() -> None:
    assert HASHER.verify(NORMALIZED, HASHER.hash(NORMALIZED))


@pytest.mark.parametrize(
    ("one", "another"),
    [("x" * 80 + "a", "x" * 80 + "b"), (" padded", "padded"), ("Case", "case")],
    ids=["beyond 72 bytes", "white space", "case"],
)
def test_verify_compares_every_character(one: str, another: str) -> None:
    encoded = HASHER.hash(NormalizedPassword(one))
    assert not HASHER.verify(NormalizedPassword(another), encoded)


def test_hash_has_a_new_salt_each_time() -> None:
    assert HASHER.hash(NORMALIZED) != HASHER.hash(NORMALIZED)


def test_hash_has_the_configured_cost() -> None:
    assert build_hasher(rounds=5).hash(NORMALIZED).startswith("bcrypt_sha256$$2b$05$")


@pytest.mark.parametrize("encoded", [HASH, None])
@pytest.mark.parametrize("password", [NORMALIZED, None])
def test_verify_takes_one_hash_even_for_none(
    password: NormalizedPassword | None, encoded: str | None
) -> None:
    executor = CountingExecutor()
    matches = build_hasher(executor=executor).verify(password, encoded)
    assert matches is (password is not None and encoded is not None)
    assert executor.count == 1


def test_dummy_hash_has_the_configured_cost() -> None:
    hasher = build_hasher(rounds=5)
    assert not hasher.must_update(hasher._dummy_hash)


def test_dummy_hash_does_not_match_the_empty_password() -> None:
    assert not HASHER.verify(NormalizedPassword(""), HASHER._dummy_hash)


def test_verify_cheaper_hash_does_the_missing_work(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = build_hasher(rounds=6)
    encode, salts = hasher._django.encode, []

    def counting_encode(text: str, salt: str) -> str:
        salts.append(salt)
        return encode(text, salt)

    monkeypatch.setattr(hasher._django, "encode", counting_encode)
    assert not hasher.verify(NormalizedPassword("wrong password"), HASH)
    assert len(salts) == 2 ** (6 - 4)


def test_must_update_hash_of_another_cost() -> None:
    assert not build_hasher(rounds=4).must_update(HASH)
    assert build_hasher(rounds=5).must_update(HASH)
