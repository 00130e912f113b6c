"""What this computer's processor is, and which instructions it has."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_FAST_INT8 = {  # a flag of /proc/cpuinfo: what people call it
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "asimddp": "ARM dot product",
    "i8mm": "ARM int8 matrix",
}
_OTHERS = {"avx2": "AVX2", "avx512f": "AVX-512", "amx_int8": "AMX int8", "amx_bf16": "AMX bf16"}


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def flags() -> frozenset[str]:
    """Return what the kernel calls the processor's instruction sets; empty where it tells none."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return frozenset({"asimddp"})  # every processor of Apple's own has it
    return frozenset(" ".join(_told("flags", "Features")).split())


@lru_cache(maxsize=1)
def name() -> str:
    """Return what tells this kind of processor from others."""
    kind = [*_told("model name", "CPU part", "CPU implementer"), platform.machine()]
    return " ".join(dict.fromkeys(kind))


def is_x86() -> bool:
    """Tell whether it is one of Intel's or AMD's family."""
    return platform.machine().lower() in ("x86_64", "amd64", "i686", "x86")


def has_fast_int8() -> bool:
    """Tell whether the processor multiplies and adds 8-bit numbers in one instruction."""
    return not flags().isdisjoint(_FAST_INT8)


def instruction_sets() -> tuple[str, ...]:
    """Return those instruction sets that matter to the network, as people call them."""
    known = _OTHERS | _FAST_INT8
    return tuple(title for flag, title in known.items() if flag in flags())


def _told(*keys: str) -> list[str]:
    """Return what the kernel tells of the first core under some keys."""
    try:
        first, _, _ = _CPUINFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")
    except OSError:
        return []
    pairs = (line.partition(":") for line in first.splitlines())
    return [value.strip() for key, _, value in pairs if key.strip() in keys]
