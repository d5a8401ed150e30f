"""`python -m authproject.environment.generate_docs` (`make docs`): write generated documents.


`.env.example` and the table of docs/reference/settings.md come from `variables.py`, and
`docs/api.jetbrains.http` from `docs/api.http`. Standard library only.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from authproject.environment.variables import Variable, variables

ROOT = Path(__file__).resolve().parent.parent.parent

HEADING = """\
# Every setting, in the order of docs/reference/settings.md. Copy this file to .env, or let
# `python -m authproject.init_env` write .env with a fresh secret.
# What is commented out shows the default. A variable set in the environment wins over .env.
"""
TABLE = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- /settings -->)", re.DOTALL)

ANSWERED = re.compile(r"\{\{(\w+)\.response\.body\.\$\.(\w+)\}\}")
"""How VS Code's REST Client refers to a field of the answer to a named request."""
JETBRAINS = """\
# Made from api.http by `make docs`: every call of the API, for JetBrains' HTTP Client and httpyac.
# Click from top to bottom, or run all; a script after a request keeps the tokens of its answer.
"""


def example() -> str:
    """Return `.env.example`."""
    return "\n".join([HEADING, *(f"{_entry(variable)}\n" for variable in variables())])


def table() -> str:
    """Return the table of docs/reference/settings.md."""
    rows = [
        f"| `{one.name}` | {_defaults(one)} | {one.summary.removesuffix('.')} |"
        for one in variables()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows, ""])


def to_jetbrains_format(requests: str) -> str:
    """Return requests as JetBrains' HTTP Client has them: it keeps answers by scripts.

    https://www.jetbrains.com/help/idea/http-client-reference.html (`client.global.set`)
    """
    used = dict.fromkeys(ANSWERED.findall(requests))
    _, _, body = requests.partition("\n\n")
    parts = re.split(r"^(?=###)", ANSWERED.sub(r"{{\1_\2}}", body), flags=re.MULTILINE)
    return "\n".join([JETBRAINS, "".join(_with_script(part, used) for part in parts)])


def _with_script(request: str, used: Iterable[tuple[str, str]]) -> str:
    named = re.search(r"^# @name (\w+)$", request, re.MULTILINE)
    kept = [(name, field) for name, field in used if named and name == named[1]]
    scripts = [f'    client.global.set("{a}_{b}", response.body.{b});' for a, b in kept]
    return "\n".join([request.rstrip(), "", "> {%", *scripts, "%}", "", ""]) if kept else request


def documents(root: Path) -> dict[Path, str]:
    """Return each document that repeats something, as it should be."""
    settings = root / "docs" / "reference" / "settings.md"
    text = settings.read_text(encoding="utf-8")
    requests = (root / "docs" / "api.http").read_text(encoding="utf-8")
    return {
        settings: TABLE.sub(lambda _: table(), text),
        root / ".env.example": example(),
        root / "docs" / "api.jetbrains.http": to_jetbrains_format(requests),
    }


def write_documents(root: Path) -> str:
    """Write the documents that are stale; say which."""
    stale = {
        path: text
        for path, text in documents(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return f"Wrote {', '.join(path.name for path in stale)}." if stale else "Nothing is stale."


def _entry(variable: Variable[Any]) -> str:
    comments = [variable.summary, *variable.details.splitlines()]
    if variable.production is not None:
        comments.append(f"In production: {_text(variable.production) or 'empty, set your own'}.")
    mark = "" if variable.required else "#"
    value = f"{mark}{variable.name}={_text(variable.development)}"
    return "\n".join([*(f"# {line}" for line in comments), value])


def _defaults(variable: Variable[Any]) -> str:
    if variable.required:
        return "none"
    shown = _code(variable.development)
    if variable.production is None:
        return shown
    return f"{shown}; in production {_code(variable.production)}"


def _code(value: object) -> str:
    items = value if isinstance(value, list) else [value]
    return ", ".join(f"`{text}`" for item in items if (text := _text(item))) or "empty"


def _text(value: object) -> str:
    """Return a value as `.env` has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.stdout.write(f"{write_documents(ROOT)}\n")
