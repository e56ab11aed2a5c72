"""What the library holds, for whom, in what form values wait for backward, and a budget for it."""

from __future__ import annotations

from .._names import public_dir
from ._budget import memory_budget
from ._counters import Live, live, peak, release_cached, reset_peak
from ._keep import keep_as, keep_compressed, keep_on_cpu
from ._keep_on_disk import keep_on_disk
from ._profile import Profile, profile
from ._reports import OpBytes, Resident, Snapshot, by_op, snapshot

__all__ = [
    "Live",
    "OpBytes",
    "Profile",
    "Resident",
    "Snapshot",
    "by_op",
    "keep_as",
    "keep_compressed",
    "keep_on_cpu",
    "keep_on_disk",
    "live",
    "memory_budget",
    "peak",
    "profile",
    "release_cached",
    "reset_peak",
    "snapshot",
]

__dir__ = public_dir(__all__)
