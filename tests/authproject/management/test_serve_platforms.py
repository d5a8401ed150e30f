"""Differences of macOS and Windows, simulated on Linux."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.stores import check_url
from accounts.stores.url import InvalidStoreURL
from tests.support.processes import ROOT, run_python

SPAWNING = """
import multiprocessing, sys
from django.core.management import execute_from_command_line
multiprocessing.set_start_method("spawn")
execute_from_command_line(["manage.py", "serve", "--port", sys.argv[1]])
"""

WITHOUT_FILE_LOCKS = """
import sys
sys.modules["fcntl"] = None
from accounts.stores import open_store
print(open_store("memory://", lambda: 0.0).backend_name)
"""


def test_serve_forks_if_default_is_spawn(tmp_path: Path) -> None:
    store = (tmp_path / "accounts.jsonl").as_uri()
    with run_python(tmp_path, "-c", SPAWNING, "{port}", STORE_URL=store) as service:
        assert service.register().status == 201


def test_serve_without_fork_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(CommandError, match="runserver"):
        call_command("serve", workers=0)  # an error, too, but checked later


def test_memory_store_needs_no_file_locks() -> None:
    process = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILE_LOCKS], cwd=ROOT, capture_output=True, check=True
    )
    assert process.stdout == b"memory\n"


def test_file_store_without_file_locks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(InvalidStoreURL, match="file locks"):
        check_url("file:///var/lib/accounts/accounts.jsonl")
