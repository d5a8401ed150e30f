"""Builds deploy/Containerfile with buildah, and runs the image: as root, and without a registry.

The image that the Containerfile begins with is replaced by one of the same name, with Python from
this machine's Debian packages. The packages of requirements.txt are downloaded before.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deploy.containerfile import (
    CONTAINERFILE,
    read_instructions,
    read_runtime_requirements,
)
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service, run_process
from tests.support.system_programs import find_program

PYTHON = "/usr/bin/python3"
BASE_PACKAGES = ("base-files", "coreutils", "dash", "grep", "python3-pip", "python3-venv")
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
SETTINGS = ["PATH=/usr/bin:/bin", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels"]


class Buildah:
    """buildah with its containers and images in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        driver = "overlay" if "\toverlay\n" in Path("/proc/filesystems").read_text() else "vfs"
        storage = ["--root", f"{folder}/storage", "--runroot", f"{folder}/run"]
        self._command = [find_program("buildah"), "--storage-driver", driver, *storage]

    def build_command(self, name: str, *arguments: str | Path) -> list[str]:
        isolation = ["--isolation", "chroot"] if name in {"build", "run"} else []
        return [*self._command, name, *isolation, *map(str, arguments)]

    def __call__(self, name: str, *arguments: str | Path) -> str:
        ran = subprocess.run(
            self.build_command(name, *arguments),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()

    def build_image(self, tag: str) -> None:
        """Build the project's image as its operator does, but without a network."""
        self._build_base()
        wheels = self.folder / "wheels"
        download_requirements(wheels)
        volume = f"{wheels}:/wheels:ro"
        self(
            "build", "--pull-never", "--volume", volume, "--file", CONTAINERFILE, "--tag", tag, "."
        )

    def _build_base(self) -> None:
        name = next(rest for name, rest in read_instructions() if name == "FROM").partition(" ")[0]
        container = self("from", "scratch")
        copy_packages(Path(self("mount", container)))
        self("config", *(f"--env={setting}" for setting in SETTINGS), container)
        self("umount", container)
        self("commit", "--rm", container, f"docker.io/library/{name}")

    def remove_everything(self) -> None:
        self("rm", "--all")
        self("rmi", "--all", "--force")
        shutil.rmtree(self.folder)

    @contextmanager
    def running(self, tag: str, **environment: str) -> Iterator[tuple[Service, Path]]:
        """Run a container of the image; yield its service and its root folder."""
        container, port = self("from", "--pull-never", tag), free_port()
        config = json.loads(self("inspect", "--type", "image", tag))["OCIv1"]["config"]
        # In a container 0.0.0.0 is safe; here it would be every address of this machine.
        command = [*config["Entrypoint"], "serve", "--host", "127.0.0.1", "--port", str(port)]
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        with run_process(
            self.build_command("run", *variables, container, "--", *command),
            port=port,
            log=self.folder / "container.log",
            folder=ROOT,
            environment=dict(os.environ),
        ) as service:
            yield service, Path(self("mount", container))


def check_python_packages() -> None:
    """Skip the test if this machine has no Python of Debian's packages."""
    packages = [package for package in BASE_PACKAGES if package.startswith("python")]
    query = [find_program("dpkg-query"), "--show", *packages]
    if subprocess.run(query, capture_output=True, check=False).returncode:
        pytest.skip(f"Debian's Python is incomplete: apt-get install {' '.join(packages)}")


def copy_packages(root: Path) -> None:
    """Copy the files of Debian packages of this machine, with those of their dependencies."""
    for link, target in LINKS.items():
        (root / target).mkdir(parents=True)
        (root / link).symlink_to(target)
    names = "\n".join(sorted(_find_files(_find_dependencies())))
    tar = ["tar", "--directory=/", "--create", "--no-recursion", "--files-from=-"]
    archive = subprocess.run(tar, input=names.encode(), stdout=subprocess.PIPE, check=True)
    subprocess.run(["tar", f"--directory={root}", "--extract"], input=archive.stdout, check=True)
    (root / "usr/bin/python").symlink_to("python3")
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (root / "tmp").mkdir(mode=0o1777, exist_ok=True)


def _find_dependencies() -> list[str]:
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", "--installed", *(f"--no-{kind}" for kind in kinds)]
    lines = _read(["apt-cache", "depends", *options, *BASE_PACKAGES])
    return [line for line in lines if line[0].isalnum()]


def _find_files(packages: list[str]) -> set[str]:
    """Return paths below /, without those of folders that are links, such as /lib."""
    known = _read(["dpkg-query", "--show", "--showformat=${Package}\\n", *packages])
    paths = [Path(line) for line in _read(["dpkg-query", "--listfiles", *known])]
    resolved = {path.parent.resolve() / path.name for path in paths if os.path.lexists(path)}
    return {str(path.relative_to("/")) for path in resolved if f"{path}"[1:] not in LINKS} - {"."}


def _read(command: list[str]) -> list[str]:
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return ran.stdout.splitlines()


def download_requirements(folder: Path) -> None:
    """Download what the Containerfile installs, for the Python of `copy_packages`."""
    requirements = folder.with_suffix(".txt")
    requirements.write_text("\n".join(read_runtime_requirements()))
    pip = [PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, f"--dest={folder}", f"--requirement={requirements}"], check=True)
