"""A network compiled by ONNX Runtime for this processor: made once, memory-mapped from then on.

Compiling folds, fuses and reorders; what comes of it goes to a cache folder, so that later starts
read it in place: in hundredths of a second, without onnx, and with one copy of the weights.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeAlias

import onnxruntime

from resona_core.network import processor

if TYPE_CHECKING:
    import onnx  # loaded only where something is compiled
    from numpy.typing import NDArray

Session: TypeAlias = Any  # onnxruntime.InferenceSession, published without types
Made: TypeAlias = "tuple[onnx.ModelProto, dict[str, NDArray[Any]]]"

_FORMAT = "2"  # another one where the same weights are to give another graph
_GRAPH, _CONSTANTS = "network.onnx", "network.bin"
_OF_PATH, _OF_VERSION = 8, 12  # digits in a folder's name
_SMALLEST = "1024"  # bytes of a constant that goes to the second file

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What a compiled network is made of.

    Attributes
    ----------
    kind : str
        Tells networks of one checkpoint apart, such as "float32".
    files : sequence of Path
        The checkpoint, and what else goes into it: one that is written anew is another one.
    make : callable
        Returns the graph, with empty places for its constants, and these.
    check : callable, optional
        Is given the session when it has been made; what it raises keeps it from being used.
    """

    kind: str
    files: Sequence[Path]
    make: Callable[[], Made]
    check: Callable[[Session], None] = lambda session: None

    @property
    def prefix(self) -> str:
        """What the folders of this network begin with, of whatever version."""
        return f"{self.kind}-{_digest(os.path.realpath(self.files[0]))[:_OF_PATH]}-"

    @property
    def folder(self) -> str:
        """The name of the folder of this version on this processor."""
        stamps = [(each.stat().st_size, each.stat().st_mtime_ns) for each in self.files]
        about = (_FORMAT, onnxruntime.__version__, processor.name(), sorted(processor.flags()))
        return self.prefix + _digest(repr((about, stamps)))[:_OF_VERSION]


class Compiled:
    """A session, and what it reads as long as it lives.

    Parameters
    ----------
    source : Source
    threads : int
        Threads for one pass.
    cache : Path
        The folder where compiled networks lie. Where it cannot be written, that is told, and
        nothing is kept.
    """

    def __init__(self, source: Source, threads: int, cache: Path) -> None:
        self._kept: list[onnxruntime.OrtValue] = []
        self._threads = threads
        folder = cache / source.folder
        try:
            self.session = self._from(folder) or self._compiled(source, cache, folder)
        except OSError as error:
            _log.warning(
                "The compiled network cannot be kept in %s (%s), so each start compiles it anew; "
                "set RESONA_CACHE to a folder that can be written.", cache, error.strerror or error,
            )  # fmt: skip
            self.session = self._in_memory(source)

    def _from(self, folder: Path) -> Session | None:
        """Open what was compiled before; None where it is not there, or damaged."""
        if not (folder / _GRAPH).is_file():
            return None
        options = self._options()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            return _session(folder / _GRAPH, options)
        except Exception:  # ONNX Runtime's errors have no other base
            shutil.rmtree(folder, ignore_errors=True)
            return None

    def _compiled(self, source: Source, cache: Path, folder: Path) -> Session:
        """Compile into the cache folder, in place of earlier versions; open what is there."""
        cache.mkdir(parents=True, exist_ok=True)
        part = Path(mkdtemp(prefix="part-", dir=cache))
        try:
            source.check(self._made(source, self._options(part)))
            self._kept = []
            for older in cache.glob(f"{source.prefix}*"):
                shutil.rmtree(older, ignore_errors=True)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        session = self._from(folder)
        if session is None:
            raise OSError("what was written there cannot be read")
        return session

    def _in_memory(self, source: Source) -> Session:
        session = self._made(source, self._options())
        source.check(session)
        return session

    def _made(self, source: Source, options: onnxruntime.SessionOptions) -> Session:
        model, constants = source.make()
        self._kept = [  # the session reads this memory as long as it lives
            onnxruntime.OrtValue.ortvalue_from_numpy(values) for values in constants.values()
        ]
        options.add_external_initializers(list(constants), self._kept)
        try:
            return _session(model.SerializeToString(), options)
        except Exception as error:  # ONNX Runtime's errors have no other base
            raise OSError(str(error)) from error  # such as a full disk

    def _options(self, output: Path | None = None) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Threads that wait spinning take the CPU from the front end and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if output:
            options.log_severity_level = 3  # it warns that the file is for this processor only
            options.optimized_model_filepath = str(output / _GRAPH)
            key = "session.optimized_model_external_initializers"
            options.add_session_config_entry(f"{key}_file_name", _CONSTANTS)
            options.add_session_config_entry(f"{key}_min_size_in_bytes", _SMALLEST)
        return options


def _session(model: Path | bytes, options: onnxruntime.SessionOptions) -> Session:
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
