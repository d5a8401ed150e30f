"""docs/reference/stability.md lists what a project may import: what the guides do."""

import re

from tests.support.processes import ROOT

IMPORT = re.compile(r"^(?:>>> )?(?:from|import) (accounts[\w.]*)", re.MULTILINE)
EXTENSION_OF_THE_APP = "accounts.stores.url"  # the guide to a store adds a class to it


def test_modules_that_guides_import_are_public() -> None:
    folders = (ROOT / "docs/guides", ROOT / "docs/examples")
    pages = [page for folder in folders for page in folder.iterdir() if page.is_file()]
    imported = {name for page in pages for name in IMPORT.findall(page.read_text("utf-8"))}
    page = (ROOT / "docs/reference/stability.md").read_text("utf-8")
    assert imported - {EXTENSION_OF_THE_APP} <= set(re.findall(r"`(accounts[\w.]*)`", page))
    assert "accounts.testing" in imported
