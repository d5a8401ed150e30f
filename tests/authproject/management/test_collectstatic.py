from pathlib import Path

from django.core.management import call_command
from pytest_django import Settings


def test_collectstatic_with_static_root_collects(tmp_path: Path, settings: Settings) -> None:
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", "--noinput", "--verbosity=0")
    assert (tmp_path / "accounts" / "pages.css").exists()
