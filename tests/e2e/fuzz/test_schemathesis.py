"""schemathesis against a running server: every response is one that docs/openapi.json describes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http import DOCUMENTED
from tests.support.openapi import WITH_BODY, failures, listed_codes
from tests.support.processes import ROOT, run_service

pytest.importorskip("schemathesis", reason="needs schemathesis (requirements-dev.txt)")

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
"""How many examples each operation gets at night (`make fuzz`), each time others."""
SECONDS = 3600 if EXAMPLES else 60  # a bound against hanging; the small run takes twelve

WITH_VALUES = sorted(path for path in WITH_BODY if "invalid" in listed_codes(failures(path)[400]))
"""Paths at which a body of the right shape can have an unacceptable value."""


def write_configuration(folder: Path) -> Path:
    text = (ROOT / "tests" / "support" / "schemathesis.toml").read_text(encoding="utf-8")
    text = text.replace("WITH_VALUES", f"^({'|'.join(WITH_VALUES)})$")
    if EXAMPLES:
        text = re.sub(r"max-examples = \d+", f"max-examples = {EXAMPLES}", text)
        text = text.replace("seed = 1\n", "")
    path = folder / "schemathesis.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_responses_match_openapi_document(tmp_path: Path) -> None:
    with run_service(tmp_path, TRACK_SESSIONS="true") as service:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(write_configuration(tmp_path))),
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
    assert f"Tested: {len(DOCUMENTED)}" in run.stdout
    assert "✅ Stateful" in run.stdout
