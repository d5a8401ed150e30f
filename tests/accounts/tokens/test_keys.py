import re
import subprocess
import sys

from accounts.tokens.keys import derive_key, key_id
from tests.support.processes import ROOT

SECRET = "the-secret-of-the-tests-is-long-enough"


def test_a_derived_key_is_hkdf_of_rfc_5869() -> None:
    # Computed once with another implementation: HKDF(SHA256, 32, salt=None, info=b"label").
    expected = "6f611f57a0490263ebde1d4c5d8264267395e028442ba1ab95c6e2a48948fdd4"
    assert derive_key(SECRET, "label").hex() == expected


def test_each_label_has_its_own_key() -> None:
    assert derive_key(SECRET, "one") != derive_key(SECRET, "another")


def test_a_kid_is_stable_and_shows_nothing_of_its_key() -> None:
    assert key_id(SECRET) == key_id(SECRET)
    assert key_id(SECRET) not in SECRET
    assert key_id(SECRET) != key_id(SECRET + "!")


def test_command_of_keys_page_prints_key_id() -> None:
    text = (ROOT / "docs/operate/keys.md").read_text()
    match = re.search(r'^python -c "(from accounts\.tokens\.keys.+)"$', text, re.MULTILINE)
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
