"""What the failures of Modal's client mean: each a sentence with its cure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from resona_core.deployment import APP, DEPLOY, NETWORK
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
            return explanation(sentence.format(error=str(error).strip().rstrip(".")))
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
            (
                modal_errors.ConflictError,
                modal_errors.VersionError,
                modal_errors.UnimplementedError,
            ),
            NotInstalledError,
            "Modal refuses this computer's package modal ({error}); if it is too old, run "
            "`pip install --upgrade modal`.",
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
            (
                modal_errors.ConnectionError,
                modal_errors.ServiceError,
                modal_errors.ClientClosed,
                asyncio.CancelledError,
                OSError,
            ),
            RemoteConnectionError,
            "Modal cannot be reached; check this computer's connection to the internet.",
        ),
    )
