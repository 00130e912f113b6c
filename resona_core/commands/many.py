"""``classify`` and ``timeline`` with ``--output answers.jsonl``: here, or on many GPUs at Modal."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resona_core.commands import engine_of, settings_of
from resona_core.commands.batches import answer_all
from resona_core.commands.inputs import Input, find_inputs
from resona_core.commands.outputs import ANSWERS, check_folder_of, check_output
from resona_core.commands.printing import say
from resona_core.deployment import GPU, VOLUME, dollars
from resona_core.door import Door
from resona_core.errors import RequestError
from resona_core.records import Record, Task, answered, failed
from resona_core.settings import settings
from resona_core.side_by_side import in_order
from resona_core.sound.formats import FORMATS

if TYPE_CHECKING:
    from resona_core.remote.waiting import Patience

CONTAINERS = 10


def add_backend(one: argparse.ArgumentParser) -> None:
    """Give a command the option where to run the network."""
    one.add_argument(
        "--backend",
        choices=("local", "modal"),
        help="where to run the network: on this computer or on Modal (default: RESONA_BACKEND, or "
        "local)",
    )


def add_many(one: argparse.ArgumentParser) -> None:
    """Give a command the options where many files are answered."""
    add_backend(one)
    one.add_argument(
        "--containers", type=int, default=CONTAINERS, metavar="N",
        help="most GPUs at a time on Modal, with --output X.jsonl (default: 10)",
    )  # fmt: skip


def is_on_modal(options: argparse.Namespace) -> bool:
    """Tell whether Modal is to answer."""
    return (options.backend or settings().backend) == "modal"


def door_of(options: argparse.Namespace, many: bool = False) -> Door:
    """Return what answers: this computer's network, for one sound or for `many`, or Modal's."""
    if not is_on_modal(options):
        return engine_of(options, many)
    from resona_core.remote import RemoteEngine

    return RemoteEngine(settings_of(options), told=told)


def answer_files(options: argparse.Namespace, task: Task) -> int:
    """Have all files answered into ``--output``; go on where an earlier call was stopped."""
    if options.containers < 1:
        raise RequestError(f"{options.containers} containers were asked for; ask for 1 or more.")
    check_folder_of(options.output)
    check_output(options.output, ANSWERS, options.files, force=False)
    if is_on_modal(options):
        return _answer_on_modal(options, task)
    from resona_core import wire

    if far := next((path for path in options.files if _is_far(path)), None):
        raise RequestError(f"{far} lies on Modal; ask for it with --backend modal.")
    inputs, status = find_inputs(options.files)
    if not inputs:
        return status
    sources = {one.name: one for one in inputs}
    engine = engine_of(options, many=task.command == "timeline" or len(sources) > 1)

    def answers(names: Iterable[str]) -> Generator[Record, None, None]:
        if task.command == "timeline":  # of each, windows are heard side by side
            return (_answer(engine, task, sources[name]) for name in names)
        inputs = (sources[name] for name in names)
        at_a_time = engine.settings.concurrency
        return in_order(lambda one: _answer(engine, task, one), inputs, at_a_time)

    asked = {"network": wire.Sender.of(engine.info, "").network} | task.to_dict()
    return answer_all(list(sources), answers, options.output, asked) or status


def _answer(engine: Door, task: Task, one: Input) -> Record:
    try:
        return answered(engine, task, one.source, one.name)
    except RequestError as error:  # no sound comes through standard input
        return failed(one.name, error)


def _answer_on_modal(options: argparse.Namespace, task: Task) -> int:
    from resona_core import wire
    from resona_core.network import description
    from resona_core.remote.fan_out import FanOut
    from resona_core.remote.service import ModalService
    from resona_core.remote.waiting import Patience

    chosen = settings_of(options)
    patience = Patience(chosen.modal_timeout_s, chosen.modal_start_s, told)
    network = wire.Sender.of(description.read_info(chosen.checkpoint), "").network
    limits = chosen.limits if task.command == "classify" else chosen.recording_limits
    files, status = _near_and_far(options.files, patience)
    if not files:
        return status
    fan_out = FanOut(task, network, ModalService(options.containers), patience, limits)

    def cost() -> str:
        return f"about ${dollars(fan_out.gpu_s):.2f} on {GPU}s"

    asked = {"network": network} | task.to_dict()
    return answer_all(files, fan_out.answers, options.output, asked, cost) or status


def told(sentence: str) -> None:
    """Say on standard error what takes long."""
    say("note", sentence)


def _near_and_far(paths: Sequence[Path], patience: Patience) -> tuple[list[str], int]:
    """Return the sounds under paths of this computer and of the Volume, and 1 if any is missing."""
    near = [path for path in paths if not _is_far(path)]
    inputs, status = find_inputs(near)
    far = [name for path in paths if _is_far(path) for name in _on_the_volume(path, patience)]
    return [*(one.name for one in inputs), *far], status


def _is_far(path: Path) -> bool:
    return path.as_posix().startswith(VOLUME)


def _on_the_volume(path: Path, patience: Patience) -> Iterator[str]:
    from resona_core.remote.service import volume_files
    from resona_core.remote.waiting import in_time

    folder = path.as_posix().removeprefix(VOLUME)
    for found in sorted(in_time(lambda wanted: volume_files(folder, wanted), patience)):
        if found == folder or Path(found).suffix[1:].lower() in FORMATS:
            yield VOLUME + found
