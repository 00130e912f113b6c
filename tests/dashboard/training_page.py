"""The Training page, opened on runs that a test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from resona_core.settings import SHIPPED_CHECKPOINT, settings
from tests.run_folder import evaluation, write_json, write_run

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of local runs; no run is shipped."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("RESONA_RUNS", str(folder))
    monkeypatch.setattr(
        "resona_core.training.runs.find_runs.__defaults__", (tmp_path / "none", SHIPPED_CHECKPOINT)
    )
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def evaluated(folder: Path) -> Path:
    write_json(write_run(folder) / "evaluation.json", evaluation())
    return folder


def open_section(open_page: Open, section: str, run: str = "mine") -> AppTest:
    page = open_page("training")
    page.selectbox(key="training_run").select(run).run()
    page.segmented_control(key="section").set_value(section).run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    kinds = (page.header, page.caption, page.info, page.code, page.warning, page.markdown)
    return "\n".join(element.value for kind in kinds for element in kind)


def columns(page: AppTest) -> list[list[str]]:
    return [list(table.value.columns) for table in page.dataframe]
