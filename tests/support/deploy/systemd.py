"""Reads a unit file, and runs its service as systemd would, as far as that goes without systemd."""

import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.deploy.confined import confined, folder_of_its_own, running
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service
from tests.support.system_programs import program

UNIT = ROOT / "deploy" / "authproject.service"


class Unit:
    """A copy of the unit for this machine: the folders that it names are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.state, self.tmp = map(folder_of_its_own, (folder / "state", folder / "tmp"))
        settings = folder / "environment"
        text = UNIT.read_text(encoding="utf-8")
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
            "no_writable_code": self.says("MemoryDenyWriteExecute"),
            "system_calls": self.system_calls(),
            "families": [int(getattr(socket, family)) for family in families],
        }
        command = command or tuple(shlex.split(self.value("ExecStart")))
        return confined(command, [self.state, self.tmp], **options)

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

    def running(self) -> AbstractContextManager[Service]:
        """Run `ExecStart` until the block ends, and wait until it answers."""
        return running(
            self.command(),
            port=self.port,
            log=self.file.with_suffix(".log"),
            folder=Path(self.value("WorkingDirectory")),
            environment=self.environment(),
        )

    def stop(self, service: Service) -> int:
        """Send the unit's signal to the process that the unit says; return the exit status."""
        assert self.value("KillMode") == "mixed", "the main process alone"
        service.process.send_signal(signal.Signals[self.value("KillSignal")])
        return service.process.wait(int(self.value("TimeoutStopSec")))


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
