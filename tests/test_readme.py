"""The README's tour, run as it is written."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT, serving

README = (ROOT / "README.md").read_text(encoding="utf-8")
END = "---end-of-output---"


def tour() -> list[tuple[str, str]]:
    """Return the tour's commands, each with the output that the README shows."""
    (block,) = re.findall(r"^```console\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [
        (command, output.strip()) for command, _, output in (step.partition("\n") for step in steps)
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_tour_answers_as_it_is_shown(tmp_path: Path) -> None:
    script = "".join(f"{command}\necho; echo '{END}'\n" for command, _ in tour())
    with serving(tmp_path) as service:
        local = script.replace("localhost:8000", f"localhost:{service.port}")
        shell = subprocess.run(["bash"], input=local, capture_output=True, text=True, check=True)
    outputs = [output.strip() for output in shell.stdout.split(END)[:-1]]
    assert [re.sub(r"eyJ[\w.-]+", "eyJ…", output) for output in outputs] == [
        output for _, output in tour()
    ]


def test_a_server_runs_by_line_25() -> None:
    lines = README.splitlines()[:25]
    assert "make run" in lines
    assert "python manage.py runserver" in lines
