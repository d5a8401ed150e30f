"""What the service never uses is not imported, and can be imported nevertheless."""

import os
import subprocess
import sys

import pytest

from tests.support.processes import PROCESS_ENVIRONMENT, ROOT

SERVE = (
    "import sys, authproject.rsgi; from django.core.checks import run_checks; run_checks(); "
    "print(*sys.modules)"
)
OPTIONAL = ("pygments", "uritemplate", "yaml")
UNUSED = {
    *OPTIONAL,
    *("jinja2", "requests", "urllib3", "django.test.client", "django.contrib.admin.options"),
    "django.db.migrations.autodetector",
}
USE_LATER = (
    "import authproject.rsgi; from django.contrib import admin; import django.test.signals as one; "
    "from django.test import Client, signals; import django.test; "
    f"import {', '.join(OPTIONAL)}; print(django.test.signals is signals is one); "
    "print(admin.ModelAdmin.__name__, Client.__name__, yaml.__name__)"
)


def run_python(code: str, *, pages: bool) -> str:
    switched = {"API_DOCS": "false", "BROWSABLE_API": str(pages).lower()}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **PROCESS_ENVIRONMENT, **switched},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_unused_packages_are_not_imported() -> None:
    modules = set(run_python(SERVE, pages=False).split())
    assert "rest_framework.compat" in modules
    assert not modules & UNUSED


def test_unused_packages_can_be_imported_later() -> None:
    assert run_python(USE_LATER, pages=False) == "True\nModelAdmin Client yaml\n"


@pytest.mark.parametrize("package", OPTIONAL)
def test_packages_are_imported_for_pages(package: str) -> None:
    assert package in run_python(SERVE, pages=True).split()
