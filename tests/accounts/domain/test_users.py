import json
import subprocess
from base64 import urlsafe_b64decode

import pytest

from accounts.domain.errors import InvalidEmail, ProfileTooLarge
from accounts.domain.users import (
    MAX_EMAIL_LENGTH,
    MAX_PROFILE_BYTES,
    dump_profile,
    new_security_stamp,
    normalize_email,
)
from tests.support.stores import USER
from tests.support.system_programs import find_program

LIST_DEFAULT_IGNORABLE = r"""
const all = Array.from({ length: 0x110000 }, (_, number) => number);
const isIgnorable = (number) =>
  /\p{Default_Ignorable_Code_Point}/u.test(String.fromCodePoint(number));
console.log(JSON.stringify(all.filter(isIgnorable)));
"""


def is_email(raw: str) -> bool:
    try:
        normalize_email(raw)
    except InvalidEmail:
        return False
    return True


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [
        ("User@Example.COM", "user@example.com"),
        (" \t user@example.com\r\n", "user@example.com"),
        ("\u00a0user@example.com\u3000", "user@example.com"),
        ("cafe\u0301@example.com", "caf\u00e9@example.com"),
        ("user@B\u00dccher.example.org", "user@xn--bcher-kva.example.org"),
        ("user@xn--bcher-kva.example.org", "user@xn--bcher-kva.example.org"),
        ("\u7528\u6237@\u4f8b\u5b50.\u4e2d\u56fd", "\u7528\u6237@xn--fsqu00a.xn--fiqs8s"),
        ("user+tag@example.com", "user+tag@example.com"),
        ("Dev@LOCALHOST", "dev@localhost"),
        ("dev@app.localhost", "dev@app.localhost"),
        ("dev@shop.test", "dev@shop.test"),
        ("dev@printer.local", "dev@printer.local"),
    ],
)
def test_normalize_email_makes_equal_addresses_equal(raw: str, normalized: str) -> None:
    assert normalize_email(raw) == normalized


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "user",
        "user@",
        "@example.com",
        "a@b",
        "a b@example.com",
        "a@b@example.com",
        "user@example..com",
        "user@-example.com",
        '"quoted"@example.com',
        "Name <user@example.com>",
        "user@[127.0.0.1]",
        "user@host.invalid",
        "us\0er@example.com",
        "us\ud800er@example.com",
        "user@exa\ud800mple.com",
        "user@example.com\n.org",
        "a" * 65 + "@example.com",
        "a@" + "b" * 400 + ".com",
        "a" * 100_000 + "@example.com",
    ],
)
def test_normalize_email_rejects_what_is_no_address(raw: str) -> None:
    with pytest.raises(InvalidEmail):
        normalize_email(raw)


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("\u200c", id="zero width non-joiner"),
        pytest.param("\u200d", id="zero width joiner"),
        pytest.param("\u2800", id="Braille pattern blank"),
        pytest.param("\ufffc", id="object replacement character"),
        pytest.param("\ufffd", id="replacement character"),
        pytest.param("\U00013441", id="Egyptian hieroglyph full blank"),
        pytest.param("\U00013442", id="Egyptian hieroglyph half blank"),
        pytest.param("\U00016fe4", id="Khitan small script filler"),
        pytest.param("\U0001d159", id="musical symbol null notehead"),
    ],
)
def test_normalize_email_rejects_blank_characters(character: str) -> None:
    assert not is_email(f"us{character}er@example.com")
    assert not is_email(f"user{character}@example.com")


def test_normalize_email_rejects_every_default_ignorable_character() -> None:
    node = [find_program("node"), "--eval", LIST_DEFAULT_IGNORABLE]
    ignorable = json.loads(subprocess.check_output(node))
    assert 0x34F in ignorable
    accepted = [number for number in ignorable if is_email(f"us{chr(number)}er@example.com")]
    assert accepted == []


@pytest.mark.parametrize("raw", ["user@exam\u034fple.com", "user@exam\ufe0fple.com"])
def test_normalize_email_removes_ignorable_characters_of_the_domain(raw: str) -> None:
    assert normalize_email(raw) == "user@example.com"


@pytest.mark.parametrize(("length", "accepted"), [(MAX_EMAIL_LENGTH, True), (321, False)])
def test_normalize_email_bounds_the_length_before_it_composes_characters(
    length: int, accepted: bool
) -> None:
    iota = "\u03b9\u0308\u0301"  # three characters, which NFC makes one
    address = f"{iota * 20}@{iota * 42}.{iota * 42}.com"
    raw = "a" * (length - len(address)) + address
    assert is_email(f" {raw} ") is accepted


def test_security_stamp_has_128_bits() -> None:
    assert len(urlsafe_b64decode(f"{new_security_stamp()}==")) == 16


def test_profile_has_at_most_4096_bytes() -> None:
    filler = "é" * ((MAX_PROFILE_BYTES - len('{"a":""}')) // 2)
    assert len(dump_profile({"a": filler}).encode()) == MAX_PROFILE_BYTES
    with pytest.raises(ProfileTooLarge):
        dump_profile({"a": f"{filler}x"})


def test_profile_that_is_no_json_is_a_type_error() -> None:
    for value in (object(), 2**64, "\ud800", {1: 2}):
        with pytest.raises(TypeError):
            dump_profile({"a": value})


def test_profile_cannot_be_changed_in_place() -> None:
    user = USER.with_profile({"tags": ["a"]})
    user.profile["tags"].append("b")
    assert user.profile == {"tags": ["a"]}
    assert len({user, USER}) == 2
