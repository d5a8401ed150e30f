"""Drives the API on CPython 3.14 compiled to WebAssembly, where a deprecated call is an error.

It runs in Pyodide, from test_python_3_14.py: there are no threads, and no compiled packages. So
bcrypt and orjson are replaced, and what a thread would run is run at once.
"""

import concurrent.futures
import hashlib
import json
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["/", "/health", "/health/ready", "/metrics", "/openapi.json", "/docs", "/api/v1/"]


def main() -> str:
    """Return the interpreter, the number of compiled files and the statuses, as JSON."""
    warnings.simplefilter("error")
    files = [path for top in ("accounts", "authproject") for path in (ROOT / top).rglob("*.py")]
    for path in files:
        compile(path.read_bytes(), str(path), "exec")
    warnings.simplefilter("default")
    for category in (DeprecationWarning, PendingDeprecationWarning):
        warnings.simplefilter("error", category)
    replace_packages()
    version = sys.version_info[:2]
    return json.dumps({"version": version, "files": len(files), "statuses": [*get_statuses()]})


def replace_packages() -> None:
    sys.modules["bcrypt"] = build_bcrypt()
    sys.modules["orjson"] = build_orjson()
    concurrent.futures.ThreadPoolExecutor = ExecutorWithoutThreads  # type: ignore[assignment,misc]  # has no threads


def build_bcrypt() -> types.ModuleType:
    module: Any = types.ModuleType("bcrypt")

    def hash_password(password: bytes, salt: bytes) -> bytes:
        return salt[:29] + hashlib.sha256(password + salt[:29]).hexdigest()[:31].encode()

    module.hashpw = hash_password
    module.checkpw = lambda password, hashed: hash_password(password, hashed) == hashed
    module.gensalt = lambda rounds=12, prefix=b"2b": b"$2b$%02d$%s" % (rounds, b"." * 22)
    return module  # type: ignore[no-any-return]  # a module is Any


def build_orjson() -> types.ModuleType:
    module: Any = types.ModuleType("orjson")
    module.JSONDecodeError, module.JSONEncodeError = json.JSONDecodeError, TypeError
    module.__getattr__ = lambda name: 0  # the options
    module.loads = json.loads
    module.dumps = lambda value, default=str, option=0: json.dumps(value, default=default).encode()
    return module  # type: ignore[no-any-return]  # a module is Any


class ExecutorWithoutThreads(concurrent.futures.Executor):
    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def submit(
        self, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> concurrent.futures.Future[Any]:
        future = concurrent.futures.Future[Any]()
        try:
            future.set_result(function(*args, **options))
        except Exception as error:  # noqa: BLE001  # as an executor does
            future.set_exception(error)
        return future


def get_statuses() -> Iterator[int]:
    """Send requests to each endpoint that needs no store but memory."""
    from tests.settings import TEST_ENVIRONMENT  # noqa: PLC0415  # after the packages

    os.environ |= TEST_ENVIRONMENT | {"DJANGO_SETTINGS_MODULE": "authproject.settings"}
    import django  # noqa: PLC0415  # after the settings

    django.setup()
    from tests.support.api import Api  # noqa: PLC0415  # after django.setup()

    api = Api()
    api.client.defaults["HTTP_HOST"] = "localhost"
    yield api.register().status_code
    login = api.login().json()
    yield api.profile(login["access_token"]).status_code
    yield api.refresh(login["refresh_token"]).status_code
    yield api.logout(login["refresh_token"]).status_code
    yield api.profile(login["access_token"]).status_code
    yield from (api.client.get(page).status_code for page in PAGES)
