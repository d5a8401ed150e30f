"""The README's commands, run as they are written."""

import re
import shutil
from pathlib import Path

import pytest

from authproject import __version__
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


def test_readme_has_three_ways_on_its_first_screen() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    wheel = f"./authproject-{__version__}-py3-none-any.whl[server,docs]"
    assert f"pipx run --spec '{wheel}' authproject demo" in first_screen
    assert f"uvx --from '{wheel}' authproject demo" in first_screen
    assert "docs/guides/install-in-your-project.md" in first_screen
    assert len(re.findall(r"\*\*.*\d+ seconds", first_screen)) == 3
