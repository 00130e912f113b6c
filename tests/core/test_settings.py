from __future__ import annotations

from pathlib import Path

import pytest

from resona_core.errors import SettingsError
from resona_core.settings import (
    SHIPPED_CHECKPOINT,
    ApiSettings,
    Limits,
    Settings,
    default_cache,
    from_environment,
    settings,
)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert from_environment({}) == Settings(
        checkpoint=SHIPPED_CHECKPOINT,
        device="cpu",
        threads=0,
        limits=Limits(max_bytes=50_000_000, max_duration_s=600.0),
    )


def test_a_blank_variable_counts_as_not_set() -> None:
    assert from_environment({"RESONA_THREADS": "", "RESONA_DEVICE": "  "}) == Settings()


def test_every_variable_arrives_with_its_type() -> None:
    read = from_environment(
        {
            "RESONA_CHECKPOINT": "runs/mine/model.safetensors",
            "RESONA_RUNS": "elsewhere/runs",
            "RESONA_DEVICE": " cuda ",
            "RESONA_RUNTIME": "torch",
            "RESONA_CACHE": "elsewhere/cache",
            "RESONA_PRECISION": "int8",
            "RESONA_THREADS": "2",
            "RESONA_BACKEND": "modal",
            "RESONA_MODAL_TIMEOUT_S": "0.5",
            "RESONA_MODAL_START_S": "60",
            "RESONA_MODAL_SWITCH": "0",
            "RESONA_MODAL_OPEN": "1",
            "RESONA_MODAL_CONTAINERS": "7",
            "RESONA_GIT_COMMIT": "0123abc",
            "RESONA_MAX_BYTES": "1",
            "RESONA_MAX_DURATION_S": "2.5",
            "RESONA_API_TOKEN": "rosebud",
            "RESONA_API_CONCURRENCY": "4",
            "RESONA_API_WAITING": "0",
        }
    )
    assert read == Settings(
        checkpoint=Path("runs/mine/model.safetensors"),
        runs=Path("elsewhere/runs"),
        device="cuda",
        runtime="torch",
        cache=Path("elsewhere/cache"),
        precision="int8",
        threads=2,
        backend="modal",
        modal_timeout_s=0.5,
        modal_start_s=60.0,
        modal_switch=False,
        modal_open=True,
        modal_containers=7,
        git_commit="0123abc",
        limits=Limits(max_bytes=1, max_duration_s=2.5),
        api=ApiSettings(token="rosebud", concurrency=4, waiting=0),
    )


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("RESONA_DEVICE", "tpu", "cpu or cuda"),
        ("RESONA_BACKEND", "cloud", "local or modal"),
        ("RESONA_MODAL_TIMEOUT_S", "0", "a number of seconds above 0"),
        ("RESONA_MODAL_OPEN", "yes", "0 or 1"),
        ("RESONA_RUNTIME", "tensorrt", "auto, torch or onnxruntime"),
        ("RESONA_PRECISION", "int4", "auto, float32 or int8"),
        ("RESONA_THREADS", "-1", "a whole number, 0 or more"),
        ("RESONA_THREADS", "two", "a whole number, 0 or more"),
        ("RESONA_MAX_BYTES", "0", "a whole number above 0"),
        ("RESONA_MAX_BYTES", "1e6", "a whole number above 0"),
        ("RESONA_MAX_DURATION_S", "0", "a number of seconds above 0"),
        ("RESONA_MAX_DURATION_S", "nan", "a number of seconds above 0"),
        ("RESONA_MAX_DURATION_S", "inf", "a number of seconds above 0"),
        ("RESONA_MAX_DURATION_S", "long", "a number of seconds above 0"),
        ("RESONA_API_CONCURRENCY", "0", "a whole number above 0"),
        ("RESONA_API_WAITING", "-1", "a whole number, 0 or more"),
    ],
)
def test_an_unusable_value_is_told_with_its_key_and_what_is_allowed(
    key: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({key: value})
    assert str(caught.value) == f"{key} is {value!r}, but must be {allowed}."


@pytest.mark.parametrize(
    ("platform", "environment", "cache"),
    [
        ("linux", {"HOME": "/home/ada"}, "/home/ada/.cache/resona"),
        ("linux", {"HOME": "/home/ada", "XDG_CACHE_HOME": "/tmp/xdg"}, "/tmp/xdg/resona"),
        ("linux", {}, ".cache/resona"),  # a container without a user
        ("darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Caches/resona"),
        ("win32", {"HOME": "/Users/ada", "LOCALAPPDATA": "/local"}, "/local/resona"),
    ],
)
def test_the_cache_lies_where_the_computer_keeps_such_things(
    platform: str, environment: dict[str, str], cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert default_cache() == Path(cache)


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    monkeypatch.setenv("RESONA_THREADS", "3")
    try:
        first = settings()
        monkeypatch.setenv("RESONA_THREADS", "4")
        assert first.threads == 3
        assert settings() is first
    finally:
        settings.cache_clear()


def test_other_limits_advise_what_the_defaults_do() -> None:
    read = from_environment({"RESONA_MAX_DURATION_S": "2", "RESONA_MAX_RECORDING_BYTES": "3"})
    assert (read.limits.max_duration_s, read.recording_limits.max_bytes) == (2.0, 3)
    assert "timeline" in read.limits.if_longer
    assert "timeline" in read.limits.if_larger
    assert "RESONA_MAX_RECORDING_S" in read.recording_limits.if_longer
    assert "RESONA_MAX_RECORDING_BYTES" in read.recording_limits.if_larger
