"""The files for GitHub: Dependabot's configuration and the workflows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
DEPENDABOT: dict[str, Any] = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))
MANIFESTS = {
    "pip": "requirements*.txt",
    "docker": "Containerfile",
    "docker-compose": "compose.yaml",
    "github-actions": ".github/workflows/*.yml",
}
"""What Dependabot updates in a folder, by its ecosystem."""


def validate(schema: str, *files: Path) -> str:
    pytest.importorskip("check_jsonschema", reason="pip install -r requirements-dev.txt")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    found = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    return found.stdout if found.returncode else ""


def get_folders(update: dict[str, Any]) -> list[Path]:
    names = update.get("directories") or [update["directory"]]
    return [ROOT / name.strip("/") for name in names]


def test_dependabot_configuration_is_valid() -> None:
    assert validate("vendor.dependabot", GITHUB / "dependabot.yml") == ""


def test_misspelled_dependabot_configuration_is_invalid(tmp_path: Path) -> None:
    wrong = tmp_path / "dependabot.yml"
    wrong.write_text((GITHUB / "dependabot.yml").read_text().replace("interval:", "intervall:"))
    assert "interval" in validate("vendor.dependabot", wrong)


def test_workflows_are_valid() -> None:
    assert validate("vendor.github-workflows", *WORKFLOWS) == ""


@pytest.mark.parametrize("update", DEPENDABOT["updates"], ids=lambda one: one["package-ecosystem"])
def test_dependabot_finds_what_it_updates(update: dict[str, Any]) -> None:
    manifest = MANIFESTS[update["package-ecosystem"]]
    assert [folder for folder in get_folders(update) if not list(folder.glob(manifest))] == []


def test_every_requirements_file_is_updated_and_audited() -> None:
    pip = [one for one in DEPENDABOT["updates"] if one["package-ecosystem"] == "pip"]
    folders = {folder for update in pip for folder in get_folders(update)}
    files = [*ROOT.glob("*requirements*.txt"), *(ROOT / "bench").rglob("*requirements*.txt")]
    assert {file.parent for file in files} <= folders
    command = ["make", "--silent", "--dry-run", "audit"]
    audit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (audited,) = re.findall(r"for file in (.*?); do", audit)
    assert {ROOT / name for name in audited.split()} == {*files}
