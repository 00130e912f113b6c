"""The dashboard served from this checkout, and Chromium to look at it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PATIENCE_MS = 60_000
_SETTLED = """() => {
    // Streamlit listens to a chart only some time after it is drawn.
    const answers = chart => chart._ev?.listeners('plotly_selected').length;
    return document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale=true]')
    && [...document.querySelectorAll('.js-plotly-plot')].every(answers);
}"""


def chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def served(script: str = "app.py") -> Iterator[str]:
    """Serve the dashboard on a free port; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless=true",
               "--server.address=127.0.0.1", f"--server.port={port}"]  # fmt: skip
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/_stcore/health")
        yield address
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def window(path: str, width: int = 1440, height: int = 1000) -> Iterator[Page]:
    """Open a fresh browser window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def wait_until_settled(page: Page) -> None:
    """Wait until the script has run, nothing is stale and every chart answers to clicks."""
    page.wait_for_function(_SETTLED)


def charts(page: Page, count: int) -> None:
    """Wait until the page is still and shows `count` charts."""
    expect(page.locator(".js-plotly-plot")).to_have_count(count, timeout=PATIENCE_MS)
    wait_until_settled(page)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within a minute")
