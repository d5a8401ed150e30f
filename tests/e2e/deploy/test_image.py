"""deploy/Containerfile, built with buildah. test_container.py tests the rest without an engine."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deploy.buildah import Buildah, check_python_packages
from tests.support.deploy.confinement import CONTAINER_USER
from tests.support.deploy.containerfile import SECRET
from tests.support.processes import START_SECONDS, Service

TAG = "authproject"


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    buildah = Buildah(tmp_path_factory.mktemp("buildah"))
    check_python_packages()
    buildah.build_image(TAG)
    yield buildah
    buildah.remove_everything()


@pytest.mark.skipif(os.geteuid() != 0, reason="an image is built by root")
def test_built_image_serves_from_its_volume_and_stops(buildah: Buildah) -> None:
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "ALLOWED_HOSTS": "127.0.0.1",
        "STORE_URL": "file:///accounts/accounts.jsonl",
    }
    with buildah.running(TAG, **environment) as (service, root):
        assert service.register().status == 201
        assert service.profile(service.login().json()["access_token"]).status == 200
        for path in ("accounts/accounts.jsonl", "secrets"):
            assert (root / path).stat().st_uid == CONTAINER_USER
        os.kill(find_main_process(service), signal.SIGTERM)
        assert service.process.wait(START_SECONDS) == 0
        assert "stopped by SIGTERM" in service.log


def find_main_process(service: Service) -> int:
    """Return the process of the image's entrypoint, whose ancestors are buildah's."""
    pid = service.process.pid
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/opt/venv/bin/python"):
        children = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        [pid] = map(int, " ".join(children).split())
    return pid


def test_image_has_no_pip(buildah: Buildah) -> None:
    container = buildah("from", "--pull-never", TAG)
    command = buildah.build_command("run", container, "--", "python", "-c", "import pip")
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No module named 'pip'" in ran.stderr
