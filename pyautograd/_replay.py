"""Draws that can be had again: for a function that is evaluated more than once."""

from __future__ import annotations

import threading
from typing import Protocol


class _Positioned(Protocol):
    """A random generator, as far as its place in its stream goes."""

    _position: int


class _Tapes(threading.local):
    def __init__(self) -> None:
        self.running: list[Tape] = []


_tapes = _Tapes()


class Tape:
    """Where the generators that draw inside ``record`` stood before their first draw."""

    __slots__ = ("_starts",)

    def __init__(self) -> None:
        self._starts: dict[int, tuple[_Positioned, int]] = {}

    def __enter__(self) -> Tape:
        _tapes.running.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _tapes.running.remove(self)

    def record(self) -> Tape:
        """Notes the generators that this thread draws from in the ``with`` block."""
        return self

    def rewind(self) -> None:
        """Puts the generators back to where they stood: the same draws come next."""
        for generator, position in self._starts.values():
            generator._position = position

    @property
    def empty(self) -> bool:
        """Whether nothing was drawn."""
        return not self._starts

    def positions(self) -> dict[int, int]:
        """Where the generators stand that have drawn so far."""
        return {key: generator._position for key, (generator, _) in self._starts.items()}

    def starting_at(self, positions: dict[int, int]) -> Tape:
        """The tape of what came after that."""
        later = Tape()
        later._starts = {
            key: (generator, positions.get(key, start))
            for key, (generator, start) in self._starts.items()
        }
        return later

    def take(self) -> Tape:
        """For each of several evaluations of one function: all see the draws of the first."""
        self.rewind()
        return self

    def replay(self) -> _Replay:
        """Rewinds for the ``with`` block; after it, the generators go on as if nothing had been."""
        return _Replay(self)

    def generators(self) -> list[_Positioned]:
        """Those that have drawn so far."""
        return [generator for generator, _ in self._starts.values()]

    def note(self, generator: _Positioned) -> None:
        self._starts.setdefault(id(generator), (generator, generator._position))


class _Replay:
    __slots__ = ("_after", "_running", "_tape")

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __enter__(self) -> None:
        self._after = [(generator, generator._position) for generator in self._tape.generators()]
        self._tape.rewind()
        # What is drawn again was noted before.
        self._running, _tapes.running = _tapes.running, []

    def __exit__(self, *_: object) -> None:
        _tapes.running = self._running
        for generator, position in self._after:
            generator._position = position


def note(generator: _Positioned) -> None:
    """Called by a generator before it draws."""
    for tape in _tapes.running:
        tape.note(generator)
