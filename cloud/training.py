"""What ``modal run train_modal.py`` starts: a look at the data on a CPU, then a GPU for each run.

Sessions and outcomes travel as JSON: pickles of paths differ between versions of Python. What
the user has to cure is returned, not raised, for Modal would try it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import modal

from cloud.images import HOURS_S, STORE, on_cpu, on_gpu, volume
from resona_core.deployment import TRAINING
from resona_core.errors import ResonaError
from resona_core.training.cross_validation import Outcome
from resona_core.training.session import Session

ESC50 = "ESC-50"
_STORED_EVERY = 10  # epochs; the state of a run weighs 341 MB

training = modal.App(TRAINING)


@training.function(
    image=on_cpu, cpu=2.0, memory=8192, volumes={str(STORE): volume}, timeout=2 * HOURS_S
)
def make_ready(sessions: Sequence[str]) -> str:
    """Fetch ESC-50 where it is missing; return why a session cannot be trained, or nothing."""
    from resona_core.training.data.download import download_esc50
    from resona_core.training.preparation import check

    try:
        for text in sessions:
            what = Session.from_json(text)
            if what.data.name == ESC50 and not what.data.is_dir():
                download_esc50(what.data)
                volume.commit()
            check(replace(what, resume=True))
    except ResonaError as error:
        return _there(str(error))
    return ""


@training.function(
    image=on_gpu,
    gpu="A10",
    cpu=4.0,
    memory=8192,
    volumes={str(STORE): volume},
    timeout=24 * HOURS_S,
    retries=modal.Retries(max_retries=2, initial_delay=1.0),
    single_use_containers=True,
)
def train(session: str) -> str:
    """Train one run and evaluate it; after a preemption, go on from the last state stored."""
    from resona_core.training.preparation import prepare

    what = replace(Session.from_json(session), resume=True, stored_every=_STORED_EVERY)
    try:
        outcome = prepare(what).train_and_evaluate(stored=volume.commit)
    except ResonaError as error:
        return Outcome.failed_json(_there(str(error)))
    what.folder.forget_state()
    volume.commit()
    return outcome.to_json()


def _there(sentence: str) -> str:
    """Return a sentence of the container's with the paths as the user gives them."""
    return sentence.replace(f"{STORE}/", "").replace(str(Path(STORE)), "the Volume")
