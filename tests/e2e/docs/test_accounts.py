"""The commands of docs/operate/accounts.md, run as they are written."""

import re
from pathlib import Path

from accounts.management.commands.accounts import CHANGES
from tests.support.doc_sessions import parse_session, run_session
from tests.support.processes import PROCESS_ENVIRONMENT, ROOT

PAGE = (ROOT / "docs" / "operate" / "accounts.md").read_text(encoding="utf-8")
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d\.\d+)?")


def test_commands_print_the_shown_output(tmp_path: Path, valkey_url: str) -> None:
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    session = parse_session(PAGE)
    commands = [command.replace("valkey://127.0.0.1:6379/0", valkey_url) for command, _ in session]
    outputs = [output for _, output in run_session(commands, None, tmp_path, **PROCESS_ENVIRONMENT)]
    assert hide_times(outputs) == hide_times([output for _, output in session])


def hide_times(outputs: list[str]) -> list[str]:
    return [TIME.sub("TIME", output) for output in outputs]


def test_page_names_every_action() -> None:
    assert all(f"accounts {action}" in PAGE for action in (*CHANGES, "list", "show", "export"))
