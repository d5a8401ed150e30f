"""schemathesis against a running server: every response is one that docs/openapi.json describes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http import ENDPOINTS
from tests.support.processes import ROOT, run_service

pytest.importorskip("schemathesis", reason="needs schemathesis (requirements-dev.txt)")

SECONDS = 60  # a bound against hanging; a run takes twelve


@pytest.mark.slow
def test_responses_match_openapi_document(tmp_path: Path) -> None:
    with run_service(tmp_path) as service:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(ROOT / "tests" / "support" / "schemathesis.toml")),
                *("run", str(ROOT / "docs" / "openapi.json")),
                *("--url", f"http://127.0.0.1:{service.port}"),
                *("--checks", "all", "--no-color"),
            ],
            cwd=tmp_path,  # where it writes its cache
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Tested: {len(ENDPOINTS)}" in run.stdout
    assert "✅ Stateful" in run.stdout
