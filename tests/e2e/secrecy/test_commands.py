"""Commands and configuration errors print no secret."""

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
from authproject.environment.reader import ConfigurationError, read_environment
from authproject.server.startup import check_startup_files
from tests.support.passwords import HASH
from tests.support.processes import ROOT, run_manage
from tests.support.secrets import Secrets
from tests.support.valkey import Server, ask, valkey_binary

PASSWORD, SECRET = "a password of Somebody's", "a Secret/key of ours that is long enough?"

INVALID_SETTINGS = {
    "short secret": {"JWT_SECRET_KEY": "Short-secret-of-27-letters."},
    "secret with line break": {"JWT_SECRET_KEY": f"{SECRET}\nand more"},
    "short fallback": {"JWT_SECRET_KEY_FALLBACKS": f"{SECRET},Short-secret-of-27-letters."},
    "no scheme": {"STORE_URL": f"user:{PASSWORD}@127.0.0.1"},
    "unknown scheme": {"STORE_URL": f"mysql://user:{PASSWORD}@127.0.0.1"},
    "invalid port": {"STORE_URL": "redis://user:a-Password-of-it@127.0.0.1:port"},
    "password with slash": {"STORE_URL": "redis://user:a-Password/of-it@127.0.0.1"},
    "password with question mark": {"STORE_URL": "redis://user:a-Password?of-it@127.0.0.1"},
    "invalid database": {"STORE_URL": "rediss://user:a-Password-of-it@127.0.0.1/a-Password"},
    "two hosts": {"STORE_URL": "redis://user:a-Password-of-it@127.0.0.1,127.0.0.2"},
    "sentinel without service": {"STORE_URL": "redis+sentinel://user:a-Password-of-it@127.0.0.1"},
    "cluster with database": {"STORE_URL": "redis+cluster://user:a-Password-of-it@127.0.0.1/3"},
}
MANY_ERRORS = {
    "JWT_SECRET_KEY": "Short-secret-of-27-letters.",
    "STORE_URL": f"mysql://user:{PASSWORD}@127.0.0.1",
    "LOG_LEVEL": "none",
}
SECRETS = Secrets(
    SECRET, PASSWORD, "Short-secret-of-27-letters.", "a-Password", "of-it@127", "and more"
)

INVALID_SEEDS = {
    "truncated": f'{{"email": "one@example.com", "password": "{PASSWORD}"',
    "password is list": f'{{"email": "one@example.com", "password": ["{PASSWORD}"]}}',
    "password as e-mail": f'{{"email": "{PASSWORD}", "password": "{PASSWORD}"}}',
    "unknown key": f'{{"email": "one@example.com", "password": "{PASSWORD}", "{PASSWORD}": 1}}',
    "password as hash": f'{{"email": "one@example.com", "password_hash": "{PASSWORD}"}}',
    "password too long": f'{{"email": "one@example.com", "password": "{PASSWORD * 100}"}}',
    "not JSON": PASSWORD,
}


@pytest.mark.parametrize("settings", INVALID_SETTINGS.values(), ids=INVALID_SETTINGS)
def test_invalid_setting_is_not_repeated(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as error:
        read_environment(Path("no.env"))
    assert all(name in str(error.value) for name in settings)
    assert SECRETS.find_in(str(error.value)) == []


@pytest.mark.parametrize("command", ["serve", "check"])
def test_command_with_invalid_settings_prints_no_secret(command: str) -> None:
    run = run_manage(command, **MANY_ERRORS)
    assert run.returncode != 0
    assert all(name in run.stderr for name in MANY_ERRORS)
    assert SECRETS.find_in(run.stdout + run.stderr) == []


@pytest.mark.parametrize("line", INVALID_SEEDS.values(), ids=INVALID_SEEDS)
def test_invalid_seed_is_not_repeated(tmp_path: Path, line: str) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(line)
    errors = check_startup_files(None, seeds, reject_common=False)
    assert str(seeds) in errors["SEED_USERS_FILE"]
    assert SECRETS.find_in(errors["SEED_USERS_FILE"]) == []


def test_serve_with_damaged_files_prints_no_secret(tmp_path: Path) -> None:
    journal, seeds = tmp_path / "accounts.jsonl", tmp_path / "seeds.jsonl"
    journal.write_text(f"{PASSWORD}\n{PASSWORD}\n")
    seeds.write_text("\n".join(INVALID_SEEDS.values()))
    run = run_manage("serve", STORE_URL=f"file://{journal}", SEED_USERS_FILE=str(seeds))
    assert run.returncode != 0
    assert "STORE_URL" in run.stderr
    assert "SEED_USERS_FILE" in run.stderr
    assert SECRETS.find_in(run.stdout + run.stderr) == []


def test_make_users_prints_password_and_no_hash(tmp_path: Path) -> None:
    run = run_manage("make_users", "3", str(tmp_path / "users.jsonl"))
    lines = (tmp_path / "users.jsonl").read_text().splitlines()
    assert run.returncode == 0
    assert "correct horse battery" in run.stdout
    hashes = [json.loads(line)["password_hash"] for line in lines]
    assert Secrets(*hashes).find_in(run.stdout + run.stderr) == []


def test_make_users_invalid_password_is_not_repeated(tmp_path: Path) -> None:
    run = run_manage("make_users", "3", str(tmp_path / "u.jsonl"), "--password", PASSWORD * 100)
    assert run.returncode != 0
    assert SECRETS.find_in(run.stdout + run.stderr) == []


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "rejected"])
def test_copy_accounts_prints_no_secret(tmp_path: Path, accepted: bool) -> None:
    password_hash = "bcrypt_sha256$$2b$04$this-is-in-the-place-of-a-hash"
    journal = f"file://{tmp_path}/accounts.jsonl"
    store = open_store(journal, time.time)
    store.add_user(User(EmailAddress("one@example.com"), password_hash, new_security_stamp(), 0.0))
    store.close()
    valkey = Server(valkey_binary(), tmp_path)
    try:
        if accepted:
            ask(valkey.port, "ACL", "SETUSER", "service", "on", f">{PASSWORD}", "~*", "+@all")
        url = f"valkey://service:{quote(PASSWORD)}@127.0.0.1:{valkey.port}"
        run = run_manage("copy_accounts", journal, STORE_URL=url, LOG_LEVEL="DEBUG")
    finally:
        valkey.kill()
    assert (run.returncode == 0) is accepted
    assert ("Copied 1 of 1" in run.stdout) is accepted
    assert Secrets(PASSWORD, password_hash).find_in(run.stdout + run.stderr) == []


def test_import_accounts_prints_no_secret(tmp_path: Path) -> None:
    good = json.dumps({"email": "one@example.com", "password_hash": HASH})
    (tmp_path / "users.jsonl").write_text("\n".join([good, *INVALID_SEEDS.values()]))
    (tmp_path / "users.csv").write_text(f"email,password_hash\n{PASSWORD},{HASH}\nx,{PASSWORD}\n")
    for name in ("users.jsonl", "users.csv"):
        url = f"file://{tmp_path}/accounts.jsonl"
        file = str(tmp_path / name)
        run = run_manage("import_accounts", file, STORE_URL=url, LOG_LEVEL="DEBUG")
        assert run.returncode == 1
        assert f"{file} line 3 has" in run.stderr
        assert Secrets(PASSWORD, HASH).find_in(run.stdout + run.stderr) == []


def test_accounts_prints_no_secret(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/accounts.jsonl"
    output = ""
    for arguments in (["create"], ["set-password", "--json"], ["show", "--json"], ["disable"]):
        command = ["accounts", arguments[0], "one@example.com", *arguments[1:]]
        run = run_manage(*command, stdin=PASSWORD, STORE_URL=url, LOG_LEVEL="DEBUG")
        assert run.returncode == 0, run.stderr
        output += run.stdout + run.stderr
    output += run_manage("accounts", "list", STORE_URL=url, LOG_LEVEL="DEBUG").stdout
    store = open_store(url, time.time)
    [user] = store.iter_users()
    store.close()
    secrets = Secrets(PASSWORD, user.password_hash, user.security_stamp)
    assert secrets.find_in(output) == []


def test_init_env_prints_no_secret(tmp_path: Path) -> None:
    (tmp_path / "authproject").mkdir()
    for name in ("authproject/__init__.py", "authproject/init_env.py", ".env.example"):
        shutil.copy(ROOT / name, tmp_path / name)
    for _ in range(2):  # it creates the file, then finds it
        run = subprocess.run(
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
        assert Secrets(match[1]).find_in(run.stdout + run.stderr) == []
