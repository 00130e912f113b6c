"""The dashboard served once for all tests, and a fresh window for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.dashboard import chromium, served, window


@pytest.fixture(scope="session")
def browser() -> str:
    path = chromium()
    if path is None and os.environ.get("RESONA_REQUIRE_BROWSER"):
        pytest.fail("Chromium is required here and not installed")
    if path is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return path


@pytest.fixture(scope="session")
def address(browser: str) -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def page(address: str, browser: str) -> Iterator[Page]:
    """A fresh window; console errors and exceptions on the page fail the test."""
    complaints: list[str] = []
    with window(browser) as page:
        page.on("console", lambda m: complaints.append(m.text) if _is_ours(m) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        expect(page.get_by_test_id("stException")).to_have_count(0)
    assert complaints == []


def _is_ours(message: ConsoleMessage) -> bool:
    """Tell an error of the page from Streamlit's probing for its base path on a deep link."""
    probe = "_stcore" in message.location["url"] and "404" in message.text
    return message.type == "error" and not probe
