"""docs/openapi.json has no error and no warning of two linters."""

import json
from pathlib import Path

from tests.support.npx import run_npx
from tests.support.processes import ROOT

REDOCLY = "@redocly/cli@1.34.20"  # the newest for Node 18, which Debian has
SPECTRAL = "@stoplight/spectral-cli@6.16.3"
DOCUMENT = str(ROOT / "docs" / "openapi.json")
CONFIGURATION = ROOT / "tests" / "support"


def test_redocly_finds_nothing(tmp_path: Path) -> None:
    config = ("--config", str(CONFIGURATION / "redocly.yaml"))
    command = ("redocly", "lint", "--format", "json", *config, DOCUMENT)
    run = run_npx(tmp_path, *command, package=REDOCLY)
    found = json.loads(run.stdout)
    assert found["problems"] == []
    assert found["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}


def test_spectral_finds_nothing(tmp_path: Path) -> None:
    config = ("--ruleset", str(CONFIGURATION / "spectral.yaml"), "--fail-severity", "hint")
    run = run_npx(tmp_path, "spectral", "lint", *config, DOCUMENT, package=SPECTRAL)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No results" in run.stdout
