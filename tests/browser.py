"""A page of a local HTML file in headless Chromium, as a fixture: ``open_page``."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class OpenedPage:
    """A page with everything that it told, asked for and failed at since it was opened."""

    page: Page
    messages: list[str] = field(default_factory=list)
    """Console messages, as ``error: text``, ``warning: text``, ``log: text``."""
    errors: list[str] = field(default_factory=list)
    """Exceptions of scripts that nothing caught."""
    requests: list[str] = field(default_factory=list)
    """Every address asked for, the page itself first. The network is off."""
    failures: list[str] = field(default_factory=list)
    """The addresses that could not be had."""

    @property
    def problems(self) -> list[str]:
        """Return all that a clean page has none of: console errors and warnings, exceptions, failed requests."""
        loud = [message for message in self.messages if message.startswith(("error: ", "warning: "))]
        return loud + self.errors + self.failures

    def pdf(self, **options: Any) -> PdfReader:
        """Print the page to A4, with the options of Playwright's ``Page.pdf``."""
        return PdfReader(BytesIO(self.page.pdf(**{"format": "A4", **options})))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; skip where there is none, but fail in CI."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sentence = f"no headless browser: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    # Not for the whole session: as long as it is open, no other test of the process can run an event loop.
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to work for root, which is who runs the tests in a container.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., OpenedPage]]:
    """Give a function that opens an HTML file; its keywords are those of Playwright's ``Browser.new_context``.

    ``opened = open_page(path, viewport={"width": 390, "height": 844})``, then ``opened.problems``,
    ``opened.page.locator("h1").inner_text()``, ``opened.page.screenshot(path=...)`` and ``len(opened.pdf().pages)``.
    """
    contexts = []

    def open_file(path: Path, **options: Any) -> OpenedPage:
        context = browser.new_context(**{"offline": True, **options})
        contexts.append(context)
        page = context.new_page()
        opened = OpenedPage(page)
        page.on("console", lambda message: opened.messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("requestfailed", lambda request: opened.failures.append(request.url))
        page.goto(Path(path).resolve().as_uri())
        return opened

    yield open_file
    for context in contexts:
        context.close()
