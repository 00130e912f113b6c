"""Environment variables and limits, read once, each with its type and a message of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from resona_core.errors import SettingsError

T = TypeVar("T")

SHIPPED_CHECKPOINT = Path(__file__).parent / "weights" / "esc50-resnet34.safetensors"
SHIPPED_RUNS = SHIPPED_CHECKPOINT.parent / "runs"


@dataclass(frozen=True)
class Limits:
    """What a single sound may weigh and last."""

    max_bytes: int = 50_000_000
    max_duration_s: float = 600.0


# A recording is read piece by piece, but one that was uploaded stays in memory while it is open.
RECORDING_LIMITS = Limits(max_bytes=1_000_000_000, max_duration_s=4 * 3600.0)


@dataclass(frozen=True)
class ApiSettings:
    """Who may ask the HTTP service, and how many at a time."""

    token: str = field(default="", repr=False)  # empty: everyone
    concurrency: int = 2  # requests that decode or ask the network at a time
    waiting: int = 8  # requests that wait for that; more are turned away


@dataclass(frozen=True)
class Settings:
    """Everything the environment can change; README.md lists the variables."""

    checkpoint: Path = SHIPPED_CHECKPOINT
    runs: Path = Path("runs")
    device: str = "cpu"
    runtime: str = "auto"  # the fastest there is on the device
    threads: int = 0  # 0: as many as torch finds
    concurrency: int = 1  # calls that may use the network at a time
    backend: str = "local"  # where the network runs: on this computer, or on "modal"
    modal_timeout_s: float = 20.0
    modal_open: bool = False  # whether the deployed API takes questions from anyone
    limits: Limits = Limits()
    recording_limits: Limits = RECORDING_LIMITS
    api: ApiSettings = ApiSettings()


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from `environment`.

    Raises
    ------
    SettingsError
        If a variable cannot be read; the message names it, its value and what is allowed.
    """

    def read(key: str, cast: Callable[[str], T], allowed: str, default: T) -> T:
        text = environment.get(key, "").strip()
        if not text:
            return default
        try:
            return cast(text)
        except ValueError:
            raise SettingsError(f"{key} is {text!r}, but must be {allowed}.") from None

    defaults = Settings()
    return Settings(
        checkpoint=read("RESONA_CHECKPOINT", Path, "a path", defaults.checkpoint),
        runs=read("RESONA_RUNS", Path, "a path", defaults.runs),
        device=read("RESONA_DEVICE", _device, "cpu or cuda", defaults.device),
        runtime=read("RESONA_RUNTIME", _runtime, "auto, torch or onnxruntime", defaults.runtime),
        threads=read("RESONA_THREADS", _count, "a whole number, 0 or more", defaults.threads),
        concurrency=read("RESONA_CONCURRENCY", _positive_int, "a whole number above 0",
                         defaults.concurrency),
        backend=read("RESONA_BACKEND", _backend, "local or modal", defaults.backend),
        modal_timeout_s=read("RESONA_MODAL_TIMEOUT_S", _positive_float,
                             "a number of seconds above 0", defaults.modal_timeout_s),
        modal_open=read("RESONA_MODAL_OPEN", _yes_or_no, "0 or 1", defaults.modal_open),
        limits=Limits(
            max_bytes=read("RESONA_MAX_BYTES", _positive_int, "a whole number above 0",
                           defaults.limits.max_bytes),
            max_duration_s=read("RESONA_MAX_DURATION_S", _positive_float,
                                "a number of seconds above 0", defaults.limits.max_duration_s),
        ),
        recording_limits=Limits(
            max_bytes=read("RESONA_MAX_RECORDING_BYTES", _positive_int, "a whole number above 0",
                           defaults.recording_limits.max_bytes),
            max_duration_s=read("RESONA_MAX_RECORDING_S", _positive_float,
                                "a number of seconds above 0",
                                defaults.recording_limits.max_duration_s),
        ),
        api=ApiSettings(
            token=read("RESONA_API_TOKEN", str, "a word", defaults.api.token),
            concurrency=read("RESONA_API_CONCURRENCY", _positive_int, "a whole number above 0",
                             defaults.api.concurrency),
            waiting=read("RESONA_API_WAITING", _count, "a whole number, 0 or more",
                         defaults.api.waiting),
        ),
    )  # fmt: skip


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read from the environment at the first call."""
    return from_environment(os.environ)


def _device(text: str) -> str:
    if text not in ("cpu", "cuda"):
        raise ValueError
    return text


def _runtime(text: str) -> str:
    if text not in ("auto", "torch", "onnxruntime"):
        raise ValueError
    return text


def _backend(text: str) -> str:
    if text not in ("local", "modal"):
        raise ValueError
    return text


def _yes_or_no(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


def _count(text: str) -> int:
    return _at_least(int(text), 0)


def _positive_int(text: str) -> int:
    return _at_least(int(text), 1)


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _at_least(value: int, least: int) -> int:
    if value < least:
        raise ValueError
    return value
