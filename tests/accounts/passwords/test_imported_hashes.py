import sys

import bcrypt
import pytest

from accounts.passwords.imported_hashes import UnsupportedHash, parse_hash, verify_imported
from tests.support.django_hashes import (
    ARGON2,
    PHP,
    every_algorithm,
    every_other_hash,
    make_django_hash,
    needs_argon2,
)
from tests.support.passwords import HASH

BCRYPT_REST = PHP.rpartition("$")[2]


def pbkdf2(iterations: int) -> str:
    return f"pbkdf2_sha256${iterations}$salt${'A' * 43}="


def scrypt(n: int, r: int, p: int) -> str:
    return f"scrypt${n}$salt${r}${p}${'A' * 86}=="


def argon2(m: int, t: int, p: int) -> str:
    return f"$argon2id$v=19$m={m},t={t},p={p}$c2FsdHNhbHQ${'A' * 43}"


@every_algorithm
def test_hash_of_django_is_accepted_unchanged(algorithm: str) -> None:
    encoded = make_django_hash(algorithm, "secret")
    assert parse_hash(encoded) == encoded
    assert verify_imported("secret", encoded)
    assert not verify_imported("Secret", encoded)


@every_other_hash
def test_hash_of_another_program_gets_djangos_form(text: str) -> None:
    encoded = parse_hash(text)
    assert encoded.startswith(("bcrypt$$2", "argon2$argon2id$"))
    assert verify_imported("secret", encoded)
    assert not verify_imported("Secret", encoded)
    assert parse_hash(encoded) == encoded


@needs_argon2
def test_argon2i_of_django_2_is_accepted() -> None:
    encoded = "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$FYZpDDJW081PkYGWGzrX6Q"
    assert verify_imported("secret", parse_hash(encoded))


@pytest.mark.parametrize("password", ["p" * 72, "p" * 73, "\u20ac" * 400])
def test_bcrypt_uses_72_bytes_of_a_password(password: str) -> None:
    encoded = make_django_hash("bcrypt", "p" * 72)
    assert verify_imported(password, encoded) is password.startswith("p" * 72)


def test_bcrypt_may_cut_a_character() -> None:
    password = "x" + "\u20ac" * 24  # byte 72 is the second of three
    encoded = parse_hash(bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode())
    assert verify_imported(password, encoded)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no password"),
        ("secret", "cannot be verified"),
        ("!dG9v8fZ8oZ5lq3qyHRKPYFMWNTQJ5WbGmJJ2nkXY", "unusable"),
        ("5ebe2294ecd0e0f08eab7690d2a6ee69", "cannot be verified"),
        ("md5$salt$5ebe2294ecd0e0f08eab7690d2a6ee69", "cannot be verified"),
        ("sha1$salt$e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "cannot be verified"),
        ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", "cannot be verified"),
        ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "cannot be verified"),
        (f"$2x$04${BCRYPT_REST}", "cannot be verified"),
        ("$2b$04$tooshort", "malformed bcrypt"),
        # bcrypt's salt has 128 bits, so its last character is one of four.
        (f"bcrypt_sha256$$2b$04${'z' * 53}", "malformed bcrypt_sha256"),
        (f"{HASH}\n", "malformed bcrypt_sha256"),
        (pbkdf2(1).replace("$1$", "$01$"), "malformed pbkdf2_sha256"),
        (pbkdf2(1).replace("salt", ""), "malformed pbkdf2_sha256"),
        (pbkdf2(1).replace("salt", "s\u00e4lt"), "malformed pbkdf2_sha256"),
        (pbkdf2(1).replace("sha256", "sha1"), "malformed pbkdf2_sha1"),
        (scrypt(16, 8, 1)[:-2], "malformed scrypt"),
        (argon2(8, 1, 1).replace("v=19", "v=16"), "malformed argon2"),
    ],
)  # fmt: skip
def test_hash_that_cannot_be_verified_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnsupportedHash, match=reason):
        parse_hash(text)


@pytest.mark.parametrize(
    ("highest", "too_high"),
    [
        (f"$2b$16${BCRYPT_REST}", f"$2b$17${BCRYPT_REST}"),
        (pbkdf2(10_000_000), pbkdf2(10_000_001)),
        (scrypt(2**17, 8, 8), scrypt(2**17, 8, 9)),
        (scrypt(2**17, 15, 1), scrypt(2**17, 16, 1)),
        (scrypt(2, 1, 2**21 - 4), scrypt(2, 1, 2**21 - 3)),  # exactly 256 MiB
        pytest.param(argon2(2**18, 16, 16), argon2(2**18, 17, 16), marks=needs_argon2),
        pytest.param(argon2(2**18, 1, 1), argon2(2**18 + 1, 1, 1), marks=needs_argon2),
        pytest.param(argon2(2**10, 1, 16), argon2(2**10, 1, 17), marks=needs_argon2),
    ],
)
def test_cost_above_the_limit_is_refused(highest: str, too_high: str) -> None:
    assert parse_hash(highest)
    with pytest.raises(UnsupportedHash, match="a cost that is not accepted"):
        parse_hash(too_high)


@pytest.mark.parametrize(
    "text",
    [
        f"$2b$03${BCRYPT_REST}",
        scrypt(1, 8, 1),
        scrypt(48, 8, 1),
        scrypt(2**16, 1, 1),
        argon2(15, 1, 2),
    ],
)
def test_cost_that_the_algorithm_excludes_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedHash, match="a cost that is not accepted"):
        parse_hash(text)


@pytest.mark.parametrize(
    "text",
    [
        scrypt(2**17, 15, 1),
        scrypt(2**15, 1, 256),
        pytest.param(argon2(2**18, 1, 1), marks=needs_argon2),
    ],
)
def test_hash_with_the_highest_memory_is_verified(text: str) -> None:
    assert not verify_imported("secret", parse_hash(text))


def test_argon2_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    with pytest.raises(UnsupportedHash, match="argon2-cffi"):
        parse_hash(ARGON2)


@pytest.mark.parametrize(
    "text", [pbkdf2(10_000_001).replace("salt", "s3cret"), "pbkdf2_sha1$s3cret", "!s3cret"]
)
def test_refusal_shows_no_part_of_the_hash(text: str) -> None:
    with pytest.raises(UnsupportedHash) as caught:
        parse_hash(text)
    assert "s3cret" not in str(caught.value)
