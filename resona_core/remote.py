"""The same door on Modal: the questions that need the network are asked of a GPU there.

Decoding stays here; what travels is described in :mod:`resona_core.wire`, what runs there is
the class ``Network`` of ``train_modal.py``. Every way this can fail is a
:class:`~resona_core.errors.RemoteError` with one sentence, within a time of our own: Modal's
client alone waits a minute for a network that is not there.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from resona_core import wire
from resona_core.classification import Classification
from resona_core.errors import (
    NotDeployedError,
    NotInstalledError,
    NotLoggedInError,
    RemoteAnswerError,
    RemoteBusyError,
    RemoteConnectionError,
    RemoteError,
    RemoteTimeoutError,
    ResonaError,
)
from resona_core.network import checkpoint
from resona_core.network.checkpoint import CheckpointInfo
from resona_core.results import LayerMaps
from resona_core.settings import Settings, settings
from resona_core.sound import audio
from resona_core.sound.audio import Clip

T = TypeVar("T")

APP = "resona"
NETWORK = "Network"
_DEPLOY = "run `modal deploy train_modal.py`"


class Service(Protocol):
    """The network on Modal, its methods by name; raises whatever Modal's client raises."""

    def call(self, method: str, *arguments: Any) -> bytes:
        """Return one answer."""

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[bytes | Exception]:
        """Yield the answers to many questions in their order; they run side by side."""


class ModalService:
    """The network as deployed by ``modal deploy train_modal.py``."""

    def call(self, method: str, *arguments: Any) -> bytes:
        """Return one answer."""
        answer: bytes = self._method(method).remote(*arguments)
        return answer

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[bytes | Exception]:
        """Yield the answers to many questions in their order; they run side by side."""
        return iter(self._method(method).starmap(arguments, return_exceptions=True))

    def _method(self, name: str) -> Any:
        import modal

        return getattr(modal.Cls.from_name(APP, NETWORK)(), name)


class RemoteEngine:
    """What :class:`~resona_core.engine.Engine` answers, answered on Modal.

    Parameters
    ----------
    options : Settings, optional
        Checkpoint, limits, timeout; the environment's by default. Of the checkpoint only the
        description is read: the network on Modal must have the same.
    service : Service, optional
        What is asked; the deployed app by default.

    Raises
    ------
    CheckpointError
        If the checkpoint's description cannot be read.
    """

    def __init__(self, options: Settings | None = None, service: Service | None = None) -> None:
        self.settings = options or settings()
        self.info: CheckpointInfo = checkpoint.read_info(self.settings.checkpoint)
        self._service = service or ModalService()
        self._expected = wire.Sender.of(self.info, "").network
        self.device = "device not known yet"

    def load(self, source: bytes | Path, name: str = "") -> Clip:
        """Decode a sound on this computer; see :func:`resona_core.sound.audio.load`."""
        return audio.load(source, self.info.front_end.sample_rate_hz, self.settings.limits, name)

    def classify(self, clip: Clip) -> Classification:
        """Classify every window of `clip`; silent windows get no class.

        Raises
        ------
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        answer, sender = wire.unpack_classification(self._ask("classify", wire.pack_clip(clip)))
        self._check(sender)
        return answer

    def classify_each(self, clips: Iterable[Clip]) -> Iterator[Classification | ResonaError]:
        """Classify many clips side by side, on as many GPUs as Modal gives; yield in order.

        A clip that cannot be answered yields its error.

        Raises
        ------
        RemoteError
            If Modal cannot be asked, or is silent for longer than the timeout.
        """
        questions = ((wire.pack_clip(clip),) for clip in clips)
        answers = self._in_time(lambda: self._service.call_each("classify", questions))
        for data in answers:
            if isinstance(data, Exception):
                yield explained(data)
                continue
            answer, sender = wire.unpack_classification(data)
            self._check(sender)
            yield answer

    def feature_maps(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> dict[str, LayerMaps]:
        """Return the outputs of the chosen layers (all by default) for one window.

        Raises
        ------
        RequestError
            For a layer or window that does not exist.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        wanted = None if layers is None else list(layers)
        data = self._ask("feature_maps", wire.pack_clip(clip), "", window, wanted)
        maps, sender = wire.unpack_maps(data)
        self._check(sender)
        return maps

    def _ask(self, method: str, *arguments: Any) -> bytes:
        def once_or_twice() -> Iterator[bytes]:
            try:
                yield self._service.call(method, *arguments)
            except Exception as error:
                if not isinstance(explained(error), RemoteConnectionError):
                    raise
                yield self._service.call(method, *arguments)

        return next(self._in_time(once_or_twice))

    def _in_time(self, ask: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Yield the answers, each within the timeout of the one before.

        A thread waits for them in our place, and is left behind when they take too long.
        """
        arrived: SimpleQueue[tuple[T] | BaseException | None] = SimpleQueue()

        def wait_for_all() -> None:
            try:
                for answer in ask():
                    arrived.put((answer,))
                arrived.put(None)
            except BaseException as error:  # told on the side that asked; also a cancellation
                arrived.put(error)

        Thread(target=wait_for_all, name="resona-modal", daemon=True).start()
        while (item := self._next(arrived)) is not None:
            if isinstance(item, BaseException):
                raise explained(item) from item
            yield item[0]

    def _next(self, arrived: SimpleQueue[T]) -> T:
        timeout_s = self.settings.modal_timeout_s
        try:
            return arrived.get(timeout=timeout_s)
        except Empty:
            raise RemoteTimeoutError(
                f"Modal gave no answer within {timeout_s:g} s: it cannot be reached, or a GPU is "
                "still starting there; try again in a moment, or set RESONA_MODAL_TIMEOUT_S higher."
            ) from None

    def _check(self, sender: wire.Sender) -> None:
        """Refuse another network's answer; remember where it ran."""
        if sender.network != self._expected:
            raise NotDeployedError(
                f"Modal runs another network than this computer's {self.info.name}; "
                f"{_DEPLOY} again with the same RESONA_CHECKPOINT."
            )
        self.device = sender.device


def explained(error: BaseException) -> ResonaError:
    """Return what Modal's client raised as one of our own errors, with its cure.

    What the network itself refused, such as a window that does not exist, comes back as it is.
    """
    if isinstance(error, ResonaError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name == "modal":
        return NotInstalledError(
            "The package modal is not installed; run `pip install -r requirements.txt`, "
            "or use RESONA_BACKEND=local."
        )
    for kinds, explanation, sentence in _explanations():
        if isinstance(error, kinds):
            return explanation(sentence)
    return RemoteAnswerError(
        f"The network on Modal failed ({type(error).__name__}: {error}); "
        "`modal app logs resona` says more."
    )


def _explanations() -> Iterable[tuple[tuple[type[BaseException], ...], type[RemoteError], str]]:
    from modal import exception as modal_errors

    return (
        (
            (modal_errors.AuthError, modal_errors.PermissionDeniedError),
            NotLoggedInError,
            "Modal does not know this computer; run `modal token new` to log in.",
        ),
        (
            (modal_errors.NotFoundError,),
            NotDeployedError,
            f"There is no app {APP!r} with a class {NETWORK!r} on Modal; {_DEPLOY} first.",
        ),
        (
            (modal_errors.ResourceExhaustedError,),
            RemoteBusyError,
            "Modal has no room for another question now; try again in a minute.",
        ),
        (
            (modal_errors.TimeoutError,),
            RemoteTimeoutError,
            "The question took longer on Modal than allowed there; ask about a shorter sound.",
        ),
        (
            (modal_errors.ConnectionError, modal_errors.ServiceError, CancelledError, OSError),
            RemoteConnectionError,
            "Modal cannot be reached; check this computer's connection to the internet.",
        ),
    )
