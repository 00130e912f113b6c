"""One process serves the dashboard and, on the same engine, the HTTP service."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from resona_core import checkpoint
from resona_core.checkpoint import CheckpointInfo, Classifier
from tests.browser.dashboard import served


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        body: bytes = response.read()
    return body


def test_dashboard_and_service_answer_on_one_port(
    tiny_classifier: Classifier, tiny_info: CheckpointInfo, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(path, tiny_info, tiny_classifier.network.state_dict())
    monkeypatch.setenv("RESONA_CHECKPOINT", str(path))
    with served("hosting.py") as address:
        assert fetch(f"{address}/_stcore/health") == b"ok"
        assert b"<title>Streamlit</title>" in fetch(address)
        assert json.loads(fetch(f"{address}/api/v1/health"))["network"] == "toy"
        assert json.loads(fetch(f"{address}/api/openapi.json"))["servers"] == [{"url": "/api"}]
