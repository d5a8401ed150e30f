"""What a run was measured on: no names, no paths."""

import json
import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.contestants import PEER_PYTHON
from bench.processes import TICKS
from bench.valkey import binary

SECONDS = 20
OURS = ("django", "djangorestframework", "djangorestframework-simplejwt", "granian", "bcrypt")
PEERS = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "pyjwt", "passlib", "bcrypt")
DJOSERS = ("djoser", "django", "gunicorn")
ASK = "import json, sys; from importlib.metadata import version as v; "
ASK += "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"


class Bystanders:
    """What other processes of the machine did meanwhile: a measurement beside a busy one lies."""

    def __init__(self) -> None:
        self._before = (time.monotonic(), busy_seconds(), own_seconds())

    def share(self) -> float:
        """Return the part of all cores' time since the beginning that others took, from 0 to 1."""
        elapsed, busy, own = (
            after - before
            for after, before in zip(
                (time.monotonic(), busy_seconds(), own_seconds()), self._before, strict=True
            )
        )
        return max(0.0, busy - own) / elapsed / (os.cpu_count() or 1)


def busy_seconds() -> float:
    """Return the processor time of all processes since the boot, stolen time included."""
    user, nice, system, _, _, irq, softirq, steal, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def own_seconds() -> float:
    """Return the processor time of this process, and of those that it has seen end."""
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
        ("this service", named({name: version(name) for name in OURS})),
        ("the FastAPI peer", named({name: peers[name] for name in PEERS})),
        ("the djoser peer", named({name: peers[name] for name in DJOSERS})),
        ("Valkey", first_version([binary(), "--version"])),
        ("wrk", first_version(["wrk", "-v"])),
    ]


def peer_versions() -> dict[str, str]:
    command = [str(PEER_PYTHON), "-c", ASK, *PEERS, *DJOSERS]
    shown = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True).stdout
    found: dict[str, str] = json.loads(shown)
    return found


def named(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())


def first_version(command: list[str]) -> str:
    # wrk -v ends with 1, after it has said its version.
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return found[0] if found else "unknown"
