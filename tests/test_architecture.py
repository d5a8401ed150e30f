"""The layers of docs/architecture.md, held by reading every import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Innermost first: a module imports its own layer and the ones before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("accounts.domain.errors", "accounts.domain.events"),
    ("accounts.domain.users", "accounts.domain.sessions", "accounts.domain.claims"),
    ("accounts.domain.interfaces",),
    ("accounts.domain.service",),
    ("accounts.throttled_logging",),
    ("accounts.stores", "accounts.passwords", "accounts.tokens", "accounts.signals"),
    ("accounts.seeds",),
    ("accounts.services",),
    ("accounts",),
    ("authproject",),
)
# Each third-party package is imported in these modules only.
HOMES = {
    "bcrypt": {"accounts.passwords.hasher"},
    "dotenv": {"authproject.environment.reader"},
    "drf_spectacular": {
        "authproject.openapi.operations",
        "authproject.openapi.errors",
        "authproject.openapi.extensions",
        "authproject.openapi.response_serializers",
        "authproject.openapi.views",
    },
    "email_validator": {"accounts.domain.users"},
    "granian": {"authproject.management.commands.serve"},
    "jwt": {"accounts.tokens.key_ring"},
    "orjson": {"accounts.rest.renderers", "authproject.monitoring.formatters"},
    "prometheus_client": {"authproject.monitoring.metrics"},
    "redis": {"accounts.stores.redis.client", "accounts.stores.redis.store"},
    "rest_framework_simplejwt": {
        "accounts.authentication",
        "accounts.tokens.key_ring",
        "accounts.tokens.service",
    },
}
FRAMEWORKS = {"django", "rest_framework", "rest_framework_simplejwt", "corsheaders"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for package in ("accounts", "authproject")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


def layer(module: str) -> int:
    """Return the index of the layer whose longest prefix the module has."""
    prefixes = {
        prefix: index
        for index, names in enumerate(LAYERS)
        for prefix in names
        if module == prefix or module.startswith(f"{prefix}.")
    }
    return prefixes[max(prefixes, key=len)]


every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_a_module_imports_its_own_layer_and_inner_ones(module: str) -> None:
    ours = {
        name
        for name in imports(MODULES[module])
        if name.partition(".")[0] in {"accounts", "authproject"}
    }
    assert {name for name in ours if layer(name) > layer(module)} == set()


@every_module
def test_third_party_packages_have_one_home(module: str) -> None:
    strangers = {name.partition(".")[0] for name in imports(MODULES[module])} & HOMES.keys()
    assert {name for name in strangers if module not in HOMES[name]} == set()


@every_module
def test_domain_and_stores_know_no_framework(module: str) -> None:
    if module.startswith(("accounts.domain", "accounts.stores")):
        assert {name.partition(".")[0] for name in imports(MODULES[module])} & FRAMEWORKS == set()


def test_there_are_no_models() -> None:
    assert not list(ROOT.glob("a*/**/models.py"))
