"""System programs that some tests need, each from a Debian package."""

import os
import shutil

import pytest

PACKAGES = {
    "buildah": "buildah",
    "chromium": "chromium",
    "dpkg-query": "dpkg",
    "nginx": "nginx",
    "node": "nodejs",
    "npx": "npm",
    "prometheus": "prometheus",
    "openssl": "openssl",
    "promtool": "prometheus",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
    "systemd-analyze": "systemd",
}


def find_program(name: str) -> str:
    """Return the path of a program. Skips the test if it is not installed."""
    # nginx is in /usr/sbin, which is not in the PATH of Debian's users.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found
