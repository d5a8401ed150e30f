"""`manage.py runserver`, in a real process."""

import http
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.processes import run_python

BURST = 100


def test_runserver_resets_no_connection_of_a_burst(tmp_path: Path) -> None:
    command = ("manage.py", "runserver", "--noreload", "{port}")
    with run_python(tmp_path, *command) as service, ThreadPoolExecutor(BURST) as pool:
        responses = [pool.submit(service.request, "GET", "/health") for _ in range(BURST)]
        assert {one.result().status for one in responses} == {http.HTTPStatus.OK}
