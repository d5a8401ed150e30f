"""docs/httpie.md, run as it is written, by HTTPie itself."""

import json
import re
from pathlib import Path

import pytest

from tests.support.doc_sessions import read_session, run_session
from tests.support.http import DOCUMENTED
from tests.support.processes import run_service

pytest.importorskip("httpie", reason="pip install -r requirements-dev.txt")

PAGE = "docs/httpie.md"
# HTTPie's own defaults at a terminal; and it must not wait for a body on standard input.
TERMINAL_OPTIONS = ["--print=hb", "--pretty=format", "--ignore-stdin"]


def remove_headers(output: str) -> str:
    return re.sub(r"^(HTTP/1\.1 .+)\n(?:[\w-]+: .*\n?)+", r"\1\n", output).strip()


def test_httpie_commands_print_the_shown_output(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"default_options": TERMINAL_OPTIONS}))
    session = read_session(PAGE)
    with run_service(tmp_path, TRACK_SESSIONS="true") as service:
        commands = [command for command, _ in session]
        results = run_session(commands, service, tmp_path, HTTPIE_CONFIG_DIR=str(tmp_path))
    assert [(command, remove_headers(output)) for command, output in results] == session


def test_httpie_page_has_every_endpoint() -> None:
    commands = "\n".join(command for command, _ in read_session(PAGE)).replace("$ID", "{id}")
    shown = {
        path
        for path in DOCUMENTED
        if re.search(rf"^http .*:8000{re.escape(path)}( |$)", commands, re.MULTILINE)
    }
    assert shown == set(DOCUMENTED) - {"/api/v1"}
