"""Resona on Modal: training on GPUs, the network as a service, the dashboard for everyone.

    modal run train_modal.py --folds 1,2,3,4,5 --validate-on 5 --gpu H100
    modal run train_modal.py --cross-validate --recipe brief --name brief
    modal deploy train_modal.py

Training reads the folder ``data/ESC-50`` of the Volume ``resona`` and fetches ESC-50 when it is
not there; other sounds are brought by ``modal volume put resona FOLDER data/NAME`` and named by
``--data NAME``. A run of the same name goes on where it stopped, and comes home to ``--runs``.

The options are those of ``python -m resona_core train --help``, but for ``--device`` and
``--resume``: ``--recipe`` (a file of this computer), ``--folds`` (1,2,3,4,5), ``--epochs``,
``--seed``, ``--initial``, ``--from-scratch``, ``--without``, ``--skip-unreadable``, ``--teacher``,
``--others`` ...; besides, ``--gpu`` and ``--cross-validate``. ``--initial``, ``--teacher`` and
``--others`` are paths inside the Volume, such as ``runs/NAME/model.safetensors``, or
``teachers/mn04_as.pt`` after ``modal volume put resona mn04_as.pt teachers/mn04_as.pt``.

This page only says what runs where, and loads no torch to say it. How a network learns and
answers is in ``resona_core``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import modal
from modal.types import FileEntryType

from resona_core.commands import training as commands
from resona_core.errors import ResonaError
from resona_core.settings import settings
from resona_core.training.cross_validation import Outcome, one_for_each_fold, run_all
from resona_core.training.fitting.run_folder import ONLY_TO_RESUME
from resona_core.training.session import Session
from resona_core.whole import whole_file

APP = "resona"  # as `resona_core.remote` looks it up, which loads torch

ROOT = Path(__file__).parent
HOME = "/root"  # where Modal starts, and looks for modules
STORE = Path("/store")  # where the Volume is mounted
CHECKPOINT = f"{HOME}/network.safetensors"
ESC50 = "ESC-50"
HOURS_S = 3600

app = modal.App(APP)
volume = modal.Volume.from_name(APP, create_if_missing=True)
core = (
    modal.Image.debian_slim(python_version="3.11")
    .pip_install_from_requirements(str(ROOT / "requirements.txt"))
    .env({"RESONA_CHECKPOINT": CHECKPOINT})
    .add_local_dir(ROOT / "resona_core", f"{HOME}/resona_core", ignore=["**/__pycache__"])
    .add_local_file(settings().checkpoint, CHECKPOINT)
)
website = (
    core.add_local_dir(ROOT / "pages", f"{HOME}/pages", ignore=["**/__pycache__"])
    .add_local_dir(ROOT / "assets", f"{HOME}/assets")
    .add_local_dir(ROOT / ".streamlit", f"{HOME}/.streamlit")
    .add_local_file(ROOT / "app.py", f"{HOME}/app.py")
    .add_local_file(ROOT / "hosting.py", f"{HOME}/hosting.py")
)


@app.function(image=core, volumes={str(STORE): volume}, timeout=2 * HOURS_S)
def fetch_data(folder: Path) -> None:
    """Download ESC-50 into the Volume, unless it is there or another dataset is meant."""
    from resona_core.training.data.download import download_esc50

    if folder.name == ESC50 and not folder.is_dir():
        download_esc50(folder)
        volume.commit()


@app.function(
    image=core,
    gpu="A10",
    volumes={str(STORE): volume},
    timeout=24 * HOURS_S,
    retries=modal.Retries(max_retries=2, initial_delay=1.0),
    single_use_containers=True,
)
def train(what: Session) -> Outcome:
    """Train one run and evaluate it; after a preemption, go on from the last whole epoch."""
    from resona_core.training.preparation import prepare

    outcome = prepare(replace(what, resume=True)).train_and_evaluate(stored=volume.commit)
    volume.commit()
    return outcome


@app.cls(
    image=core,
    gpu="T4",
    env={"RESONA_DEVICE": "cuda", "RESONA_MAX_BYTES": "500000000"},  # WAV, so larger than uploads
    timeout=120,
    scaledown_window=300,
    enable_memory_snapshot=True,
)
@modal.concurrent(max_inputs=8)
class Network:
    """The network in a GPU's memory; :mod:`resona_core.remote` asks it."""

    @modal.enter(snap=True)
    def import_libraries(self) -> None:
        """Import, before the snapshot, what takes longest; no GPU is there yet."""
        import resona_core.engine  # noqa: F401

    @modal.enter(snap=False)
    def load_weights(self) -> None:
        """Load the weights once, on the GPU of this container."""
        from resona_core import wire
        from resona_core.engine import Engine

        self.engine = Engine()
        self.sender = wire.Sender.of(self.engine.info, self.engine.device)

    @modal.method()
    def classify(self, data: bytes, name: str = "") -> bytes:
        """Return the answer for a sound file's bytes, as :mod:`resona_core.wire` packs it."""
        from resona_core import wire

        answer = self.engine.classify(self.engine.load(data, name))
        return wire.pack_classification(answer, self.sender)

    @modal.method()
    def feature_maps(
        self, data: bytes, name: str = "", window: int = 0, layers: list[str] | None = None
    ) -> bytes:
        """Return layers for one window of a sound file, as :mod:`resona_core.wire` packs them."""
        from resona_core import wire

        maps = self.engine.feature_maps(self.engine.load(data, name), window, layers)
        return wire.pack_maps(maps, self.sender)

    @modal.method()
    def channel_shares(self, data: bytes, label: str, layer: str) -> bytes:
        """Return each channel's share in a class's logit, for the first window of a sound file."""
        from resona_core import wire

        shares = self.engine.channel_shares(self.engine.load(data), label, layer)
        return wire.pack_shares(shares, self.sender)

    @modal.method()
    def hear(self, windows: bytes) -> bytes:
        """Return the answer for windows of a recording, as :mod:`resona_core.wire` packs them."""
        from resona_core import wire

        answer = self.engine.hear(wire.unpack_windows(windows))
        return wire.pack_classification(answer, self.sender)


# One container each: Streamlit keeps a visitor's session in the memory of one process.
@app.function(image=website, cpu=2.0, timeout=HOURS_S, scaledown_window=300, max_containers=1)
@modal.concurrent(max_inputs=100)
@modal.asgi_app()
def dashboard() -> Any:
    """Serve the dashboard to everyone who has the link."""
    from pages._shell.site import site

    return site()


@app.function(image=website, cpu=2.0, timeout=HOURS_S, scaledown_window=300, max_containers=1)
@modal.concurrent(max_inputs=100)
@modal.asgi_app(requires_proxy_auth=not settings().modal_open)
def service() -> Any:
    """Serve the dashboard and, under /api, the API; by default to holders of a Modal token."""
    from hosting import app as dashboard_and_api

    return dashboard_and_api


@app.local_entrypoint()
def main(*arguments: str) -> None:
    """Train on Modal, with the options of the page's docstring; bring what was found home."""
    options = _parser().parse_args(arguments)
    try:
        asked = commands.session_of(options)
        there = in_volume(asked, options.data)
        sessions = one_for_each_fold(there) if options.cross_validate else [there]
    except ResonaError as error:
        raise SystemExit(f"error: {error}") from None

    def train_all(sessions: Sequence[Session]) -> Iterator[Outcome | Exception]:
        fetch_data.remote(there.data)
        answers = train.with_options(gpu=options.gpu).map(sessions, return_exceptions=True)
        for each, answer in zip(sessions, answers, strict=True):
            if isinstance(answer, Exception):
                print(f"error: {each.name}: {answer}", file=sys.stderr)
            else:
                bring_home(each.name, asked.runs)
            yield answer

    found = run_all(sessions, train_all, asked.runs, commands.recipe_name(options), print)
    print(f"tensorboard --logdir {asked.runs}")
    if found.failed:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    """Return the options of training here, and those of where it is done there."""
    parser = argparse.ArgumentParser(prog="modal run train_modal.py", add_help=False)
    commands.add_session(parser)
    parser.add_argument("--data", default=ESC50)
    parser.add_argument("--gpu", default="A10")
    commands.add_validation(parser)
    parser.add_argument("--cross-validate", action="store_true")
    parser.set_defaults(folds=(1, 2, 3, 4, 5))
    return parser


def in_volume(asked: Session, data: str) -> Session:
    """Return the session as the container sees it, where the Volume is mounted."""

    def there(path: Path | None) -> Path | None:
        return path and STORE / path

    return replace(
        asked, data=STORE / "data" / data, runs=STORE / "runs", initial=there(asked.initial),
        teacher=there(asked.teacher), others=there(asked.others),
    )  # fmt: skip


def bring_home(name: str, runs: Path) -> None:
    """Copy a run from the Volume, without what only resuming it needs."""
    for entry in volume.listdir(f"runs/{name}", recursive=True):
        path = runs / PurePosixPath("/", entry.path).relative_to("/runs")
        if entry.type is FileEntryType.FILE and path.suffix not in ONLY_TO_RESUME:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part:
                part.write_bytes(b"".join(volume.read_file(entry.path)))
