"""Reads deploy/Containerfile and .dockerignore, and runs the service as its image would.

A folder replaces the image: it has the files of the build context, and a virtual environment with
the packages that the Containerfile installs. No container engine is needed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tests.support.deploy.confined import build_confined_command, make_writable_folder
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service, run_process

CONTAINERFILE = ROOT / "deploy" / "Containerfile"
DOCKERIGNORE = ROOT / ".dockerignore"
SECRET = "the-secret-of-the-tests-is-long-enough"


def read_instructions() -> list[tuple[str, str]]:
    """Return name and arguments of each instruction. Continued lines are joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)
    ]


def get_image_instructions(name: str) -> list[str]:
    """Return the arguments of each instruction `name` in the last stage."""
    found = read_instructions()
    start = max(index for index, (one, _) in enumerate(found) if one == "FROM")
    return [rest for one, rest in found[start:] if one == name]


def project_files() -> list[str]:
    """Return the paths of the project's files, without hidden folders such as .venv."""
    shown = [entry for entry in ROOT.iterdir() if not entry.name.startswith(".")]
    files = (file for entry in shown for file in (entry, *entry.rglob("*")) if file.is_file())
    return [str(file.relative_to(ROOT)) for file in files]


def build_context(paths: Iterable[str]) -> set[str]:
    """Return the paths that .dockerignore does not exclude: the last matching pattern decides.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    patterns = [
        line for line in DOCKERIGNORE.read_text().splitlines() if line and not line.startswith("#")
    ]
    return {path for path in paths if not _ignored(path, patterns)}


def _ignored(path: str, patterns: list[str]) -> bool:
    ignored = False
    # A pattern that matches a folder matches the files in it.
    names = [path, *map(str, PurePosixPath(path).parents)][:-1]
    for pattern in patterns:
        rule = pattern.removeprefix("!")
        expression = re.escape(rule).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(expression, name) for name in names):
            ignored = not pattern.startswith("!")
    return ignored


class Image:
    """The content of the image, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in build_context(project_files()):
            target = folder / "app" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)
        self._install(folder / "venv")

    def _install(self, venv: Path) -> None:
        create = next(
            rest for name, rest in read_instructions() if rest.startswith("python -m venv")
        )
        arguments = create.replace("/opt/venv", str(venv)).split()[1:]
        subprocess.run([sys.executable, *arguments], check=True)
        [packages] = venv.glob("lib/*/site-packages")
        for name in runtime_requirements():
            installed = distribution(name)
            for top in {file.parts[0] for file in installed.files or ()} - {".."}:
                if not (
                    packages / top
                ).exists():  # compiled modules of several packages share a folder
                    (packages / top).symlink_to(str(installed.locate_file(top)))

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables of `ENV` and `more`. A container has no others."""
        [assignments] = get_image_instructions("ENV")
        pairs = dict(one.split("=", 1) for one in assignments.split())
        venv = str(self.folder / "venv")
        path = pairs["PATH"].replace("/opt/venv", venv).replace("$PATH", os.defpath)
        return pairs | {"PATH": path} | more

    def command(self, *arguments: str, entrypoint: Sequence[str] = ()) -> list[str]:
        """Return the entrypoint with `arguments`, by default those of `ENTRYPOINT` and `CMD`."""
        [own], [usual] = map(get_image_instructions, ("ENTRYPOINT", "CMD"))
        return self._found([*(entrypoint or json.loads(own)), *(arguments or json.loads(usual))])

    def running(
        self, folder: Path, *arguments: str, entrypoint: Sequence[str] = (), **environment: str
    ) -> AbstractContextManager[Service]:
        """Run it on a free port. It can write only to /tmp and /accounts."""
        port = free_port()
        # In a container 0.0.0.0 is safe; here it would be every address of this machine.
        here = ("--host", "127.0.0.1", "--port", str(port))
        writable = [make_writable_folder(folder / name) for name in ("tmp", "accounts")]
        environment = {"TMPDIR": str(writable[0]), "JWT_SECRET_KEY": SECRET} | environment
        return run_process(
            build_confined_command(
                [*self.command(*arguments, entrypoint=entrypoint), *here], writable
            ),
            port=port,
            log=folder / "container.log",
            folder=self.folder / "app",
            environment=self.environment(**environment),
        )

    def health(self, port: int) -> int:
        """Run the image's health check and return its exit status; 0 is healthy."""
        [check] = get_image_instructions("HEALTHCHECK")
        assert "8000" in check
        command = json.loads(check.partition("CMD")[2].replace("8000", str(port)))
        # A proxy, as an engine may be configured with one: the check must not use it.
        environment = self.environment(http_proxy="http://127.0.0.1:1")
        check_it = build_confined_command(self._found(command), [])
        return subprocess.run(
            check_it, env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode

    def _found(self, command: list[str]) -> list[str]:
        found = shutil.which(command[0], path=self.environment()["PATH"])
        assert found is not None
        return [found, *command[1:]]


def runtime_requirements() -> list[str]:
    """Return the names of the packages that the Containerfile installs."""
    wanted = [Requirement(line.partition("#")[0]) for line in read_runtime_requirements()]
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate()]


def read_runtime_requirements() -> list[str]:
    """Return the lines of requirements.txt that the Containerfile installs: not all."""
    [word] = re.findall(r"grep -v (\w+) requirements\.txt", CONTAINERFILE.read_text())
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and word not in line]
