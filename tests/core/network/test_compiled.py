"""Compiled networks are kept in a folder, and nothing depends on it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from resona_core.engine import Engine
from resona_core.network import processor
from resona_core.network.description import read_info
from resona_core.settings import Settings
from resona_core.sound.examples import demo_wav


@pytest.fixture
def options(weights: str, tmp_path: Path) -> Settings:
    return Settings(checkpoint=Path(weights), cache=tmp_path / "new" / "cache")


def answered(options: Settings) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    engine = Engine(options)
    assert engine.runtime == "onnxruntime"
    return engine.classify(engine.load(demo_wav("siren"))).window_probabilities  # type: ignore[return-value]


def kept(options: Settings) -> list[Path]:
    return sorted(options.cache.iterdir())


def test_the_second_start_reads_what_the_first_compiled(
    options: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first = answered(options)
    (folder,) = kept(options)
    assert folder.name.startswith("float32-")
    assert sorted(each.name for each in folder.iterdir()) == ["network.bin", "network.onnx"]
    written = (folder / "network.onnx").stat().st_mtime_ns
    with monkeypatch.context() as without:
        without.setattr("resona_core.network.weights.Weights.__getitem__", None)
        np.testing.assert_array_equal(answered(options), first)
    assert (kept(options), (folder / "network.onnx").stat().st_mtime_ns) == ([folder], written)
    assert (caplog.messages, capfd.readouterr()) == ([], ("", ""))  # ONNX Runtime is silent too


def test_weights_that_are_written_anew_are_compiled_anew_in_place_of_the_old(
    options: Settings,
) -> None:
    first = answered(options)
    (old,) = kept(options)
    os.utime(options.checkpoint, ns=(1, 1))
    np.testing.assert_array_equal(answered(options), first)
    (new,) = kept(options)
    assert new != old


def test_another_checkpoint_and_another_processor_have_their_own(
    options: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(options)
    other = tmp_path / "other.safetensors"
    shutil.copy2(options.checkpoint, other)
    answered(Settings(checkpoint=other, cache=options.cache))
    before = kept(options)
    assert len(before) == 2
    monkeypatch.setattr(processor, "name", lambda: "another one")
    answered(options)
    assert len(kept(options)) == 2
    assert kept(options) != before


@pytest.mark.parametrize("damaged", ["network.onnx", "network.bin"])
def test_what_is_damaged_is_compiled_anew(options: Settings, damaged: str) -> None:
    first = answered(options)
    (folder,) = kept(options)
    (folder / damaged).write_bytes(b"no network")
    np.testing.assert_array_equal(answered(options), first)
    assert (folder / damaged).stat().st_size > 100


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence_and_does_without(
    options: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    options.cache.parent.mkdir()
    options.cache.write_bytes(b"a file, where the folder should be")
    with caplog.at_level(logging.WARNING):
        found = answered(options)
    (told,) = caplog.messages
    assert f"cannot be kept in {options.cache} ({os.strerror(errno.EEXIST)}), so" in told
    assert told.endswith("set RESONA_CACHE to a folder that can be written.")
    options.cache.unlink()
    np.testing.assert_allclose(found, answered(options), atol=1e-6)


def test_nothing_is_left_where_the_weights_cannot_be_used(options: Settings) -> None:
    assert read_info(options.checkpoint).name == "toy"
    whole = options.checkpoint.read_bytes()
    options.checkpoint.write_bytes(whole[:-4] + b"\xff\xff\xff\xff")  # NaN
    with pytest.raises(Exception, match="are no numbers"):
        Engine(options)
    assert kept(options) == []
