"""One process serves the dashboard and, on the same engine, the HTTP service."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from tests.browser.dashboard import served

ROOT = Path(__file__).parents[1]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        body: bytes = response.read()
    return body


def test_dashboard_and_service_answer_on_one_port(
    tiny_classifier: Classifier,
    tiny_info: CheckpointInfo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    monkeypatch.setenv("RESONA_CHECKPOINT", str(path))
    with served("hosting.py") as address:
        assert fetch(f"{address}/_stcore/health") == b"ok"
        assert b"<title>Streamlit</title>" in fetch(address)
        assert json.loads(fetch(f"{address}/api/v1/health"))["network"] == "toy"
        assert json.loads(fetch(f"{address}/api/openapi.json"))["servers"] == [{"url": "/api"}]


def test_the_image_gets_what_it_copies_and_all_of_the_program() -> None:
    lines = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    copied = {source for line in lines for source in line.split()}
    let_in = re.findall(r"^!([\w.]+)", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    assert copied == set(let_in)
    assert all((ROOT / source).exists() for source in copied)
    assert {"app.py", "hosting.py", "pages", "resona_core", "assets", ".streamlit"} <= copied
