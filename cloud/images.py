"""What all containers on Modal share: images, the Volume, the settings sent along.

In a container this file is read again: what it makes there must be as many Modal objects as here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import modal

from resona_core.deployment import APP
from resona_core.explain.explanation import masker_path
from resona_core.settings import settings
from resona_core.training.fitting.commit import git_commit

ROOT = Path(__file__).parents[1]
HOME = "/root"  # where Modal starts, and looks for modules
STORE = Path("/store")  # where the Volume is mounted
RUNS = STORE / "runs"
HOURS_S = 3600

_CHECKPOINT = f"{HOME}/network.safetensors"
_PYTORCH_CPU = "https://download.pytorch.org/whl/cpu"
_SENT = (
    "RESONA_MAX_BYTES", "RESONA_MAX_DURATION_S", "RESONA_MAX_RECORDING_BYTES",
    "RESONA_MAX_RECORDING_S", "RESONA_API_TOKEN", "RESONA_API_CONCURRENCY", "RESONA_API_WAITING",
)  # fmt: skip
"""The settings that mean the same there as here; the others name places on this computer."""


def sent_settings() -> dict[str, str]:
    """Return what the containers are told of this computer's settings."""
    return {name: os.environ[name] for name in _SENT if os.environ.get(name, "").strip()}


def _pinned_torch() -> list[str]:
    """Return the lines of requirements.txt for torch and torchaudio."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return re.findall(r"^torch(?:audio)?==\S+", text, flags=re.MULTILINE)


def _with_the_program(image: modal.Image) -> modal.Image:
    """Return the image with the packages, the core, the weights and, if they have one, the masker.

    In a container the masker lies beside the weights if it lay there here: both add as much.
    """
    image = (
        image.pip_install_from_requirements(str(ROOT / "requirements.txt"))
        .env({"RESONA_CHECKPOINT": _CHECKPOINT, "RESONA_GIT_COMMIT": git_commit()})
        .add_local_dir(ROOT / "resona_core", f"{HOME}/resona_core", ignore=["**/__pycache__"])
        .add_local_file(settings().checkpoint, _CHECKPOINT)
    )
    masker = masker_path(settings().checkpoint)
    there = masker_path(Path(_CHECKPOINT)).as_posix()
    return image.add_local_file(masker, there) if masker.is_file() else image


_python = modal.Image.debian_slim(python_version="3.11")
on_gpu = _with_the_program(_python)
on_cpu = _with_the_program(
    _python.pip_install(*_pinned_torch(), index_url=_PYTORCH_CPU) if modal.is_local() else _python
)  # PyPI's torch would bring CUDA
website = (
    on_cpu.add_local_dir(ROOT / "pages", f"{HOME}/pages", ignore=["**/__pycache__"])
    .add_local_dir(ROOT / "assets", f"{HOME}/assets")
    .add_local_dir(ROOT / ".streamlit", f"{HOME}/.streamlit")
)
volume = modal.Volume.from_name(APP, create_if_missing=True)
sent = modal.Secret.from_dict(dict(sent_settings()))
