"""Numbers of bytes: what the user allows, and what the machine has left."""

from __future__ import annotations

import os
from pathlib import Path

from .._bytes import parse_bytes

# Where the system does not say what is free
_UNKNOWN = 1 << 30


def allowed_bytes(op: str, memory: int | str | None) -> int:
    """The bound in bytes; by default a quarter of what is free."""
    return free_bytes() // 4 if memory is None else parse_bytes(op, "memory", memory)


def free_bytes() -> int:
    """What a process can still take without swapping, within the limit of its control group."""
    free = [_meminfo(), _control_group()]
    known = [n for n in free if n is not None]
    return min(known) if known else _UNKNOWN


def _meminfo() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _control_group() -> int | None:
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        for line in (group / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):  # cached files give way
                used -= int(line.split()[1])
        return max(limit - used, 0)
    except (OSError, ValueError):
        return None


def written(count: float) -> str:
    """A number of bytes for people."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} bytes"
