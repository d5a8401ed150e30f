"""`python -m tests.e2e.browser.screenshots`: makes the screenshots of the README."""

from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.api import PASSWORD
from tests.support.browser_client import PROFILE
from tests.support.chromium import ARGUMENTS, log_in
from tests.support.processes import ROOT, run_service
from tests.support.system_programs import find_program

IMAGES = ROOT / "docs" / "images"
EMAIL = "ada@example.com"
# The width at which GitHub shows an image, and the scale of a high-resolution screen.
WIDTH, SCALE = 900, 2


def new_page(browser: Browser, height: int) -> Page:
    viewport = {"width": WIDTH, "height": height}
    return browser.new_page(viewport=viewport, device_scale_factor=SCALE)  # type: ignore[arg-type]  # a typed dict


def browsable_api(browser: Browser, origin: str) -> None:
    page = new_page(browser, height=410)
    page.goto(f"{origin}{PROFILE}")
    log_in(page, EMAIL, PASSWORD)
    page.get_by_text("This is protected data").wait_for()
    page.screenshot(path=IMAGES / "browsable-api.png")


def swagger_ui(browser: Browser, origin: str) -> None:
    page = new_page(browser, height=503)
    page.goto(f"{origin}/docs")
    page.get_by_text("protected", exact=True).wait_for()
    page.locator("#operations-tag-auth").evaluate("heading => heading.scrollIntoView()")
    page.screenshot(path=IMAGES / "docs.png")


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        run_service(Path(folder)) as service,
        sync_playwright() as api,
    ):
        service.register(EMAIL)
        browser = api.chromium.launch(executable_path=find_program("chromium"), args=ARGUMENTS)
        for draw in (browsable_api, swagger_ui):
            draw(browser, f"http://localhost:{service.port}")
        browser.close()


if __name__ == "__main__":
    main()
