"""Writes generated documents: `python -m authproject.environment.generate_docs` or `make docs`.

`.env.example` and the table in docs/reference/settings.md are generated from `variables.py`,
and docs/api.jetbrains.http from docs/api.http.
"""

import re
from inspect import cleandoc
from pathlib import Path
from typing import Any

from authproject.environment.variables import Variable, get_variables

ROOT = Path(__file__).resolve().parents[2]

ENV_EXAMPLE_HEADER = """\
# Every setting. Copy this file to .env, or run `python -m authproject.init_env`, which writes .env
# with a new secret. A commented line shows the default. Environment variables override .env.
# Values are literal: ${X} is not replaced. Quote a value with a space before a #: NAME='a #b'.
# In double quotes, a backslash escapes. docs/reference/settings.md has the syntax.
"""
SETTINGS_TABLE_RE = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- /settings -->)", re.DOTALL)

NAMED_REQUEST_RE = re.compile(r"^# @name (\w+)\n.*?(?=\n\n###|\n\Z)", re.DOTALL | re.MULTILINE)
RESPONSE_FIELD_RE = re.compile(r"\{\{(\w+)\.response\.body\.\$\.([\w.\[\]]+)\}\}")
"""A field of the response to a named request, in the syntax of VS Code's REST Client."""
JETBRAINS_HEADER = """\
# Made from api.http by `make docs`: every call of the API, for JetBrains' HTTP Client and httpyac.
# Run the requests from top to bottom. A script after a request stores the tokens of its response.
"""


def write_documents(root: Path) -> None:
    for path, text in build_documents(root).items():
        path.write_text(text, encoding="utf-8")


def build_documents(root: Path) -> dict[Path, str]:
    """Return the text of each generated document."""
    settings_page = root / "docs" / "reference" / "settings.md"
    page = settings_page.read_text(encoding="utf-8")
    requests = (root / "docs" / "api.http").read_text(encoding="utf-8")
    return {
        root / ".env.example": build_env_example(),
        settings_page: SETTINGS_TABLE_RE.sub(lambda _: build_settings_table(), page),
        root / "docs" / "api.jetbrains.http": convert_to_jetbrains(requests),
    }


def build_env_example() -> str:
    return "\n".join([ENV_EXAMPLE_HEADER, *map(_build_env_example_entry, get_variables())])


def _build_env_example_entry(variable: Variable[Any]) -> str:
    lines = [f"# {line}" for line in [variable.summary, *cleandoc(variable.details).splitlines()]]
    if variable.production_default is not None:
        lines.append(f"# In production: {variable.production_default or 'empty'}.")
    comment = "" if variable.example else "#"
    value = variable.example or variable.default
    return "\n".join([*lines, f"{comment}{variable.name}={value}", ""])


def build_settings_table() -> str:
    """Return the table of settings, in Markdown."""
    rows = [
        f"| `{one.name}` | {_format_defaults(one)} | {one.summary.removesuffix('.')} |"
        for one in get_variables()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows, ""])


def _format_defaults(variable: Variable[Any]) -> str:
    if variable.example:
        return "none"
    default = _format_code(variable.default)
    if variable.production_default is None:
        return default
    return f"{default}; in production {_format_code(variable.production_default)}"


def _format_code(text: str) -> str:
    return ", ".join(f"`{item}`" for item in text.split(",") if item) or "empty"


def convert_to_jetbrains(requests: str) -> str:
    """Convert requests from the syntax of VS Code's REST Client to that of JetBrains.

    There, a script stores fields of a response in variables.
    https://www.jetbrains.com/help/idea/http-client-reference.html (`client.global.set`)
    """
    fields = dict.fromkeys(RESPONSE_FIELD_RE.findall(requests))

    def build_name(name: str, field: str) -> str:
        return f"{name}_{re.sub(r'[^a-z0-9]+', '_', field)}"

    def add_script(request: re.Match[str]) -> str:
        lines = [
            f'    client.global.set("{build_name(name, field)}", response.body.{field});'
            for name, field in fields
            if name == request[1]
        ]
        return "\n".join([request[0], "", "> {%", *lines, "%}"])

    _, _, body = requests.partition("\n\n")
    body = RESPONSE_FIELD_RE.sub(lambda match: f"{{{{{build_name(*match.groups())}}}}}", body)
    return f"{JETBRAINS_HEADER}\n{NAMED_REQUEST_RE.sub(add_script, body)}"


if __name__ == "__main__":
    write_documents(ROOT)
