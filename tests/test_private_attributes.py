"""Private attributes of libraries that the product uses. An upgrade may rename them silently."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NamedTuple

import django.core.handlers.base
import django.http.response
import granian.log
import pytest
import redis.cluster
import redis.connection
import rest_framework.request
from granian.server.common import AbstractServer
from granian.server.mp import MPServer

import accounts
import authproject

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = {
    "django",
    "drf_spectacular",
    "granian",
    "prometheus_client",
    "redis",
    "rest_framework",
    "rest_framework_simplejwt",
}


class PrivateUse(NamedTuple):
    owner: Any
    """The class or module that defines the attribute."""
    attribute: str
    module: str
    """The module of the product that uses it."""
    reason: str


LISTENERS = "each worker has a listening socket, which its parent keeps"

PRIVATE_USES = [
    PrivateUse(
        django.core.handlers.base.BaseHandler,
        "_middleware_chain",
        "authproject.server.handler",
        "calls the middleware without Django's per-request URL configuration and logging",
    ),
    PrivateUse(
        django.http.response.ResponseHeaders,
        "_store",
        "authproject.server.headers",
        "sets several headers at once and reads them all, which saves 6 µs a request",
    ),
    *(
        PrivateUse(
            rest_framework.request.Request,
            attribute,
            "accounts.rest.views",
            "authenticates without two attribute errors, which saves 8 µs a request",
        )
        for attribute in ("_authenticate", "_user")
    ),
    PrivateUse(
        redis.cluster.NodesManager,
        "_initialization_lock",
        "accounts.stores.redis.client",
        "limits how long threads wait for a new list of cluster nodes",
    ),
    PrivateUse(
        redis.connection.AbstractConnection,
        "_get_socket",
        "accounts.stores.redis.event_loop",
        "the event loop is told when a response has come, which saves 60 µs a request",
    ),
    *(
        PrivateUse(owner, attribute, "authproject.server.granian_server", reason)
        for owner, attributes, reason in (
            (MPServer, ("_init_shared_socket", "_drop_shared_socket", "_sso"), LISTENERS),
            (AbstractServer, ("_ssp", "_shd", "_spawn_worker"), LISTENERS),
            (AbstractServer, ("_reload",), "SIGHUP replaces workers one by one"),
            (AbstractServer, ("_respawn_workers",), "counts the workers that died"),
            (AbstractServer, ("_serve",), "a parent that fails ends its workers"),
        )
        for attribute in attributes
    ),
    PrivateUse(
        granian.log,
        "_granian",
        "authproject.management.commands.serve",
        "sends the log of the server to the handlers of the service",
    ),
]


def get_product_modules() -> Iterator[str]:
    for package in (accounts, authproject):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            yield module.name


def read_source(module: str) -> str:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text(encoding="utf-8")


def get_suppressed_lines() -> Iterator[tuple[str, str]]:
    """Yield module and text of each line with an exception to ruff's rule SLF001."""
    for module in get_product_modules():
        for line in read_source(module).splitlines():
            if "noqa: SLF001" in line:
                yield module, line.strip()


def get_overridden_methods() -> Iterator[tuple[str, str]]:
    """Yield module and name of each private method that overrides a library's."""
    for name in get_product_modules():
        if name.endswith((".wsgi", ".rsgi")):
            continue  # importing them starts the service
        for cls in vars(import_module(name)).values():
            if inspect.isclass(cls) and cls.__module__ == name:
                yield from ((name, method) for method in find_overrides(cls))


def find_overrides(cls: type[Any]) -> Iterator[str]:
    bases = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in LIBRARIES]
    for method in filter(inspect.isfunction, vars(cls).values()):
        name = method.__name__
        if name.startswith("_") and not name.endswith("__"):
            yield from (name for base in bases if name in vars(base))


@pytest.mark.parametrize("use", PRIVATE_USES, ids=lambda use: f"{use.module}:{use.attribute}")
def test_private_attribute_still_exists(use: PrivateUse) -> None:
    # Attributes of instances are not attributes of their class, so its source is searched.
    name = repr(use.attribute) if inspect.ismodule(use.owner) else f"self.{use.attribute}"
    exists = hasattr(use.owner, use.attribute) or name in inspect.getsource(use.owner)
    assert exists, f"{use.owner} has no {use.attribute}; {use.module} uses it: {use.reason}"


@pytest.mark.parametrize("use", PRIVATE_USES, ids=lambda use: f"{use.module}:{use.attribute}")
def test_private_attribute_is_used(use: PrivateUse) -> None:
    found = re.search(rf"\b{use.attribute}\b", read_source(use.module))
    assert found, "remove its row from PRIVATE_USES"


def test_every_slf001_exception_is_in_the_table() -> None:
    assert [
        f"{module}: {line}"
        for module, line in get_suppressed_lines()
        if not any(use.module == module and use.attribute in line for use in PRIVATE_USES)
    ] == []


def test_every_overridden_private_method_is_in_the_table() -> None:
    listed = {(use.module, use.attribute) for use in PRIVATE_USES}
    assert set(get_overridden_methods()) - listed == set()
