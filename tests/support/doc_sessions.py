"""Runs the shell sessions of documents: commands after `$ `, each with the output that is shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT, Service

END = "---end-of-output---"


def steps(document: str) -> list[tuple[str, str]]:
    """Return the commands of a document's `console` blocks, each with its output."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    parts = re.split(r"^\$ ", "".join(blocks), flags=re.MULTILINE)[1:]
    return [
        (command, output.strip()) for command, _, output in (part.partition("\n") for part in parts)
    ]


def run(
    commands: list[str], service: Service, folder: Path, **environment: str
) -> list[tuple[str, str]]:
    """Run commands in one shell, with the service's port for 8000; tokens are shown as `eyJ…`."""
    port = str(service.port)
    script = "".join(f"{command}\necho; echo '{END}'\n" for command in commands)
    # What pip has installed beside this Python comes first.
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
    shown = re.sub(rf":{port}\b", ":8000", re.sub(r"eyJ[\w.-]+", "eyJ…", shell.stdout))
    outputs = [output.strip() for output in shown.split(END)[:-1]]
    return [*zip(commands, outputs, strict=True)]
