"""Resona on Modal: training on GPUs, the network as a service, the dashboard for everyone.

    modal run train_modal.py --folds 1,2,3,4,5 --validate-on 5 --gpu H100
    modal run train_modal.py --cross-validate --recipe brief --name brief
    modal deploy train_modal.py

``python train_modal.py --help`` lists the options of a training; ``cloud/`` says what runs where.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modal.types import FileEntryType

from cloud.images import STORE, volume
from cloud.serving import app
from cloud.training import ESC50, make_ready, train, training
from resona_core.commands import training as commands
from resona_core.errors import ResonaError
from resona_core.training.cross_validation import Outcome, one_for_each_fold, run_all
from resona_core.training.fitting.run_folder import ONLY_TO_RESUME
from resona_core.training.session import Session
from resona_core.whole import whole_file

__all__ = ["app", "main"]

_ORDER = """
what to do in which order:
  modal token new                                      once
  modal volume create resona                           once, before anything is put there
  modal volume put resona FOLDER data/NAME             your own sounds; then --data NAME
  modal volume put resona mn04_as.pt teachers/mn04_as.pt
  modal run train_modal.py --data NAME --name mine

ESC-50 is fetched where it is not there. The same command goes on with a run that was stopped;
what it found comes home to --runs. `modal run --detach train_modal.py ...` keeps what has begun
alive when this computer leaves; the same command, given again, brings its results home.
--initial, --teacher and --others are paths inside the Volume, such as
runs/NAME/model.safetensors.
"""


@training.local_entrypoint()
def main(*arguments: str) -> None:
    """Train on Modal, as ``python train_modal.py --help`` says; bring what was found home."""
    options = _parser().parse_args(arguments)
    try:
        asked = commands.session_of(options)
        there = in_volume(asked, options.data)
        sessions = one_for_each_fold(there) if options.cross_validate else [there]
    except ResonaError as error:
        raise SystemExit(f"error: {error}") from None

    def train_all(sessions: Sequence[Session]) -> Iterator[Outcome | Exception]:
        travelling = [each.to_json() for each in sessions]
        if refused := make_ready.remote(travelling):
            raise SystemExit(f"error: {refused}")
        answers = train.with_options(gpu=options.gpu).map(travelling, return_exceptions=True)
        for each, answer in zip(sessions, answers, strict=True):
            outcome = answer if isinstance(answer, Exception) else Outcome.from_json(answer)
            if isinstance(outcome, Exception):
                print(f"error: {each.name}: {outcome}", file=sys.stderr)
            else:
                bring_home(each.name, asked.runs)
            yield outcome

    found = run_all(sessions, train_all, asked.runs, commands.recipe_name(options), print)
    print(f"tensorboard --logdir {asked.runs}")
    if found.failed:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    """Return the options of training here, and those of where it is done there."""
    parser = argparse.ArgumentParser(
        prog="modal run train_modal.py",
        description="Train on a Modal GPU.",
        epilog=_ORDER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands.add_session(parser)
    parser.add_argument(
        "--data", default=ESC50, metavar="NAME",
        help="folder data/NAME of the Volume (default: ESC-50, fetched where it is missing)",
    )  # fmt: skip
    parser.add_argument(
        "--gpu", default="A10", metavar="TYPE",
        help="GPU to train on: T4, L4, A10, L40S, A100, H100 ... (default: A10)",
    )  # fmt: skip
    commands.add_validation(parser)
    parser.add_argument(
        "--cross-validate", action="store_true",
        help="hold out each fold in turn, each on a GPU of its own, at the same time",
    )  # fmt: skip
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


if __name__ == "__main__":
    _parser().parse_args()
    sys.exit("error: `modal run train_modal.py` trains; `python train_modal.py --help` says how.")
