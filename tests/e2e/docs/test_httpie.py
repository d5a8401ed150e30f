"""docs/httpie.md, run as it is written, by HTTPie itself."""

import json
import re
from pathlib import Path

import pytest

from tests.support import doc_sessions as tours
from tests.support.http import ENDPOINTS
from tests.support.processes import serving

pytest.importorskip("httpie", reason="pip install -r requirements-dev.txt")

# What it does of itself at a terminal; and no data is waiting in this shell's input.
AT_A_TERMINAL = ["--print=hb", "--pretty=format", "--ignore-stdin"]


def without_headers(output: str) -> str:
    return re.sub(r"^(HTTP/1\.1 .+)\n(?:[\w-]+: .*\n?)+", r"\1\n", output).strip()


def test_each_command_answers_as_it_is_shown(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"default_options": AT_A_TERMINAL}))
    shown = tours.steps("docs/httpie.md")
    with serving(tmp_path) as service:
        commands = [command for command, _ in shown]
        ran = tours.run(commands, service, tmp_path, HTTPIE_CONFIG_DIR=str(tmp_path))
    assert [(command, without_headers(output)) for command, output in ran] == shown


@pytest.mark.parametrize("path", ENDPOINTS)
def test_it_has_every_endpoint(path: str) -> None:
    commands = "\n".join(command for command, _ in tours.steps("docs/httpie.md"))
    assert re.search(rf"^http .*:8000{re.escape(path)}( |$)", commands, re.MULTILINE)
