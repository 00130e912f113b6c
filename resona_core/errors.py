"""The errors Resona raises on purpose.

::

    ResonaError
    ├── SettingsError        an environment variable holds something unusable
    ├── ConfigError          a configuration has unknown keys or impossible values
    ├── AudioError           the sound cannot be used
    │   ├── NotAudioError        no decoder recognises the bytes
    │   ├── EmptyAudioError      the file, or the sound in it, has no length
    │   ├── DamagedAudioError    truncated, NaN samples, a header that lies
    │   └── AudioLimitError      larger or longer than the settings allow
    ├── CheckpointError      weights that cannot be loaded: schema, keys, shapes
    ├── DataError            training data that is missing or inconsistent
    ├── PackingError         bytes that should be packed feature maps, and are not
    ├── RequestError         a layer, channel or count that does not exist
    ├── OutputError          a result that must not, or cannot, be written
    └── RemoteError          the network on Modal gives no usable answer
        ├── NotInstalledError      the package modal is missing, or Modal refuses its version
        ├── NotLoggedInError       Modal does not know this computer
        ├── NotDeployedError       no such app there, or one with another network
        ├── RemoteTimeoutError     no answer in time
        ├── RemoteBusyError        no room for another question
        ├── RemoteConnectionError  Modal cannot be reached
        └── RemoteAnswerError      the network failed there, or its answer cannot be read

Each message is one sentence, or two: what was received, what is allowed, how to cure it.
They are meant for the person at the screen, so pages print ``str(error)`` as it is.
"""


class ResonaError(Exception):
    """Base of every error a user can cause and cure."""


class SettingsError(ResonaError):
    """An environment variable holds a value that cannot be used."""


class ConfigError(ResonaError):
    """A configuration has unknown keys or impossible values."""


class AudioError(ResonaError):
    """The sound cannot be used."""


class NotAudioError(AudioError):
    """No decoder recognises the bytes as sound."""


class EmptyAudioError(AudioError):
    """The file, or the sound track in it, has no length."""


class DamagedAudioError(AudioError):
    """The file promises sound that it does not hold."""


class AudioLimitError(AudioError):
    """The file is larger or longer than the settings allow."""


class CheckpointError(ResonaError):
    """Weights that cannot be loaded."""


class DataError(ResonaError):
    """Training data that is missing or inconsistent."""


class PackingError(ResonaError):
    """Bytes that should be packed feature maps, and are not."""


class RequestError(ResonaError):
    """A layer, channel or count that does not exist."""


class OutputError(ResonaError):
    """A result that must not be written where it was to be, or cannot."""


class RemoteError(ResonaError):
    """The network on Modal gives no usable answer."""


class NotInstalledError(RemoteError):
    """The package modal is missing, or Modal refuses its version."""


class NotLoggedInError(RemoteError):
    """Modal does not know this computer."""


class NotDeployedError(RemoteError):
    """There is no such app on Modal, or one with another network."""


class RemoteTimeoutError(RemoteError):
    """No answer came in time."""


class RemoteBusyError(RemoteError):
    """Modal has no room for another question."""


class RemoteConnectionError(RemoteError):
    """Modal cannot be reached."""


class RemoteAnswerError(RemoteError):
    """The network failed on Modal, or its answer cannot be read."""
