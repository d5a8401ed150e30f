"""The layers of docs/architecture.md, checked by reading every import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("accounts", "authproject")

# Innermost first. A module imports from its own layer and the ones before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("accounts.domain",),
    ("accounts.throttled_logging", "accounts.signals"),
    ("accounts.passwords", "accounts.stores", "accounts.tokens"),
    ("accounts.seeds",),
    ("accounts.conf", "accounts.services"),
    ("accounts",),
    ("authproject",),
)
# Each of these third-party packages is imported by exactly these modules.
HOMES = {
    "bcrypt": {"accounts.passwords.hasher", "accounts.passwords.imported_hashes"},
    "dotenv": {"authproject.environment.dotenv_file"},
    "drf_spectacular": {
        "accounts.openapi",
        "authproject.openapi.schema",
        "authproject.openapi.views",
    },
    "email_validator": {"accounts.domain.users"},
    "granian": {
        "authproject.management.commands.serve",
        "authproject.server.application",  # types only, as the next two
        "authproject.server.bodies",
        "authproject.server.environ",
        "authproject.server.event_loop",
        "authproject.server.granian_server",
    },
    "jwt": {"accounts.tokens.key_ring", "accounts.tokens.keys"},
    "orjson": {
        "accounts.domain.users",
        "accounts.management.commands.make_users",
        "accounts.rest.parsers",
        "accounts.rest.renderers",
        "accounts.seeds.reader",
        "accounts.stores.journal.format",
        "accounts.stores.serialization",
        "accounts.tokens.key_ring",
        "authproject.monitoring.formatters",
    },
    "pytest": {"accounts.testing"},
    "prometheus_client": {"authproject.monitoring.metrics"},
    "redis": {
        "accounts.stores.redis.client",
        "accounts.stores.redis.config_check",
        "accounts.stores.redis.connection",
        "accounts.stores.redis.event_loop",
        "accounts.stores.redis.outages",
        "accounts.stores.redis.replication",
        "accounts.stores.redis.sentinel",
    },
    "rest_framework_simplejwt": {
        "accounts.authentication",
        "accounts.tokens.key_ring",
        "accounts.tokens.service",
    },
}
FRAMEWORKS = {"django", "rest_framework", "rest_framework_simplejwt", "corsheaders"}


def get_module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    get_module_name(path): path
    for package in PRODUCT
    for path in sorted((ROOT / package).rglob("*.py"))
}
TESTS = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.glob("tests/**/test_*.py"))}


@cache
def get_imports(path: Path) -> list[str]:
    return list(iter_imports(path))


def iter_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


def get_packages(path: Path) -> set[str]:
    """Return the top-level packages that a module imports."""
    return {name.partition(".")[0] for name in get_imports(path)}


def get_layer(module: str) -> int:
    """Return the index of the layer with the longest prefix of the module's name."""
    prefixes = {
        prefix: index
        for index, names in enumerate(LAYERS)
        for prefix in names
        if module == prefix or module.startswith(f"{prefix}.")
    }
    return prefixes[max(prefixes, key=len)]


def test_modules_import_only_inner_layers() -> None:
    outer = {
        module: [
            name
            for name in get_imports(path)
            if name.partition(".")[0] in PRODUCT and get_layer(name) > get_layer(module)
        ]
        for module, path in MODULES.items()
    }
    assert {module: names for module, names in outer.items() if names} == {}


def test_third_party_packages_are_imported_at_home() -> None:
    homes: dict[str, set[str]] = {package: set() for package in HOMES}
    for module, path in MODULES.items():
        for package in get_packages(path) & HOMES.keys():
            homes[package].add(module)
    assert homes == HOMES


def test_domain_and_stores_import_no_framework() -> None:
    inner = [name for name in MODULES if name.startswith(("accounts.domain", "accounts.stores"))]
    imported = {module: get_packages(MODULES[module]) & FRAMEWORKS for module in inner}
    assert {module: names for module, names in imported.items() if names} == {}


def test_there_are_no_models() -> None:
    assert not list(ROOT.glob("a*/**/models.py"))


def test_tests_import_no_test_module() -> None:
    imported = {test: set(get_imports(path)) for test, path in TESTS.items()}
    wrong = {test: {name for name in names if ".test_" in name} for test, names in imported.items()}
    assert {test: names for test, names in wrong.items() if names} == {}


def test_test_folders_mirror_the_packages() -> None:
    folders = {".".join(Path(test).parent.parts[1:]) for test in TESTS}
    known = {"", *MODULES}
    assert {name for name in folders - known if not name.startswith(("bench", "e2e."))} == set()
