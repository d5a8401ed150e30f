import pytest

from accounts.domain.interfaces import NormalizedPassword, SubmittedPassword
from accounts.passwords.hasher import estimate_seconds
from accounts.passwords.policy import parse_password
from tests.support.api import EMAIL, PASSWORD
from tests.support.django_hashes import make_django_hash
from tests.support.passwords import (
    HASH,
    NORMALIZED,
    SUBMITTED,
    CountingExecutor,
    build_hasher,
    record_costs,
)

HASHER = build_hasher()


def test_verify_right_password_matches() -> None:
    assert HASHER.verify(SUBMITTED, HASHER.hash(NORMALIZED), account=EMAIL)


@pytest.mark.parametrize(
    ("one", "another"),
    [("x" * 80 + "a", "x" * 80 + "b"), (" padded", "padded"), ("Case", "case")],
    ids=["beyond 72 bytes", "white space", "case"],
)
def test_verify_compares_every_character(one: str, another: str) -> None:
    encoded = HASHER.hash(NormalizedPassword(one))
    assert not HASHER.verify(parse_password(another), encoded, account=EMAIL)


def test_hash_has_a_new_salt_each_time() -> None:
    assert HASHER.hash(NORMALIZED) != HASHER.hash(NORMALIZED)


def test_hash_has_the_configured_cost() -> None:
    assert build_hasher(rounds=5).hash(NORMALIZED).startswith("bcrypt_sha256$$2b$05$")


@pytest.mark.parametrize("encoded", [HASH, None])
@pytest.mark.parametrize("password", [SUBMITTED, None])
def test_verify_takes_one_hash_even_for_none(
    password: SubmittedPassword | None, encoded: str | None
) -> None:
    executor = CountingExecutor()
    matches = build_hasher(executor=executor).verify(password, encoded, account=EMAIL)
    assert matches is (password is not None and encoded is not None)
    assert executor.count == 1


def test_dummy_hash_has_the_configured_cost() -> None:
    hasher = build_hasher(rounds=5)
    assert not hasher.must_update(hasher._dummy_hash)


def test_dummy_hash_does_not_match_the_empty_password() -> None:
    assert not HASHER.verify(SubmittedPassword("", NormalizedPassword("")), None, account=EMAIL)


def test_verify_none_does_not_match_the_empty_password() -> None:
    assert not HASHER.verify(None, HASHER.hash(NormalizedPassword("")), account=EMAIL)


@pytest.mark.parametrize("encoded", [HASH, None])
def test_verify_wrong_password_tries_both_forms(
    encoded: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = build_hasher()
    costs = record_costs(hasher, monkeypatch)
    assert not hasher.verify(parse_password("cafe\u0301"), encoded, account=EMAIL)
    assert len(costs) == 2


def test_verify_cheaper_hash_does_the_missing_work(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = build_hasher(rounds=6)
    costs = record_costs(hasher, monkeypatch)
    assert not hasher.verify(parse_password("wrong password"), HASH, account=EMAIL)
    assert costs == [4] * 2 ** (6 - 4)


def test_verify_right_password_of_a_cheaper_hash_does_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasher = build_hasher(rounds=6)
    costs = record_costs(hasher, monkeypatch)
    assert hasher.verify(SUBMITTED, HASH, account=EMAIL)
    assert costs == [4]


def test_must_update_hash_of_another_cost() -> None:
    assert not build_hasher(rounds=4).must_update(HASH)
    assert build_hasher(rounds=5).must_update(HASH)


@pytest.mark.parametrize("form", ["cafe\u0301", "caf\u00e9"], ids=["as sent", "normalized"])
@pytest.mark.parametrize("algorithm", ["bcrypt_sha256", "pbkdf2_sha256"])
def test_verify_django_hash_of_either_form(algorithm: str, form: str) -> None:
    encoded = make_django_hash(algorithm, form)
    assert HASHER.verify(parse_password("cafe\u0301"), encoded, account=EMAIL)


@pytest.mark.parametrize(
    ("algorithm", "expected"), [("bcrypt_sha256", False), ("bcrypt", True), ("scrypt", True)]
)
def test_must_update_hash_of_another_format(algorithm: str, expected: bool) -> None:
    assert HASHER.must_update(make_django_hash(algorithm, "secret")) is expected


def test_estimate_doubles_with_each_step_of_the_cost() -> None:
    assert [estimate_seconds(rounds) for rounds in (11, 12, 13)] == [0.125, 0.25, 0.5]


BAD_HASHES = {
    "empty": "",
    "blank": " ",
    "plain text": PASSWORD,
    "unusable": "!",
    "truncated": HASH[:-1],
    "without a checksum": HASH[:45],
    "followed by more": f"{HASH}\n",
    "unknown scheme": f"md4$salt${'0' * 32}",
    "absurd cost": f"bcrypt_sha256$$2b$31${HASH[-53:]}",
    "absurd cost of raw bcrypt": f"$2b$31${HASH[-53:]}",
    "cost is no number": HASH.replace("$04$", "$x4$"),
    "surrogate": "\ud800",
}
every_bad_hash = pytest.mark.parametrize("encoded", BAD_HASHES.values(), ids=BAD_HASHES)


@every_bad_hash
def test_verify_bad_hash_does_the_work_of_an_unknown_user(
    encoded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher, verified = build_hasher(), []
    monkeypatch.setattr(
        hasher._django, "verify", lambda password, encoded: verified.append(encoded)
    )
    assert not hasher.verify(SUBMITTED, encoded, account=EMAIL)
    assert not hasher.verify(SUBMITTED, None, account=EMAIL)
    assert verified == [hasher._dummy_hash] * 2


@every_bad_hash
def test_verify_bad_hash_is_logged_once_without_the_hash(
    encoded: str, caplog: pytest.LogCaptureFixture
) -> None:
    hasher = build_hasher()
    for _ in range(2):
        assert not hasher.verify(SUBMITTED, encoded, account=EMAIL)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("accounts.passwords", "WARNING")
    assert record.getMessage().startswith(f"the password_hash of {EMAIL} cannot be verified")
    assert HASH[-53:] not in caplog.text


def test_verify_good_hash_or_none_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not HASHER.verify(SUBMITTED, None, account=EMAIL)
    assert HASHER.verify(SUBMITTED, HASH, account=EMAIL)
    assert caplog.records == []
