"""Pages run in this process through Streamlit's AppTest, with the shipped network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._shell import state
from pages._shell.sound import Sound
from resona_core.settings import settings
from resona_core.sound.examples import DEMO_SOUNDS, demo_wav

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _needs_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    if not settings().checkpoint.is_file():
        pytest.skip("the shipped weights are not there")
    monkeypatch.chdir(ROOT)


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """A function that runs one page: (name, sound=None, **what the address says)."""

    def run(name: str, sound: Sound | None = None, **address: str) -> AppTest:
        demo = DEMO_SOUNDS[0]
        sound = sound or Sound.from_bytes(f"{demo.key}.wav", demo_wav(demo.key), demo.key)
        page = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
        page.session_state["sound"] = sound.demo or f"own:{sound.name}"
        page.session_state[state._SOUNDS] = {sound.name: sound}
        for key, text in address.items():
            page.session_state[key] = text
        return page.run()

    return run
