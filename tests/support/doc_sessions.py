"""Runs the shell sessions of documents: commands after `$ `, each followed by its output."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT, Service

END = "---end-of-output---"


def read_session(document: str) -> list[tuple[str, str]]:
    """Return the commands of a document's `console` blocks, each with its output."""
    return parse_session((ROOT / document).read_text(encoding="utf-8"))


def parse_session(text: str) -> list[tuple[str, str]]:
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    parts = re.split(r"^\$ ", "".join(blocks), flags=re.MULTILINE)[1:]
    return [
        (command, output.strip()) for command, _, output in (part.partition("\n") for part in parts)
    ]


def run_session(
    commands: list[str], service: Service | None, folder: Path, **environment: str
) -> list[tuple[str, str]]:
    """Run commands in one shell; return each with its output, as `read_session` does.

    The service's port is replaced by 8000 in the output, and tokens by `eyJ…`.
    """
    port = "8000" if service is None else str(service.port)
    script = "".join(f"{command}\necho; echo '{END}'\n" for command in commands)
    # Programs that pip has installed beside this Python come first.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    shell = subprocess.run(
        ["bash"],
        input=re.sub(r":8000\b", f":{port}", script),
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    output = re.sub(rf":{port}\b", ":8000", re.sub(r"eyJ[\w.-]+", "eyJ…", shell.stdout))
    outputs = [part.strip() for part in output.split(END)[:-1]]
    return [*zip(commands, outputs, strict=True)]
