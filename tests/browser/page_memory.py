"""What the dashboard's server weighs, as Chromium visits it: ``make memory``.

Its resident memory after Listen alone; after a hundred sounds of 5 s, each new, on the pages about
a sound in turn; and after all pages.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.dashboard import chromium, served, wait_until_settled, window

UPLOADS = 100
ABOUT_A_SOUND = ("Listen", "Feature maps", "Explain")
OTHERS = ("Recordings", "Training")


def main() -> None:
    """Print the server's resident memory, in MB, and the most that it ever was."""
    path = chromium()
    if path is None:
        sys.exit("Chromium is not installed (apt-get install chromium).")
    with served() as address, window(path) as page:
        page.goto(address)
        wait_until_settled(page)
        port = address.rpartition(":")[2]
        _report("Listen alone", port)
        for number in range(UPLOADS):
            _upload(page, number)
            if (number + 1) % 10 == 0:
                _report(f"{number + 1} sounds", port)
            _open(page, ABOUT_A_SOUND[(number + 1) % len(ABOUT_A_SOUND)])
        _report(f"{UPLOADS} sounds", port)
        for title in OTHERS:
            _open(page, title)
        _report("all pages", port)


def _open(page: Page, title: str) -> None:
    page.get_by_role("link", name=title).first.click()
    expect(page).to_have_title(f"{title} · Resona")
    wait_until_settled(page)


def _upload(page: Page, number: int) -> None:
    """Upload 5 s of noise that the server has not met, and wait until the page has answered."""
    samples = np.random.default_rng(number).normal(0, 0.1, 5 * 44_100)
    file = io.BytesIO()
    soundfile.write(file, samples, 44_100, format="WAV", subtype="PCM_16")
    upload = {"name": f"{number}.wav", "mimeType": "audio/wav", "buffer": file.getvalue()}
    place = page.locator("input[type=file]")
    expect(place).to_have_count(1)
    place.set_input_files(upload)  # type: ignore[arg-type]
    page.wait_for_url(re.compile(rf"sound=own%3A{number}\.wav"))
    wait_until_settled(page)


def _report(what: str, port: str) -> None:
    """Print what the process that serves `port` weighs."""
    commands = ((path, path.read_bytes()) for path in Path("/proc").glob("[0-9]*/cmdline"))
    (server,) = [path.parent for path, line in commands if f"--server.port={port}".encode() in line]
    told = (server / "status").read_text().split()
    now, most = (int(told[told.index(key) + 1]) / 1e3 for key in ("VmRSS:", "VmHWM:"))
    print(f"{what}: {now:.0f} MB (at most {most:.0f} MB)", flush=True)


if __name__ == "__main__":
    main()
