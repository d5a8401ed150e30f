"""Reads deploy/Containerfile and .dockerignore, and runs what an image of them would, without one.

The image is played by a folder: the files that the build context lets through, and an environment
with the packages that the file installs. What a container may not write, nobody can write here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tests.support.deploy.confined import confined, folder_of_its_own, running
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service

CONTAINERFILE = ROOT / "deploy" / "Containerfile"
DOCKERIGNORE = ROOT / ".dockerignore"
SECRET = "the-secret-of-the-tests-is-long-enough"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the file, continued lines joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)
    ]


def of_the_image(name: str) -> list[str]:
    """Return what the last stage says with an instruction."""
    found = instructions()
    start = max(index for index, (one, _) in enumerate(found) if one == "FROM")
    return [rest for one, rest in found[start:] if one == name]


def project_files() -> list[str]:
    """Return the paths of the project's files, but for what is hidden, such as a .venv."""
    shown = [entry for entry in ROOT.iterdir() if not entry.name.startswith(".")]
    files = (file for entry in shown for file in (entry, *entry.rglob("*")) if file.is_file())
    return [str(file.relative_to(ROOT)) for file in files]


def build_context(paths: Iterable[str]) -> set[str]:
    """Return the paths that .dockerignore lets through: the last pattern that fits decides.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    patterns = [
        line for line in DOCKERIGNORE.read_text().splitlines() if line and not line.startswith("#")
    ]
    return {path for path in paths if not _ignored(path, patterns)}


def _ignored(path: str, patterns: list[str]) -> bool:
    ignored = False
    # A pattern that fits a folder fits what is in it.
    names = [path, *map(str, PurePosixPath(path).parents)][:-1]
    for pattern in patterns:
        rule = pattern.removeprefix("!")
        expression = re.escape(rule).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(expression, name) for name in names):
            ignored = not pattern.startswith("!")
    return ignored


class Image:
    """What the file would make, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for path in build_context(project_files()):
            target = folder / "app" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)
        self._install(folder / "venv")

    def _install(self, venv: Path) -> None:
        create = next(rest for name, rest in instructions() if rest.startswith("python -m venv"))
        arguments = create.replace("/opt/venv", str(venv)).split()[1:]
        subprocess.run([sys.executable, *arguments], check=True)
        [packages] = venv.glob("lib/*/site-packages")
        for name in runtime_requirements():
            installed = distribution(name)
            for top in {file.parts[0] for file in installed.files or ()} - {".."}:
                if not (packages / top).exists():  # modules of several, compiled, share a folder
                    (packages / top).symlink_to(str(installed.locate_file(top)))

    def environment(self, **more: str) -> dict[str, str]:
        """Return what `ENV` says, and `more`; a container has no other, and here no HOME."""
        [assignments] = of_the_image("ENV")
        pairs = dict(one.split("=", 1) for one in assignments.split())
        venv = str(self.folder / "venv")
        path = pairs["PATH"].replace("/opt/venv", venv).replace("$PATH", os.defpath)
        return pairs | {"PATH": path} | more

    def command(self, *arguments: str) -> list[str]:
        """Return the entrypoint with `arguments`, or else with `CMD`'s."""
        [entrypoint], [usual] = map(of_the_image, ("ENTRYPOINT", "CMD"))
        return self._found([*json.loads(entrypoint), *(arguments or json.loads(usual))])

    def running(
        self, folder: Path, *arguments: str, **environment: str
    ) -> AbstractContextManager[Service]:
        """Run it on a port of its own, with nothing to write to but /tmp and /accounts."""
        port = free_port()
        # A container's every address is its own; a test's would be this machine's.
        here = ("--host", "127.0.0.1", "--port", str(port))
        writable = [folder_of_its_own(folder / name) for name in ("tmp", "accounts")]
        environment = {"TMPDIR": str(writable[0]), "JWT_SECRET_KEY": SECRET} | environment
        return running(
            confined([*self.command(*arguments), *here], writable),
            port=port,
            log=folder / "container.log",
            folder=self.folder / "app",
            environment=self.environment(**environment),
        )

    def health(self, port: int) -> int:
        """Run the image's health check, and return its exit status: 0 is healthy."""
        [check] = of_the_image("HEALTHCHECK")
        assert "8000" in check
        command = json.loads(check.partition("CMD")[2].replace("8000", str(port)))
        # As an engine does that is configured with a proxy.
        environment = self.environment(http_proxy="http://127.0.0.1:1")
        check_it = confined(self._found(command), [])
        return subprocess.run(
            check_it, env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode

    def _found(self, command: list[str]) -> list[str]:
        found = shutil.which(command[0], path=self.environment()["PATH"])
        assert found is not None
        return [found, *command[1:]]


def runtime_requirements() -> list[str]:
    """Return the packages that the file installs: what its `grep -v` leaves of requirements.txt."""
    [word] = re.findall(r"grep -v (\w+) requirements\.txt", CONTAINERFILE.read_text())
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.partition("#")[0]) for line in lines if _installs(line, word)]
    return [one.name for one in wanted if one.marker is None or one.marker.evaluate()]


def _installs(line: str, unwanted: str) -> bool:
    return "==" in line and unwanted not in line
