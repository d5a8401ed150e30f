"""Writes generated documents: `python -m authproject.environment.generate_docs` or `make docs`.

`.env.example` and the table in docs/reference/settings.md are generated from `variables.py`,
and docs/api.jetbrains.http from docs/api.http.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from authproject.environment.variables import Variable, get_variables

ROOT = Path(__file__).resolve().parents[2]

ENV_EXAMPLE_HEADER = """\
# Every setting. Copy this file to .env, or run `python -m authproject.init_env`, which writes .env
# with a new secret. A commented line shows the default. Environment variables override .env.
"""
SETTINGS_TABLE_RE = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- /settings -->)", re.DOTALL)

RESPONSE_FIELD_RE = re.compile(r"\{\{(\w+)\.response\.body\.\$\.(\w+)\}\}")
"""A field of the response to a named request, in the syntax of VS Code's REST Client."""
JETBRAINS_HEADER = """\
# Made from api.http by `make docs`: every call of the API, for JetBrains' HTTP Client and httpyac.
# Run the requests from top to bottom. A script after a request stores the tokens of its response.
"""


def write_documents(root: Path) -> str:
    """Write the documents that have changed, and return a message that lists them."""
    changed = {
        path: text
        for path, text in build_documents(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    return f"Wrote {', '.join(path.name for path in changed)}." if changed else "Nothing changed."


def build_documents(root: Path) -> dict[Path, str]:
    """Return the text of each generated document."""
    settings_page = root / "docs" / "reference" / "settings.md"
    page = settings_page.read_text(encoding="utf-8")
    requests = (root / "docs" / "api.http").read_text(encoding="utf-8")
    return {
        root / ".env.example": build_env_example(),
        settings_page: SETTINGS_TABLE_RE.sub(lambda _: build_settings_table(), page),
        root / "docs" / "api.jetbrains.http": to_jetbrains_format(requests),
    }


def build_env_example() -> str:
    entries = [f"{_env_example_entry(variable)}\n" for variable in get_variables()]
    return "\n".join([ENV_EXAMPLE_HEADER, *entries])


def _env_example_entry(variable: Variable[Any]) -> str:
    comments = [variable.summary, *variable.details.splitlines()]
    if variable.production_default is not None:
        comments.append(f"In production: {variable.production_default or 'empty'}.")
    assignment = f"{variable.name}={variable.example or variable.default}"
    lines = [f"# {comment}" for comment in comments]
    return "\n".join([*lines, assignment if variable.example else f"#{assignment}"])


def build_settings_table() -> str:
    """Return the table of settings, in Markdown."""
    rows = [
        f"| `{variable.name}` | {_defaults(variable)} | {variable.summary.removesuffix('.')} |"
        for variable in get_variables()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows, ""])


def _defaults(variable: Variable[Any]) -> str:
    if variable.example:
        return "none"
    default = _to_code(variable.default)
    if variable.production_default is None:
        return default
    return f"{default}; in production {_to_code(variable.production_default)}"


def _to_code(text: str) -> str:
    return ", ".join(f"`{item}`" for item in text.split(",") if item) or "empty"


def to_jetbrains_format(requests: str) -> str:
    """Convert requests from the syntax of VS Code's REST Client to that of JetBrains.

    There, a script stores fields of a response in variables.
    https://www.jetbrains.com/help/idea/http-client-reference.html (`client.global.set`)
    """
    fields = dict.fromkeys(RESPONSE_FIELD_RE.findall(requests))
    _, _, body = requests.partition("\n\n")
    parts = re.split(r"^(?=###)", RESPONSE_FIELD_RE.sub(r"{{\1_\2}}", body), flags=re.MULTILINE)
    return "\n".join([JETBRAINS_HEADER, "".join(_add_script(part, fields) for part in parts)])


def _add_script(request: str, fields: Iterable[tuple[str, str]]) -> str:
    match = re.search(r"^# @name (\w+)$", request, re.MULTILINE)
    lines = [
        f'    client.global.set("{name}_{field}", response.body.{field});'
        for name, field in fields
        if match and name == match[1]
    ]
    return "\n".join([request.rstrip(), "", "> {%", *lines, "%}", "", ""]) if lines else request


if __name__ == "__main__":
    sys.stdout.write(f"{write_documents(ROOT)}\n")
