"""Runs a real Prometheus that scrapes services."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.ports import free_port
from tests.support.processes import ROOT, START_SECONDS
from tests.support.system_programs import find_program
from tests.support.valkey import wait_until

DEPLOY = ROOT / "deploy"
JOB = "authproject"


class Prometheus:
    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of a response. Raises `HTTPError` for an invalid expression."""
        with urllib.request.urlopen(
            f"{self._api}/{path}?{urlencode(parameters)}", timeout=START_SECONDS
        ) as response:
            return json.load(response)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and current value of each series of an expression."""
        found = self.get("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def is_ready(self) -> bool:
        try:
            return self.get("status/runtimeinfo") is not None
        except OSError:
            return False


@contextmanager
def run_prometheus(folder: Path, *targets: int) -> Iterator[Prometheus]:
    """Scrape the services on these ports every 500 ms until the block ends."""
    port = free_port()
    config = (DEPLOY / "prometheus.yml").read_text()
    config = config.replace("15s", "500ms").replace("alerts.yml", f"{DEPLOY}/alerts.yml")
    services = ", ".join(f'"127.0.0.1:{target}"' for target in targets)
    (folder / "prometheus.yml").write_text(config.replace('"127.0.0.1:8000"', services))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                find_program("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/prometheus",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            env=os.environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Prometheus(port)
    try:
        wait_until(server.is_ready)
        yield server
    finally:
        process.terminate()
        process.wait(START_SECONDS)
