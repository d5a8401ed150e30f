"""Reads a unit file, and runs its service as systemd would, as far as that goes without systemd."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT, START_SECONDS, Service, free_port, wait_until_it_answers
from tests.programs import program

UNIT = ROOT / "deploy" / "authproject.service"
CONFINEMENT = Path(__file__).parent / "confinement.py"
# What it stays writable beside the unit's folders: semaphores, and nothing.
DEVICES = ("/dev/shm", "/dev/null")


class Unit:
    """A copy of the unit for this machine: the folders that it names are in `folder`."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self.port = free_port()
        self.state, self.tmp = folder / "state", folder / "tmp"
        settings = folder / "environment"
        text = text or UNIT.read_text(encoding="utf-8")
        for path, here in {
            "/opt/authproject/.venv/bin/python": sys.executable,
            "/opt/authproject": str(ROOT),
            "/var/lib/authproject": str(self.state),
            "/etc/authproject/environment": str(settings),
            "--port 8000": f"--port {self.port}",
        }.items():
            assert path in text
            text = text.replace(path, here)
        self.file = folder / UNIT.name
        self.file.write_text(text, encoding="utf-8")
        settings.write_text(
            "JWT_SECRET_KEY=the-secret-of-the-tests-is-long-enough\n"
            "ALLOWED_HOSTS=127.0.0.1\nBCRYPT_ROUNDS=12\n",
            encoding="utf-8",
        )

    def values(self, name: str) -> list[str]:
        """Return every value of a key, as `Key=` may be given several times."""
        return re.findall(rf"^{name}=(.*)$", self.file.read_text(encoding="utf-8"), re.MULTILINE)

    def value(self, name: str) -> str:
        [value] = self.values(name)
        return value

    def says(self, name: str) -> bool:
        return self.values(name) == ["yes"]

    def environment(self) -> dict[str, str]:
        """What systemd hands to the service; the file wins."""
        lines = Path(self.value("EnvironmentFile")).read_text(encoding="utf-8").splitlines()
        assignments = [*shlex.split(self.value("Environment")), *lines]
        return {"TMPDIR": str(self.tmp), **dict(one.split("=", 1) for one in assignments)}

    def command(self, *command: str) -> list[str]:
        """Return the command, or `ExecStart`, behind what confines it as the unit says."""
        assert self.value("ProtectSystem") == "strict"
        assert self.says("PrivateTmp")
        assert self.says("NoNewPrivileges")
        assert self.says("RestrictNamespaces")
        assert self.value("CapabilityBoundingSet") == ""
        families = self.value("RestrictAddressFamilies").split()
        options = {
            "umask": int(self.value("UMask"), 8),
            "files": int(self.value("LimitNOFILE")),
            "writable": [str(self.state), str(self.tmp), *DEVICES],
            "no_writable_code": self.says("MemoryDenyWriteExecute"),
            "system_calls": self.system_calls(),
            "families": [int(getattr(socket, family)) for family in families],
        }
        # Not systemd's own environment, and without what the interpreter would read from a home.
        launcher = [sys.executable, "-I", str(CONFINEMENT), json.dumps(options)]
        return [*launcher, *(command or shlex.split(self.value("ExecStart")))]

    def system_calls(self) -> list[str]:
        """Return what the filters leave, as systemd.exec(5) reads them: one after the other."""
        groups = system_call_groups()
        allowed: set[str] = set()
        first, *others = self.values("SystemCallFilter")
        assert not first.startswith("~"), "a list of what is allowed"
        for line in (first, *others):
            names = {name for word in line.lstrip("~").split() for name in groups.get(word, {word})}
            allowed = allowed - names if line.startswith("~") else allowed | names
        # These are always permitted, by systemd itself.
        return sorted(allowed | groups["@default"])

    @contextmanager
    def running(self) -> Iterator[Service]:
        """Run `ExecStart` until the block ends, and wait until it answers."""
        for folder in (self.state, self.tmp):
            folder.mkdir(mode=0o700)
            give(folder)
        log = self.file.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(),
                cwd=self.value("WorkingDirectory"),
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        service = Service(process, self.port, log)
        try:
            wait_until_it_answers(service)
            yield service
        finally:
            process.kill()
            process.wait(START_SECONDS)

    def stop(self, service: Service) -> int:
        """Send the unit's signal to the process that the unit says; return the exit status."""
        assert self.value("KillMode") == "mixed", "the main process alone"
        service.process.send_signal(signal.Signals[self.value("KillSignal")])
        return service.process.wait(int(self.value("TimeoutStopSec")))


def give(folder: Path) -> None:
    """Make it belong to the user that a confined process runs as."""
    if os.getuid() == 0:
        os.chown(folder, 10_001, 10_001)


def system_call_groups() -> dict[str, set[str]]:
    """Return systemd's groups of system calls, groups within them resolved."""
    analyze = program("systemd-analyze")
    listing = subprocess.run(
        [analyze, "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True
    ).stdout
    groups: dict[str, set[str]] = {}
    for line in listing.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), set())
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.add(line.strip())

    def resolved(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return set().union(*map(resolved, groups.get(name, ())))

    return {name: resolved(name) for name in groups}
