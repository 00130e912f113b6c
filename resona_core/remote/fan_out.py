"""Many files, asked of many GPUs on Modal: in batches, answered as they are ready.

A file of this computer travels as it is and is decoded there; one on the Volume is read there. A
batch that is lost, with the container that had it, is asked again file by file, so that one
file that kills a container takes no other with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from resona_core import wire
from resona_core.deployment import DEPLOY, VOLUME
from resona_core.errors import NotDeployedError, ResonaError
from resona_core.records import Record, Task, failed
from resona_core.remote.failures import explained
from resona_core.remote.service import Arguments, Service
from resona_core.remote.waiting import Patience, Wanted, in_time
from resona_core.settings import Limits
from resona_core.sound.opening import check_size

_BATCH_FILES = 64
_BATCH_BYTES = 16_000_000
_HOPELESS = 20  # batches lost one after the other: something is wrong with all
_LONGEST_S = 3600.0  # that a batch of long recordings may take

File = tuple[str, bytes | None]
"""A name, and the file's bytes where it does not lie on the Volume."""


class FanOut:
    """One task for many files.

    Parameters
    ----------
    task : Task
    network : str
        The key of the network that must answer, as :class:`resona_core.wire.Sender` names it.
    service : Service
        What is asked.
    patience : Patience
        How long is waited for Modal.
    limits : Limits
        The largest file that is sent.

    Attributes
    ----------
    gpu_s : float
        Seconds for which containers were busy with it so far.
    """

    def __init__(
        self, task: Task, network: str, service: Service, patience: Patience, limits: Limits
    ) -> None:
        self.gpu_s = 0.0
        self._task, self._network, self._service = task, network, service
        self._patience = replace(patience, answer_s=max(patience.answer_s, _LONGEST_S))
        self._limits = limits
        self._waiting: dict[str, None] = {}  # asked and not answered, in their order
        self._refused: deque[Record] = deque()  # not even sent

    def answers(self, files: Iterable[str]) -> Generator[Record, None, None]:
        """Yield a record for each file, in any order.

        Raises
        ------
        RemoteError
            If Modal cannot be asked, another network runs there, or nothing is answered any more.
        """
        lost_in_a_row = 0
        for answer in self._asked(self._batches(files), ordered=False):
            yield from self._not_sent()
            if isinstance(answer, Exception):
                lost_in_a_row += 1
                if lost_in_a_row == _HOPELESS:
                    raise explained(answer)
                continue
            lost_in_a_row = 0
            yield from self._unpacked(answer)
        yield from self._not_sent()
        yield from self._one_by_one(list(self._waiting))

    def _one_by_one(self, lost: list[str]) -> Iterator[Record]:
        """Ask again, each file by itself, about those whose batch was lost."""
        sent: deque[str] = deque()

        def alone() -> Iterator[list[File]]:
            for name in lost:
                if file := self._read(name):
                    sent.append(name)
                    yield [file]

        lost_in_a_row = 0
        for answer in self._asked(alone(), ordered=True):
            name = sent.popleft()
            if not isinstance(answer, Exception):
                lost_in_a_row = 0
                yield from self._unpacked(answer)
                continue
            lost_in_a_row += 1
            if lost_in_a_row == _HOPELESS:
                raise explained(answer)
            yield failed(name, explained(answer))
        yield from self._not_sent()

    def _asked(self, batches: Iterable[list[File]], ordered: bool) -> Iterator[bytes | Exception]:
        asked = self._task.to_json()
        arguments: Iterable[Arguments] = ((asked, batch) for batch in batches)

        def ask(wanted: Wanted) -> Iterator[bytes | Exception]:
            return self._service.call_each("answer", arguments, wanted=wanted, ordered=ordered)

        return in_time(ask, self._patience)

    def _batches(self, files: Iterable[str]) -> Iterator[list[File]]:
        """Yield files in batches, each read when it is to be sent."""
        most = 1 if self._task.command == "timeline" else _BATCH_FILES
        batch: list[File] = []
        n_bytes = 0
        for name in files:
            file = self._read(name)
            if file is None:
                continue
            self._waiting[name] = None
            batch.append(file)
            n_bytes += len(file[1] or b"")
            if len(batch) == most or n_bytes >= _BATCH_BYTES:
                yield batch
                batch, n_bytes = [], 0
        if batch:
            yield batch

    def _read(self, name: str) -> File | None:
        """Return a file as it travels; nothing where it cannot be sent, which is told."""
        if name.startswith(VOLUME):
            return name, None
        try:
            check_size(Path(name), self._limits, name)
            return name, Path(name).read_bytes()
        except (ResonaError, OSError) as error:
            self._waiting.pop(name, None)
            self._refused.append(failed(name, error))
            return None

    def _not_sent(self) -> Iterator[Record]:
        while self._refused:
            yield self._refused.popleft()

    def _unpacked(self, data: bytes) -> Iterator[Record]:
        records, gpu_s, sender = wire.unpack_records(data)
        if sender.network != self._network:
            raise NotDeployedError(
                f"Modal runs another network than this computer's; {DEPLOY} again with the same "
                "RESONA_CHECKPOINT."
            )
        self.gpu_s += gpu_s
        for record in records:
            self._waiting.pop(record["file"], None)
            yield record
