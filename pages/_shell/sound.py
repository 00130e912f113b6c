"""A sound as the visitor brought it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from resona_core.sound.examples import demo_sound


@dataclass(frozen=True)
class Sound:
    """A file, exactly as it came.

    `key` names its content; `demo` is the demo sound's key, or None for the user's own.
    """

    name: str
    data: bytes
    key: str
    demo: str | None = None

    @property
    def title(self) -> str:
        """What people call it: an example's title, otherwise the file's name."""
        return demo_sound(self.demo).title if self.demo else self.name

    @classmethod
    def from_bytes(cls, name: str, data: bytes, demo: str | None = None) -> Sound:
        """Wrap a file's bytes."""
        return cls(name, data, hashlib.sha256(data).hexdigest()[:16], demo)
