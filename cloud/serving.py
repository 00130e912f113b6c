"""What ``modal deploy train_modal.py`` publishes: the network on GPUs, its API, two websites.

================  =========  ==================================================  ===============
what              runs on    who may ask it                                      at most
================  =========  ==================================================  ===============
Network           GPU        holders of the account, by ``resona_core.remote``   4 containers (*)
Network.api       the same   holders of a proxy token (RESONA_MODAL_OPEN: all)   the same
dashboard         CPU        everyone who has the link; no GPU (*)               1 container
tensorboard       CPU        everyone who has the link                           1 container
================  =========  ==================================================  ===============

(*) unless the owner says otherwise: RESONA_MODAL_CONTAINERS, RESONA_MODAL_SWITCH. Where nobody
asks, nothing runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import modal

from cloud.images import HOURS_S, RUNS, STORE, on_cpu, on_gpu, sent, volume, website
from resona_core.deployment import APP, CORES, DEPLOY, GPU, MEMORY_MIB, VOLUME
from resona_core.settings import settings

_PORT = 6006
_FRESH_S = 30.0

app = modal.App(APP)
stored = volume.read_only()


@app.cls(
    image=on_gpu,
    gpu=GPU,
    cpu=CORES,
    memory=MEMORY_MIB,
    volumes={str(STORE): stored},
    secrets=[sent],
    env={"RESONA_DEVICE": "cuda"},
    timeout=120,
    scaledown_window=60,
    max_containers=settings().modal_containers,
    enable_memory_snapshot=True,
    experimental_options={"enable_gpu_snapshot": True},
)
@modal.concurrent(max_inputs=8, target_inputs=4)
class Network:
    """The network in a GPU's memory; :mod:`resona_core.remote` and the API ask it."""

    @modal.enter(snap=True)
    def load(self) -> None:
        """Load the weights and answer once, so that the snapshot holds all that takes long."""
        from resona_core import wire
        from resona_core.engine import Engine
        from resona_core.sound.examples import DEMO_SOUNDS, demo_wav

        self.engine = Engine()
        device = f"{self.engine.device}, answers in {self.engine.precision}"
        self.sender = wire.Sender.of(self.engine.info, device)
        first = self.engine.load(demo_wav(DEMO_SOUNDS[0].key))
        self.engine.classify(first)
        self.engine.feature_maps(first)

    @modal.asgi_app(requires_proxy_auth=not settings().modal_open)
    def api(self) -> Any:
        """Serve the HTTP API on this GPU."""
        from resona_core.serve.api import create_app

        return create_app(self.engine)

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
    def explain(self, data: bytes, question: str) -> bytes:
        """Return why the first window of a sound file gets a class."""
        from resona_core import wire
        from resona_core.errors import NotDeployedError
        from resona_core.explain.explanation import Question, masker_path

        asked = Question.from_json(question)
        if asked.method == "mask" and not masker_path(settings().checkpoint).is_file():
            raise NotDeployedError(
                "The network on Modal has no masker, which the method mask needs; "
                f"{DEPLOY} again, now that there is one beside the weights."
            )
        why = self.engine.explain(self.engine.load(data), asked)
        return wire.pack_explanation(why, self.sender)

    @modal.method()
    def smallest_flip(self, data: bytes) -> bytes:
        """Return the smallest box of a sound file's first window that changes the answer."""
        from resona_core import wire

        return wire.pack_box(self.engine.smallest_flip(self.engine.load(data)), self.sender)

    @modal.method()
    def hear(self, windows: bytes) -> bytes:
        """Return the answer for windows of a recording, as :mod:`resona_core.wire` packs them."""
        from resona_core import wire

        answer = self.engine.hear(wire.unpack_windows(windows))
        return wire.pack_classification(answer, self.sender)

    @modal.method()
    def answer(self, task: str, files: list[tuple[str, bytes | None]]) -> bytes:
        """Return a record for each file, sent along or on the Volume (:mod:`resona_core.wire`)."""
        from resona_core import records, wire

        start_s = time.monotonic()
        asked = records.Task.from_json(task)

        def answered(file: tuple[str, bytes | None]) -> records.Record:
            name, data = file
            source = _on_volume(name) if data is None else data
            return records.answered(self.engine, asked, source, name)

        if any(data is None and not _on_volume(name).exists() for name, data in files):
            stored.reload()  # put there after this container started
        with ThreadPoolExecutor(int(CORES)) as pool:  # one decodes while another is answered
            found = list(pool.map(answered, files))
        return wire.pack_records(found, time.monotonic() - start_s, self.sender)


# One container each: Streamlit keeps a visitor's session in the memory of one process.
@app.function(
    image=website,
    cpu=2.0,
    memory=2048,
    volumes={str(STORE): stored},
    secrets=[sent],
    env={
        "RESONA_MODAL_SWITCH": os.environ.get("RESONA_MODAL_SWITCH", "").strip() or "0",
        "RESONA_RUNS": str(RUNS),
    },
    timeout=HOURS_S,
    scaledown_window=300,
    max_containers=1,
)
@modal.concurrent(max_inputs=100)
@modal.asgi_app()
def dashboard() -> Any:
    """Serve the dashboard to everyone who has the link; its Training page reads the Volume."""
    from pages._shell.site import site

    _keep_fresh()
    return site()


@app.function(
    image=on_cpu,
    cpu=0.5,
    memory=1024,
    volumes={str(STORE): stored},
    timeout=HOURS_S,
    scaledown_window=120,
    max_containers=1,
)
@modal.concurrent(max_inputs=100)
@modal.web_server(_PORT, startup_timeout=60)
def tensorboard() -> None:
    """Serve TensorBoard over the runs on the Volume."""
    _keep_fresh()
    options = ["--logdir", str(RUNS), "--host", "0.0.0.0", "--port", str(_PORT)]
    subprocess.Popen([sys.executable, "-m", "tensorboard.main", *options])


def _on_volume(name: str) -> Path:
    return STORE / name.removeprefix(VOLUME)


def _keep_fresh() -> None:
    """Look now and then what training has put on the Volume; not while a file of it is open."""

    def look() -> None:
        while True:
            time.sleep(_FRESH_S)
            with suppress(RuntimeError, modal.Error):
                stored.reload()

    Thread(target=look, name="resona-volume", daemon=True).start()
