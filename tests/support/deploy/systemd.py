"""Reads the unit file, and runs its service with the unit's restrictions, without systemd."""

import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.deploy.confined import build_confined_command, make_writable_folder
from tests.support.ports import free_port
from tests.support.processes import ROOT, Service, run_process
from tests.support.system_programs import find_program

UNIT = ROOT / "deploy" / "authproject.service"


class Unit:
    """A copy of the unit with its folders in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.state, self.tmp = map(make_writable_folder, (folder / "state", folder / "tmp"))
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

    def get_values(self, name: str) -> list[str]:
        """Return every value of a key; a key may be given several times."""
        return re.findall(rf"^{name}=(.*)$", self.file.read_text(encoding="utf-8"), re.MULTILINE)

    def get_value(self, name: str) -> str:
        [value] = self.get_values(name)
        return value

    def is_enabled(self, name: str) -> bool:
        return self.get_values(name) == ["yes"]

    def environment(self) -> dict[str, str]:
        """Return the variables that systemd sets. Those of the file take precedence."""
        lines = Path(self.get_value("EnvironmentFile")).read_text(encoding="utf-8").splitlines()
        assignments = [*shlex.split(self.get_value("Environment")), *lines]
        return {"TMPDIR": str(self.tmp), **dict(one.split("=", 1) for one in assignments)}

    def command(self, *command: str) -> list[str]:
        """Return the command, by default `ExecStart`, with the unit's restrictions."""
        assert self.get_value("ProtectSystem") == "strict"
        assert self.is_enabled("PrivateTmp")
        assert self.is_enabled("NoNewPrivileges")
        assert self.is_enabled("RestrictNamespaces")
        assert self.get_value("CapabilityBoundingSet") == ""
        families = self.get_value("RestrictAddressFamilies").split()
        options = {
            "umask": int(self.get_value("UMask"), 8),
            "files": int(self.get_value("LimitNOFILE")),
            "no_writable_code": self.is_enabled("MemoryDenyWriteExecute"),
            "system_calls": self.system_calls(),
            "families": [int(getattr(socket, family)) for family in families],
        }
        command = command or tuple(shlex.split(self.get_value("ExecStart")))
        return build_confined_command(command, [self.state, self.tmp], **options)

    def system_calls(self) -> list[str]:
        """Return the allowed system calls: the filters apply in order (systemd.exec(5))."""
        groups = system_call_groups()
        allowed: set[str] = set()
        first, *others = self.get_values("SystemCallFilter")
        assert not first.startswith("~"), "the first filter has to be an allow-list"
        for line in (first, *others):
            names = {name for word in line.lstrip("~").split() for name in groups.get(word, {word})}
            allowed = allowed - names if line.startswith("~") else allowed | names
        # systemd always allows these.
        return sorted(allowed | groups["@default"])

    def running(self) -> AbstractContextManager[Service]:
        """Run `ExecStart` until the block ends. Waits until it is up."""
        return run_process(
            self.command(),
            port=self.port,
            log=self.file.with_suffix(".log"),
            folder=Path(self.get_value("WorkingDirectory")),
            environment=self.environment(),
        )

    def stop(self, service: Service) -> int:
        """Stop the service as systemd would; return the exit status."""
        assert self.get_value("KillMode") == "mixed", "only the main process gets the signal"
        service.process.send_signal(signal.Signals[self.get_value("KillSignal")])
        return service.process.wait(int(self.get_value("TimeoutStopSec")))


def system_call_groups() -> dict[str, set[str]]:
    """Return systemd's groups of system calls, with nested groups resolved."""
    analyze = find_program("systemd-analyze")
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
