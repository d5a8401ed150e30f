"""Programs of the system that some tests need, each from a Debian package."""

import os
import shutil

import pytest

PACKAGES = {
    "chromium": "chromium",
    "nginx": "nginx",
    "prometheus": "prometheus",
    "openssl": "openssl",
    "promtool": "prometheus",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
}


def program(name: str) -> str:
    """Return the path of a program; without it, skip by name, but in CI fail."""
    # Debian's users do not have /usr/sbin in their PATH, where nginx is.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        reason = f"{name} is not installed: apt-get install {PACKAGES[name]}"
        # CI promises that nothing was left out.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return found
