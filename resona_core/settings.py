"""Environment variables and limits, read once, each with its type and a message of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from resona_core.errors import SettingsError

SHIPPED_CHECKPOINT = Path(__file__).parent / "weights" / "esc50-resnet34.safetensors"
SHIPPED_RUNS = SHIPPED_CHECKPOINT.parent / "runs"


PRECISIONS = ("auto", "float32", "int8")


@dataclass(frozen=True)
class Limits:
    """What a sound may weigh and last.

    Attributes
    ----------
    max_bytes : int
    max_duration_s : float
    if_larger, if_longer : str
        What the refusal of one that is beyond advises, besides cutting it; "" for nothing.
    """

    max_bytes: int = 50_000_000
    max_duration_s: float = 600.0
    if_larger: str = field(default="", compare=False)
    if_longer: str = field(default="", compare=False)


_RECORDINGS = "ask for its timeline (on the pages: Recordings), which takes hours"
SOUND_LIMITS = Limits(if_larger=_RECORDINGS, if_longer=_RECORDINGS)

RECORDING_LIMITS = Limits(
    max_bytes=1_000_000_000,
    max_duration_s=24 * 3600.0,
    if_larger="set RESONA_MAX_RECORDING_BYTES higher",
    if_longer="set RESONA_MAX_RECORDING_S higher",
)
"""A recording is read piece by piece, and one given by its path may weigh anything; one that was
uploaded stays in memory while it is open."""


@dataclass(frozen=True)
class ApiSettings:
    """Who may ask the HTTP service, and how many at a time."""

    token: str = field(default="", repr=False)  # empty: everyone
    concurrency: int = 2  # requests that decode or ask the network at a time
    waiting: int = 8  # requests that wait for that; more are turned away


def default_cache() -> Path:
    """Return where this computer's programs keep what they can make again."""
    home = Path("~").expanduser() if os.environ.get("HOME") or sys.platform == "win32" else Path()
    if sys.platform == "darwin":
        folder = home / "Library" / "Caches"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home)
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return folder / "resona"


@dataclass(frozen=True)
class Settings:
    """Everything the environment can change; README.md lists the variables."""

    checkpoint: Path = SHIPPED_CHECKPOINT
    runs: Path = Path("runs")
    cache: Path = field(default_factory=default_cache)  # of networks compiled for this CPU
    device: str = "cpu"
    runtime: str = "auto"  # the fastest there is on the device
    precision: str = "auto"  # 8 bit for answers where the processor is made for it
    threads: int = 0  # 0: as many as there are cores
    concurrency: int = 1  # calls that may use the network at a time
    backend: str = "local"  # where the network runs: on this computer, or on "modal"
    modal_timeout_s: float = 20.0  # until Modal has taken a question
    modal_start_s: float = 120.0  # from then on: a GPU may have to start
    modal_switch: bool = True  # whether visitors of the dashboard may choose Modal
    modal_open: bool = False  # whether the deployed API takes questions from anyone
    modal_containers: int = 4  # GPUs that the deployed network may take at a time
    git_commit: str = ""  # what training records where the program is no git checkout
    limits: Limits = SOUND_LIMITS
    recording_limits: Limits = RECORDING_LIMITS
    api: ApiSettings = ApiSettings()


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from `environment`.

    Raises
    ------
    SettingsError
        If a variable cannot be read; the message names it, its value and what is allowed.
    """
    given, defaults = _Variables(environment), Settings()
    sounds, recordings, api = defaults.limits, defaults.recording_limits, defaults.api
    return Settings(
        checkpoint=Path(given.text("RESONA_CHECKPOINT", str(defaults.checkpoint))),
        runs=Path(given.text("RESONA_RUNS", str(defaults.runs))),
        cache=Path(given.text("RESONA_CACHE", str(defaults.cache))),
        device=given.one_of("RESONA_DEVICE", defaults.device, "cpu", "cuda"),
        runtime=given.one_of("RESONA_RUNTIME", defaults.runtime, "auto", "torch", "onnxruntime"),
        precision=given.one_of("RESONA_PRECISION", defaults.precision, *PRECISIONS),
        threads=given.count("RESONA_THREADS", defaults.threads),
        concurrency=given.positive("RESONA_CONCURRENCY", defaults.concurrency),
        backend=given.one_of("RESONA_BACKEND", defaults.backend, "local", "modal"),
        modal_timeout_s=given.seconds("RESONA_MODAL_TIMEOUT_S", defaults.modal_timeout_s),
        modal_start_s=given.seconds("RESONA_MODAL_START_S", defaults.modal_start_s),
        modal_switch=given.switch("RESONA_MODAL_SWITCH", defaults.modal_switch),
        modal_open=given.switch("RESONA_MODAL_OPEN", defaults.modal_open),
        modal_containers=given.positive("RESONA_MODAL_CONTAINERS", defaults.modal_containers),
        git_commit=given.text("RESONA_GIT_COMMIT", defaults.git_commit),
        limits=replace(
            sounds,
            max_bytes=given.positive("RESONA_MAX_BYTES", sounds.max_bytes),
            max_duration_s=given.seconds("RESONA_MAX_DURATION_S", sounds.max_duration_s),
        ),
        recording_limits=replace(
            recordings,
            max_bytes=given.positive("RESONA_MAX_RECORDING_BYTES", recordings.max_bytes),
            max_duration_s=given.seconds("RESONA_MAX_RECORDING_S", recordings.max_duration_s),
        ),
        api=ApiSettings(
            given.text("RESONA_API_TOKEN", api.token),
            given.positive("RESONA_API_CONCURRENCY", api.concurrency),
            given.count("RESONA_API_WAITING", api.waiting),
        ),
    )


class _Variables:
    """The environment's variables, read by kind; a blank one counts as not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def one_of(self, name: str, default: str, *allowed: str) -> str:
        given = self.text(name, default)
        if given not in allowed:
            raise self._error(name, f"{', '.join(allowed[:-1])} or {allowed[-1]}")
        return given

    def switch(self, name: str, default: bool) -> bool:
        return self.one_of(name, str(int(default)), "0", "1") == "1"

    def count(self, name: str, default: int) -> int:
        given = self.text(name, str(default))
        if not given.isdecimal():
            raise self._error(name, "a whole number, 0 or more")
        return int(given)

    def positive(self, name: str, default: int) -> int:
        given = self.text(name, str(default))
        if not given.isdecimal() or not int(given):
            raise self._error(name, "a whole number above 0")
        return int(given)

    def seconds(self, name: str, default: float) -> float:
        try:
            given = float(self.text(name, str(default)))
        except ValueError:
            given = 0.0
        if not 0 < given < float("inf"):
            raise self._error(name, "a number of seconds above 0")
        return given

    def _error(self, name: str, allowed: str) -> SettingsError:
        return SettingsError(f"{name} is {self.text(name, '')!r}, but must be {allowed}.")


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read from the environment at the first call."""
    return from_environment(os.environ)
