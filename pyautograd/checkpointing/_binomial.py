"""Where to keep states of a loop, so that as few steps as possible are repeated.

Griewank's binomial schedules: A. Griewank and A. Walther, Algorithm 799: revolve, ACM Transactions
on Mathematical Software 26, 2000. Loops whose length is not known ahead: Q. Wang, P. Moin and
G. Iaccarino, Minimal repetition dynamic checkpointing algorithm for unsteady adjoint calculation,
SIAM Journal on Scientific Computing 31, 2009.
"""

from __future__ import annotations

import functools
import math
from typing import Generic, TypeVar

T = TypeVar("T")


def reach(slots: int, repeats: int) -> int:
    """How many steps can be reversed if none is run more than ``repeats`` times ahead of that."""
    return math.comb(slots + repeats, slots) if repeats >= 0 else 0


def repeats_of(length: int, slots: int) -> int:
    """The least number of repeats whose reach is ``length``."""
    repeats = 0
    while reach(slots, repeats) < length:
        repeats += 1
    return repeats


def forward_steps(length: int, slots: int) -> int:
    """The least number of steps that reversing a loop runs beside the one recorded run of each.

    ``slots`` states are kept at a time, the first of the loop among them. With r repeats it is
    ``r * length - reach(slots + 1, r - 1)``.

    >>> from pyautograd.checkpointing._binomial import forward_steps
    >>> forward_steps(10, 10), forward_steps(10, 1), forward_steps(10, 3)
    (9, 45, 15)
    """
    repeats = repeats_of(length, slots)
    return repeats * length - reach(slots + 1, repeats - 1)


@functools.lru_cache(4096)
def split(length: int, slots: int) -> int:
    """How many steps to run before the second state is kept; optimal."""
    repeats = repeats_of(length, slots)
    first = max(reach(slots, repeats - 2), length - reach(slots - 1, repeats), 1)
    return min(first, length - 1)


def default_slots(length: int) -> int:
    """As many as make two repeats enough: about the root of twice the length."""
    slots = 1
    while reach(slots, 2) < length:
        slots += 1
    return slots


class OnlineStates(Generic[T]):
    """At most ``slots`` states of a loop that may end at any time.

    A state is dispensable if a later one has a higher rank; a new one takes the place of such a
    state, or else that of the state before it, one rank higher.
    """

    def __init__(self, slots: int, first: T) -> None:
        self._slots = slots
        self._kept: list[tuple[int, float, T]] = [(0, math.inf, first)]

    def add(self, step: int, state: T) -> None:
        rank = 0.0
        if len(self._kept) > self._slots:
            spare = self._dispensable()
            if spare is None:
                spare = len(self._kept) - 1
                rank = self._kept[spare][1] + 1
            del self._kept[spare]
        self._kept.append((step, rank, state))

    def _dispensable(self) -> int | None:
        highest = -1.0
        found = None
        for i in reversed(range(len(self._kept))):
            if self._kept[i][1] < highest:
                found = i
            highest = max(highest, self._kept[i][1])
        return found

    def before(self, length: int) -> list[tuple[int, T]]:
        """Steps and states that are kept when the loop has ended after ``length`` steps."""
        return [(step, state) for step, _, state in self._kept if step < length]
