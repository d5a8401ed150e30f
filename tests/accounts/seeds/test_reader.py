import json
from pathlib import Path

import pytest

from accounts.domain.errors import StartupError
from accounts.domain.users import EmailAddress
from accounts.passwords.policy import PasswordPolicy
from accounts.seeds.reader import SeedUser, read_seeds
from tests.support.api import PASSWORD
from tests.support.django_hashes import POSTGRES, make_django_hash
from tests.support.passwords import HASH, NORMALIZED
from tests.support.seeds import build_django_user, write_seeds
from tests.support.stores import EMAIL

POLICY = PasswordPolicy(reject_common=False)
VALID_LINE = json.dumps({"email": "a@example.com", "password": PASSWORD})
OTHER = EmailAddress("b@example.com")


def with_hash(password_hash: str) -> str:
    return json.dumps({"email": OTHER, "password_hash": password_hash})


def with_profile(profile: str) -> str:
    return f'{{"email": "b@example.com", "password": "s3cret-s3cret", "profile": {profile}}}'


def write(folder: Path, content: str) -> Path:
    file = folder / "accounts"
    file.write_text(content)
    return file


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
        ("[]", "is no object"),
        ('{"email": "b@example.com", "password": "s3cret-s3cret", "disabled": 1}', "as `disabled`"),
        (with_profile("[]"), "as `profile`"),
        (with_profile(f'{{"a": "{"x" * 4096}"}}'), "profile that is too large"),
        (with_profile(f'{{"a": {"[" * 300}{"]" * 300}}}'), "nested too deep"),
        ('{"email": "b@example.com"}', "must be"),
        ('{"email": "b@example.com", "password": "s3cret-s3cret", "admin": true}', "must be"),
        ('{"email": "b@example.com", "password": 12345678}', "wrong type as `password`"),
        ('{"email": null, "password": "s3cret-s3cret"}', "wrong type as `email`"),
        ('{"email": "nobody", "password": "s3cret-s3cret"}', "valid e-mail"),
        ('{"email": "b@example.com", "password": "s3cret"}', "at least 8 characters"),
        ('{"email": "b@example.com", "password": "\ufdfa"}', "at least 8 characters"),
        ('{"email": "b@example.com", "password": "s3cret-\\u0000"}', "contains a NUL"),
        (with_hash("s3cret"), "cannot be verified"),
        (with_hash(HASH.replace("$04$", "$31$")), "a cost that is not accepted"),
        (with_hash(f"bcrypt_sha256$$2b$04${'z' * 53}"), "malformed bcrypt_sha256"),
        ('{"email": "A@example.com", "password": "s3cret-s3cret"}', "an earlier account"),
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


# Django fixtures


HASHES = [make_django_hash("pbkdf2_sha256", "secret"), make_django_hash("scrypt", "secret")]
DJANGO_USERS = [
    build_django_user("a@example.com", HASHES[0]),
    build_django_user("B@example.com", HASHES[1]),
]
IMPORTED = [
    SeedUser(EmailAddress("a@example.com"), password_hash=HASHES[0]),
    SeedUser(OTHER, password_hash=HASHES[1]),
]


@pytest.mark.parametrize("indent", [None, 2])
def test_read_django_fixture(tmp_path: Path, indent: int | None) -> None:
    file = write(tmp_path, json.dumps(DJANGO_USERS, indent=indent))
    assert read_seeds(file, POLICY) == IMPORTED


def test_read_django_fixture_in_json_lines(tmp_path: Path) -> None:
    assert read_seeds(write_seeds(tmp_path, *DJANGO_USERS), POLICY) == IMPORTED


def test_inactive_user_of_django_is_disabled(tmp_path: Path) -> None:
    user = build_django_user("b@example.com", HASHES[1], is_active=False)
    seeds = read_seeds(write_seeds(tmp_path, user), POLICY)
    assert seeds == [SeedUser(OTHER, password_hash=HASHES[1], disabled=True)]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (build_django_user("b@example.com", "!unusable"), "unusable"),
        (build_django_user("", HASHES[0]), "valid e-mail"),
        (build_django_user("A@example.com", HASHES[0]), "an earlier account"),
        ({"model": "auth.group", "pk": 1, "fields": {"name": "staff"}}, "is no user"),
        (None, "is no object"),
        ({"fields": []}, "must be"),
    ],
)
def test_refused_entry_of_a_fixture_is_named(tmp_path: Path, entry: object, message: str) -> None:
    file = write(tmp_path, json.dumps([DJANGO_USERS[0], entry]))
    with pytest.raises(StartupError, match=f"entry 2 .*{message}"):
        read_seeds(file, POLICY)


def test_read_incomplete_fixture_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(DJANGO_USERS)[:-1])
    with pytest.raises(StartupError, match="cannot be read: unexpected end of data"):
        read_seeds(file, POLICY)


# CSV


@pytest.mark.parametrize(
    "content",
    [
        f"email,password_hash\nb@example.com,{POSTGRES}\n",
        f"password_hash,email\r\n{POSTGRES},b@example.com\r\n",
        f'\ufeff"email","password_hash"\n\n"b@example.com","{POSTGRES}"',
    ],
)
def test_read_csv(tmp_path: Path, content: str) -> None:
    seeds = read_seeds(write(tmp_path, content), POLICY)
    assert seeds == [SeedUser(OTHER, password_hash=f"bcrypt${POSTGRES}")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b@example.com,", "line 3 has no password"),
        ("b@example.com", "line 3 has a value of the wrong type"),
        (f"b@example.com,{POSTGRES},admin", "line 3 must be"),
        (f"A@example.com,{POSTGRES}", "line 3 has the e-mail address of an earlier"),
        (f'"b@example.com"x,{POSTGRES}', "cannot be read"),
        ("x" * 200_000, "cannot be read"),
    ],
)
def test_refused_line_of_csv_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = write(tmp_path, f"email,password_hash\na@example.com,{POSTGRES}\n{line}\n")
    with pytest.raises(StartupError, match=message):
        read_seeds(file, POLICY)


def test_read_csv_of_another_encoding_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_bytes(b"email,password_hash\nb\xe9@example.com,x\n")
    with pytest.raises(StartupError, match="cannot be read: 'utf-8' codec"):
        read_seeds(file, POLICY)


@pytest.mark.parametrize("content", ["email;password_hash\n", "a@example.com,x\n", "\0\1"])
def test_read_unknown_format_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(StartupError, match="neither JSON lines, nor a JSON list, nor CSV"):
        read_seeds(write(tmp_path, content), POLICY)


@pytest.mark.parametrize("content", ["", "\n", "[]"])
def test_read_empty_file_has_no_accounts(tmp_path: Path, content: str) -> None:
    assert read_seeds(write(tmp_path, content), POLICY) == []
