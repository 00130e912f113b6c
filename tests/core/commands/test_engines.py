"""Which engine a command takes."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from resona_core.commands import engine_of, for_many
from resona_core.network import processor
from resona_core.settings import Settings


def test_many_windows_get_a_core_each_unless_it_is_set_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "cores", lambda: 6)
    plain = Settings(checkpoint=Path("x"))
    assert for_many(plain) == replace(plain, threads=1, concurrency=6)
    for chosen in ({"threads": 2}, {"concurrency": 2}, {"device": "cuda"}):
        set_by_hand = replace(plain, **chosen)  # type: ignore[arg-type]
        assert for_many(set_by_hand) == set_by_hand


def test_an_engine_is_for_one_sound_unless_there_are_many(
    weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "cores", lambda: 6)
    options = argparse.Namespace(checkpoint=Path(weights))
    one, many = engine_of(options).settings, engine_of(options, many=True).settings
    assert (one.threads, one.concurrency) == (0, 1)
    assert (many.threads, many.concurrency) == (1, 6)
    assert one.checkpoint == many.checkpoint == Path(weights)
