"""Describes the machine of a run, without names and paths."""

import json
import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.processes import TICKS
from bench.servers_under_test import PEER_PYTHON
from bench.valkey import binary

SECONDS = 20
SERVICE_PACKAGES = (
    "django",
    "djangorestframework",
    "djangorestframework-simplejwt",
    "granian",
    "bcrypt",
)
FASTAPI_PACKAGES = (
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "pydantic",
    "pyjwt",
    "passlib",
    "bcrypt",
)
DJOSER_PACKAGES = ("djoser", "django", "gunicorn")
PRINT_VERSIONS = "import json, sys; from importlib.metadata import version as v; "
PRINT_VERSIONS += "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"


class OtherProcesses:
    """Measures how busy other processes of the machine are, which falsifies a measurement."""

    def __init__(self) -> None:
        self._before = (time.monotonic(), busy_seconds(), own_seconds())

    def get_cpu_share(self) -> float:
        """Return the share of all cores' time since the start that others used, from 0 to 1."""
        elapsed, busy, own = (
            after - before
            for after, before in zip(
                (time.monotonic(), busy_seconds(), own_seconds()), self._before, strict=True
            )
        )
        return max(0.0, busy - own) / elapsed / (os.cpu_count() or 1)


def busy_seconds() -> float:
    """Return the CPU seconds of all processes since boot, including stolen time."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def own_seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def machine() -> list[tuple[str, str]]:
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return [
        ("when", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", f"{processor()}, {os.cpu_count()} cores"),
        ("memory", f"{os.sysconf('SC_PAGESIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("kernel", f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"),
        ("load before the run (1, 5, 15 minutes)", load),
    ]


def processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def versions() -> list[tuple[str, str]]:
    peers = peer_versions()
    return [
        ("Python", platform.python_version()),
        ("this service", join_versions({name: version(name) for name in SERVICE_PACKAGES})),
        ("the FastAPI peer", join_versions({name: peers[name] for name in FASTAPI_PACKAGES})),
        ("the djoser peer", join_versions({name: peers[name] for name in DJOSER_PACKAGES})),
        ("Valkey", first_version([binary(), "--version"])),
        ("wrk", first_version(["wrk", "-v"])),
    ]


def peer_versions() -> dict[str, str]:
    command = [str(PEER_PYTHON), "-c", PRINT_VERSIONS, *FASTAPI_PACKAGES, *DJOSER_PACKAGES]
    shown = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True).stdout
    found: dict[str, str] = json.loads(shown)
    return found


def join_versions(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())


def first_version(command: list[str]) -> str:
    # `wrk -v` prints its version and exits with 1.
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return found[0] if found else "unknown"
