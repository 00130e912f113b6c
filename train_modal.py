"""Resona on Modal: training on GPUs, the network as a service, the dashboard for everyone.

    modal run train_modal.py --folds 1,2,3,4,5 --validate-on 5 --gpu H100
    modal run train_modal.py --cross-validate --config brief --name brief
    modal deploy train_modal.py

Training reads the folder ``data/ESC-50`` of the Volume ``resona`` and fetches ESC-50 when it is
not there; other sounds are brought by ``modal volume put resona FOLDER data/NAME`` and named by
``--data NAME``. A run of the same name goes on where it stopped.

This page only says what runs where. How a network learns and answers is in ``resona_core``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import modal
from modal.types import FileEntryType

from resona_core import remote, wire
from resona_core.errors import ResonaError
from resona_core.settings import settings
from resona_core.training import session
from resona_core.training.evaluation.records import Report
from resona_core.training.fitting.recipes import read_recipe
from resona_core.training.session import Session

ROOT = Path(__file__).parent
HOME = "/root"  # where Modal starts, and looks for modules
STORE = Path("/store")  # where the Volume is mounted
CHECKPOINT = f"{HOME}/network.safetensors"
ESC50 = "ESC-50"
OURS = "resona"  # the recipe, unless another is named
HOURS_S = 3600

app = modal.App(remote.APP)
volume = modal.Volume.from_name(remote.APP, create_if_missing=True)
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
def train(what: Session) -> dict[str, Any]:
    """Train one run and examine it; after a preemption, go on from the last whole epoch."""
    model = session.prepare(replace(what, resume=True)).run(stored=volume.commit)
    report = session.examine(what, model)
    volume.commit()
    return report.to_dict() if report else {}


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
        from resona_core.engine import Engine

        self.engine = Engine()
        self.sender = wire.Sender.of(self.engine.info, self.engine.device)

    @modal.method()
    def classify(self, data: bytes, name: str = "") -> bytes:
        """Return the answer for a sound file's bytes, as :mod:`resona_core.wire` packs it."""
        answer = self.engine.classify(self.engine.load(data, name))
        return wire.pack_classification(answer, self.sender)

    @modal.method()
    def feature_maps(
        self, data: bytes, name: str = "", window: int = 0, layers: list[str] | None = None
    ) -> bytes:
        """Return layers for one window of a sound file, as :mod:`resona_core.wire` packs them."""
        maps = self.engine.feature_maps(self.engine.load(data, name), window, layers)
        return wire.pack_maps(maps, self.sender)

    @modal.method()
    def channel_shares(self, data: bytes, label: str, layer: str) -> bytes:
        """Return each channel's share in a class's logit, for the first window of a sound file."""
        shares = self.engine.channel_shares(self.engine.load(data), label, layer)
        return wire.pack_shares(shares, self.sender)

    @modal.method()
    def hear(self, windows: bytes) -> bytes:
        """Return the answer for windows of a recording, as :mod:`resona_core.wire` packs them."""
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
def main(
    config: str | None = None,
    folds: str = "1,2,3,4,5",
    validate_on: int | None = None,
    cross_validate: bool = False,
    gpu: str = "A10",
    name: str = "run",
    data: str = ESC50,
    epochs: int | None = None,
    runs: str = "runs",
) -> None:
    """Train on Modal; bring the weights, the logs and the scores home."""
    try:
        recipe = read_recipe(config or OURS)
        if epochs:
            recipe = replace(recipe, training=replace(recipe.training, epochs=epochs))
        one = Session(
            data=STORE / "data" / data,
            runs=STORE / "runs",
            name=name,
            folds=tuple(int(fold) for fold in folds.split(",")),
            validate_on=validate_on,
            recipe=recipe,
            own_front_end=config is not None,
        )
        sessions = session.one_for_each_fold(one) if cross_validate else [one]
    except (ResonaError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    fetch_data.remote(one.data)
    answers = list(train.with_options(gpu=gpu).map(sessions, return_exceptions=True))
    reports = [
        Report.from_dict(answer) for answer in answers if isinstance(answer, dict) and answer
    ]
    extra = {"cross_validation.json": session.cross_validation(reports)} if reports[1:] else {}
    for each, answer in zip(sessions, answers, strict=True):
        if isinstance(answer, Exception):
            print(f"error: {each.name}: {answer}", file=sys.stderr)
        else:
            bring_home(each.name, Path(runs), {"evaluation.json": answer} | extra)
    print(f"{session.summary(reports)}\ntensorboard --logdir {runs}".strip())
    if any(isinstance(answer, Exception) for answer in answers):
        raise SystemExit(1)


def bring_home(name: str, runs: Path, records: dict[str, dict[str, Any]]) -> None:
    """Copy a run from the Volume, without what only resuming it needs; add the `records`."""
    for entry in volume.listdir(f"runs/{name}", recursive=True):
        path = runs / PurePosixPath("/", entry.path).relative_to("/runs")
        if entry.type is FileEntryType.FILE and path.suffix not in (".pt", ".part"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(volume.read_file(entry.path)))
    for file, record in records.items():
        if record:
            (runs / name / file).write_text(json.dumps(record, indent=1) + "\n")
