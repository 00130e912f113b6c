"""Which engine a command takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resona_core.commands import for_many
from resona_core.network import processor
from resona_core.settings import Settings


def test_many_windows_get_a_core_each_unless_it_is_set_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "cores", lambda: 6)
    plain = Settings(checkpoint=Path("x"))
    assert for_many(plain) == replace(plain, threads=1, concurrency=6)
    for chosen in ({"threads": 2}, {"concurrency": 3}, {"device": "cuda"}):
        set_by_hand = replace(plain, **chosen)  # type: ignore[arg-type]
        assert for_many(set_by_hand) == set_by_hand
