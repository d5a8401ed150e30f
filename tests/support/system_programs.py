"""System programs that some tests need, each from a Debian package."""

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


def find_program(name: str) -> str:
    """Return the path of a program. Without it, skip the test, or fail it if `CI` is set."""
    # nginx is in /usr/sbin, which is not in the PATH of Debian's users.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        reason = f"{name} is not installed: apt-get install {PACKAGES[name]}"
        # CI skips nothing.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return found
