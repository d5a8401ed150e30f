import re
import subprocess
import sys

import pytest

from accounts.tokens.keys import KEY_ID_RE, derive_key, key_id, prepare_key, validate_secret
from tests.support.processes import ROOT

SECRET = "the-secret-of-the-tests-is-long-enough"


def test_derive_key_is_hkdf_sha256() -> None:
    # Computed once with another implementation: HKDF(SHA256, 32, salt=None, info=b"label").
    expected = "6f611f57a0490263ebde1d4c5d8264267395e028442ba1ab95c6e2a48948fdd4"
    assert derive_key(SECRET, "label").hex() == expected


def test_derive_key_takes_bytes_that_are_no_text() -> None:
    assert derive_key(b"\xff" * 32, "label") != derive_key(b"\xfe" * 32, "label")


def test_derive_key_with_other_info_differs() -> None:
    assert derive_key(SECRET, "one") != derive_key(SECRET, "another")


def test_prepare_key_returns_the_bytes_of_a_secret() -> None:
    assert prepare_key(SECRET) == SECRET.encode()


def test_prepare_key_of_another_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="another algorithm"):
        prepare_key("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ")


def test_validate_secret_of_32_bytes_is_accepted() -> None:
    validate_secret("\u00e9" * 16)


@pytest.mark.parametrize("secret", ["\u00e9" * 15 + "x", f"-----BEGIN {SECRET}-----"])
def test_validate_short_secret_or_line_of_pem_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="must"):
        validate_secret(secret)


def test_key_id_is_stable_and_differs_per_secret() -> None:
    assert KEY_ID_RE.fullmatch(key_id(SECRET))
    assert key_id(SECRET) == key_id(SECRET) != key_id(f"{SECRET}!")


def test_key_id_does_not_reveal_the_secret() -> None:
    assert not any(SECRET[at : at + 4] in key_id(SECRET) for at in range(len(SECRET) - 3))


def test_documented_command_prints_key_id() -> None:
    text = (ROOT / "docs/operate/keys.md").read_text()
    match = re.search(r'python -c "(from accounts\.tokens\.keys.+)"', text)
    assert match is not None
    done = subprocess.run(
        [sys.executable, "-c", match[1]],
        cwd=ROOT,
        input=SECRET,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == key_id(SECRET)
