"""What commands and refused starts say: everything but secrets."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from accounts.domain.users import EmailAddress, User, new_security_stamp
from accounts.stores import open_store
from tests.support.processes import ROOT, manage
from tests.support.secrets import Secrets
from tests.support.valkey import Server, ask, valkey_binary

PASSWORD, SECRET = "a password of Somebody's", "a Secret/key of ours that is long enough?"
PORT = "1"

BAD_SETTINGS = {
    "a short secret": {"JWT_SECRET_KEY": "Short-secret-of-27-letters."},
    "a secret with a line break": {"JWT_SECRET_KEY": f"{SECRET}\nand more"},
    "a short fallback": {"JWT_SECRET_KEY_FALLBACKS": f"{SECRET},Short-secret-of-27-letters."},
    "no scheme": {"STORE_URL": f"user:{PASSWORD}@127.0.0.1"},
    "an unknown scheme": {"STORE_URL": f"mysql://user:{PASSWORD}@127.0.0.1"},
    "a space": {"STORE_URL": f"redis://user:{PASSWORD}@127.0.0.1"},
    "a bad port": {"STORE_URL": "redis://user:a-Password-of-it@127.0.0.1:port"},
    "a password with a slash": {"STORE_URL": "redis://user:a-Password/of-it@127.0.0.1"},
    "a password with a question mark": {"STORE_URL": "redis://user:a-Password?of-it@127.0.0.1"},
    "a database that is none": {"STORE_URL": "rediss://user:a-Password-of-it@127.0.0.1/a-Password"},
    "two hosts": {"STORE_URL": "redis://user:a-Password-of-it@127.0.0.1,127.0.0.2"},
    "no service": {"STORE_URL": "redis+sentinel://user:a-Password-of-it@127.0.0.1"},
    "a database of a cluster": {"STORE_URL": "redis+cluster://user:a-Password-of-it@127.0.0.1/3"},
    "many at once": {"JWT_SECRET_KEY": "Short-secret-of-27-letters.", "LOG_LEVEL": "none"},
}
WORDS = Secrets(
    SECRET, PASSWORD, "Short-secret-of-27-letters.", "a-Password", "of-it@127", "and more"
)


@pytest.mark.parametrize("environment", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_refused_start_repeats_no_secret(environment: dict[str, str], command: str) -> None:
    options = ("--port", PORT) if command == "serve" else ()
    done = manage(command, *options, **environment)
    assert done.returncode != 0
    assert "refused" in done.stderr
    assert WORDS.found_in(done.stdout + done.stderr) == []


@pytest.mark.parametrize(
    "line",
    [
        f'{{"email": "one@example.com", "password": "{PASSWORD}"',
        f'{{"email": "one@example.com", "password": ["{PASSWORD}"]}}',
        f'{{"email": "{PASSWORD}", "password": "{PASSWORD}"}}',
        f'{{"email": "one@example.com", "password": "{PASSWORD}", "{PASSWORD}": 1}}',
        f'{{"email": "one@example.com", "password_hash": "{PASSWORD}"}}',
        f'{{"email": "one@example.com", "password": "{PASSWORD * 100}"}}',
        PASSWORD,
    ],
)
def test_a_bad_seed_is_not_repeated(tmp_path: Path, line: str) -> None:
    (tmp_path / "seeds.jsonl").write_text(line)
    done = manage("serve", "--port", PORT, SEED_USERS_FILE=str(tmp_path / "seeds.jsonl"))
    assert "line 1" in done.stderr
    assert WORDS.found_in(done.stdout + done.stderr) == []


def test_a_damaged_journal_is_not_repeated(tmp_path: Path) -> None:
    journal = tmp_path / "accounts.jsonl"
    journal.write_text(f"{PASSWORD}\n{PASSWORD}\n")
    done = manage("serve", "--port", PORT, STORE_URL=f"file://{journal}")
    assert done.returncode != 0
    assert WORDS.found_in(done.stdout + done.stderr) == []


def test_making_users_says_their_password_and_no_hash(tmp_path: Path) -> None:
    done = manage("make_users", "3", str(tmp_path / "users.jsonl"))
    lines = (tmp_path / "users.jsonl").read_text().splitlines()
    assert done.returncode == 0
    assert "correct horse battery" in done.stdout
    hashes = [json.loads(line)["password_hash"] for line in lines]
    assert Secrets(*hashes).found_in(done.stdout + done.stderr) == []


def test_a_password_for_users_that_is_refused_is_not_repeated(tmp_path: Path) -> None:
    done = manage("make_users", "3", str(tmp_path / "u.jsonl"), "--password", PASSWORD * 100)
    assert done.returncode != 0
    assert WORDS.found_in(done.stdout + done.stderr) == []


@pytest.mark.parametrize("known", [True, False], ids=["let in", "turned away"])
def test_copying_accounts_shows_none_of_their_secrets(tmp_path: Path, known: bool) -> None:
    password_hash = "bcrypt_sha256$$2b$04$this-is-in-the-place-of-a-hash"
    journal = f"file://{tmp_path}/accounts.jsonl"
    store = open_store(journal, time.time)
    store.add_user(User(EmailAddress("one@example.com"), password_hash, new_security_stamp(), 0.0))
    store.close()
    valkey = Server(valkey_binary(), tmp_path)
    try:
        if known:
            ask(valkey.port, "ACL", "SETUSER", "service", "on", f">{PASSWORD}", "~*", "+@all")
        url = f"valkey://service:{quote(PASSWORD)}@127.0.0.1:{valkey.port}"
        done = manage("copy_accounts", journal, STORE_URL=url, LOG_LEVEL="DEBUG")
    finally:
        valkey.kill()
    assert (done.returncode == 0) is known
    assert ("Copied 1 of 1" in done.stdout) is known
    assert Secrets(PASSWORD, password_hash).found_in(done.stdout + done.stderr) == []


def test_init_env_does_not_show_the_secret_that_it_makes(tmp_path: Path) -> None:
    (tmp_path / "authproject").mkdir()
    for name in ("authproject/__init__.py", "authproject/init_env.py", ".env.example"):
        shutil.copy(ROOT / name, tmp_path / name)
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "authproject.init_env"],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        match = re.search(r"^JWT_SECRET_KEY=(.+)$", (tmp_path / ".env").read_text(), re.MULTILINE)
        assert match is not None
        assert Secrets(match[1]).found_in(done.stdout + done.stderr) == []
