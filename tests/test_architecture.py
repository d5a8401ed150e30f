"""The layers of docs/architecture.md, held by reading every import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Innermost first: a module imports its own layer and the ones before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("accounts.core.errors", "accounts.core.events", "accounts.core.keys"),
    ("accounts.core.users", "accounts.core.sessions", "accounts.core.claims"),
    ("accounts.core.ports",),
    ("accounts.core.service",),
    ("accounts.keyring", "accounts.seldom"),
    ("accounts.stores", "accounts.passwords", "accounts.tokens", "accounts.signals"),
    ("accounts.seeds",),
    ("accounts.runtime",),
    ("accounts",),
    ("authproject",),
)
# Third-party packages have one home each.
HOMES = {
    "bcrypt": {"accounts.passwords"},
    "drf_spectacular": {
        "authproject.openapi.bodies",
        "authproject.openapi.errors",
        "authproject.openapi.extensions",
        "authproject.openapi.describe",
        "authproject.openapi.views",
    },
    "email_validator": {"accounts.core.users"},
    "environs": {"authproject.env", "authproject.judges"},
    "granian": {"authproject.management.commands.serve"},
    "jwt": {"accounts.keyring"},
    "orjson": {"accounts.renderers", "authproject.log_formats"},
    "prometheus_client": {"authproject.metrics"},
    "redis": {"accounts.stores.redis", "accounts.stores.redis_client"},
    "rest_framework_simplejwt": {
        "accounts.keyring",
        "accounts.tokens",
        "accounts.authentication",
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
def test_core_and_stores_know_no_framework(module: str) -> None:
    if module.startswith(("accounts.core", "accounts.stores")):
        assert {name.partition(".")[0] for name in imports(MODULES[module])} & FRAMEWORKS == set()


@every_module
def test_a_module_has_fewer_than_250_lines(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) < 250


def test_there_are_no_models() -> None:
    assert not list(ROOT.glob("a*/**/models.py"))
