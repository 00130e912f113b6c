"""Which run the Training page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from resona_core.settings import settings
from tests.dashboard.training_page import Open, evaluated, open_section, runs, texts
from tests.run_folder import write_run

__all__ = ["runs"]  # a fixture


def test_a_run_without_an_evaluation_names_those_that_have_one(open_page: Open, runs: Path) -> None:
    write_run(runs / "mine")
    evaluated(runs / "yours")
    assert "Measured so far: yours" in texts(open_section(open_page, "Overview"))


def test_the_page_opens_on_the_run_of_the_weights_in_use_and_says_when_it_leaves_it(
    open_page: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(runs / "older")
    write_run(runs / "newer")
    used = runs / "older" / "model.safetensors"
    used.write_bytes(settings().checkpoint.read_bytes())
    monkeypatch.setenv("RESONA_CHECKPOINT", str(used))
    settings.cache_clear()
    page = open_page("training")
    assert page.selectbox(key="training_run").value == "older"
    assert page.caption[0].value.startswith("This is the network in use")
    page.selectbox(key="training_run").select("newer").run()
    assert page.caption[0].value.startswith("This is not the network in use")
    assert "That is older" in page.caption[0].value


def test_a_link_to_a_run_that_is_not_there_says_so(open_page: Open, runs: Path) -> None:
    write_run(runs / "mine")
    page = open_page("training")
    page.session_state["run"] = "gone_*x*"
    page.run()
    assert "the run gone\\_\\*x\\*; there is none" in page.warning[0].value
    assert page.selectbox(key="training_run").value == "mine"


def test_a_broken_run_does_not_lock_out_the_others(open_page: Open, runs: Path) -> None:
    write_run(runs / "good")
    (write_run(runs / "broken") / "config.json").write_text("{")
    page = open_page("training")
    page.selectbox(key="training_run").select("broken").run()
    assert page.exception  # app.py shows it as one sentence
    page.selectbox(key="training_run").select("good").run()
    assert not page.exception
