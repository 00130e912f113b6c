"""``classify`` and ``timeline`` with ``--output answers.jsonl``: here, or on many GPUs at Modal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import engine_of, settings_of
from resona_core.commands.batches import answer_all
from resona_core.deployment import GPU, VOLUME, dollars
from resona_core.errors import RequestError
from resona_core.records import Question, Record, answered
from resona_core.settings import settings
from resona_core.sound.formats import FORMATS

if TYPE_CHECKING:
    from resona_core.remote.waiting import Patience

CONTAINERS = 10


def add_many(one: argparse.ArgumentParser) -> None:
    """Give a command the options where many files are answered."""
    one.add_argument(
        "--backend",
        choices=("local", "modal"),
        help="where to run the network: on this computer or on Modal (default: RESONA_BACKEND, or "
        "local)",
    )
    one.add_argument(
        "--containers", type=int, default=CONTAINERS, metavar="N",
        help="most GPUs at a time on Modal, with --output X.jsonl (default: 10)",
    )  # fmt: skip


def is_on_modal(options: argparse.Namespace) -> bool:
    """Tell whether Modal is to answer."""
    return (options.backend or settings().backend) == "modal"


def answer_files(options: argparse.Namespace, question: Question) -> int:
    """Have all files answered into ``--output``; go on where an earlier call was stopped."""
    if options.containers < 1:
        raise RequestError(f"{options.containers} containers were asked for; ask for 1 or more.")
    if is_on_modal(options):
        return _answer_on_modal(options, question)
    from resona_core import wire

    files = [name for path in options.files for name in _files_here(path)]
    engine = engine_of(options)

    def answers(names: Iterable[str]) -> Generator[Record, None, None]:
        return (answered(engine, question, Path(name), name) for name in names)

    asked = {"network": wire.Sender.of(engine.info, "").network} | question.to_dict()
    return answer_all(files, answers, options.output, asked)


def _answer_on_modal(options: argparse.Namespace, question: Question) -> int:
    from resona_core import wire
    from resona_core.network import checkpoint
    from resona_core.remote.fan_out import FanOut
    from resona_core.remote.service import ModalService
    from resona_core.remote.waiting import Patience

    chosen = settings_of(options)
    patience = Patience(chosen.modal_timeout_s, chosen.modal_start_s, told)
    network = wire.Sender.of(checkpoint.read_info(chosen.checkpoint), "").network
    limits = chosen.limits if question.command == "classify" else chosen.recording_limits
    files = [name for path in options.files for name in _files(path, patience)]
    fan_out = FanOut(question, network, ModalService(options.containers), patience, limits)

    def cost() -> str:
        return f"about ${dollars(fan_out.gpu_s):.2f} on {GPU}s"

    asked = {"network": network} | question.to_dict()
    return answer_all(files, fan_out.answers, options.output, asked, cost)


def told(sentence: str) -> None:
    """Say on standard error what takes long."""
    print(sentence, file=sys.stderr, flush=True)


def _files(path: Path, patience: Patience) -> Iterator[str]:
    """Yield the sound files under a path of this computer or of the Volume."""
    name = path.as_posix()
    if not name.startswith(VOLUME):
        yield from _files_here(path)
        return
    from resona_core.remote.service import volume_files
    from resona_core.remote.waiting import in_time

    folder = name.removeprefix(VOLUME)
    for found in sorted(in_time(lambda wanted: volume_files(folder, wanted), patience)):
        if found == folder or _is_sound(Path(found)):
            yield VOLUME + found


def _files_here(path: Path) -> list[str]:
    """Return the sound files under a folder, or the path itself, which is told when opened."""
    if path.as_posix().startswith(VOLUME):
        raise RequestError(f"{path} lies on Modal; ask for it with --backend modal.")
    if not path.is_dir():
        return [str(path)]
    found = sorted(str(file) for file in path.rglob("*") if _is_sound(file))
    return found or [str(path)]


def _is_sound(path: Path) -> bool:
    return path.suffix[1:].lower() in FORMATS
