"""The README's tour, run as it is written."""

import shutil
from pathlib import Path

import pytest

from tests.support import doc_sessions as tours
from tests.support.processes import ROOT, serving

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_tour_answers_as_it_is_shown(tmp_path: Path) -> None:
    tour = tours.steps("README.md")
    with serving(tmp_path) as service:
        assert tours.run([command for command, _ in tour], service, tmp_path) == tour


def test_a_server_runs_by_line_25() -> None:
    lines = README.splitlines()[:25]
    assert "make run" in lines
    assert "python manage.py runserver" in lines
