"""The README's commands, run as they are written."""

import shutil
from pathlib import Path

import pytest

from tests.support.doc_sessions import read_session, run_session
from tests.support.processes import ROOT, run_service

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_readme_commands_print_the_shown_output(tmp_path: Path) -> None:
    session = read_session("README.md")
    assert session
    with run_service(tmp_path) as service:
        assert run_session([command for command, _ in session], service, tmp_path) == session


def test_readme_says_how_to_run_by_line_25() -> None:
    lines = README.splitlines()[:25]
    assert "make run" in lines
    assert "python manage.py runserver" in lines
