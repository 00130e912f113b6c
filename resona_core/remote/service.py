"""How Modal is asked, how long is waited for it, and what its failures mean.

Every way this can fail is a :class:`~resona_core.errors.RemoteError` with one sentence, within
a time of our own: Modal's client alone waits a minute for a network that is not there.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

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

T = TypeVar("T")

APP = "resona"
NETWORK = "Network"
DEPLOY = "run `modal deploy train_modal.py`"


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


def in_time(ask: Callable[[], Iterator[T]], timeout_s: float) -> Iterator[T]:
    """Yield what `ask` yields, each within `timeout_s` seconds of the one before.

    A thread waits in our place, and is left behind when it takes too long.

    Raises
    ------
    RemoteError
        When time is up, and for whatever `ask` raises, as :func:`explained` puts it.
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
    while (item := _next(arrived, timeout_s)) is not None:
        if isinstance(item, BaseException):
            raise explained(item) from item
        yield item[0]


def _next(arrived: SimpleQueue[T], timeout_s: float) -> T:
    try:
        return arrived.get(timeout=timeout_s)
    except Empty:
        raise RemoteTimeoutError(
            f"Modal gave no answer within {timeout_s:g} s: it cannot be reached, or a GPU is "
            "still starting there; try again in a moment, or set RESONA_MODAL_TIMEOUT_S higher."
        ) from None


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
            f"There is no app {APP!r} with a class {NETWORK!r} on Modal; {DEPLOY} first.",
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
