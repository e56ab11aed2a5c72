"""A generator's place in its stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from .._replay import note

Seed: TypeAlias = int | Sequence[int] | np.random.SeedSequence | None

BIT_GENERATOR = "Philox4x64-10"


class Stream:
    """The words behind a generator: seed, state and the draws of the engine."""

    def __init__(self, seed: Seed = None, *, device: str = "cpu") -> None:
        self._device = _core.device(device)
        self._stream = _core.RandomStream(0, 0, 0, self._device)
        self._reset(seed)

    def _reset(self, seed: Seed) -> None:
        if seed is None and (_core.capturing() or _core.device_capturing()):
            raise RuntimeError(
                "[captured] a generator without a seed would be the same in each call: make it "
                "outside of the captured function"
            )
        self._require_own("seed")
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(seed)
        self._seeds = seed
        key = self._seeds.generate_state(2, np.uint64)
        self._stream.restart(int(key[0]), int(key[1]))

    def _require_own(self, verb: str) -> None:
        if self._stream.foreign:
            raise RuntimeError(
                f"[captured] a captured function cannot {verb} a generator that it did not make, "
                "which each call finds at another place"
            )

    @property
    def _position(self) -> int:
        return self._stream.position

    @_position.setter
    def _position(self, position: int) -> None:
        self._stream.position = position

    @property
    def device(self) -> str:
        """Where draws are made, unless a parameter lies on a device: ``'cpu'``, ``'cuda:0'``.

        >>> pa.random.default_rng(0).device
        'cpu'
        """
        return self._device

    @property
    def state(self) -> dict[str, Any]:
        """Where the stream is: a dict of plain values; assign one to go there.

        ``key`` has the two words that the seed made, ``counter`` the number of blocks used up.

        >>> rng = pa.random.Generator(0)
        >>> _ = rng.random(5)
        >>> rng.state["counter"]
        2
        """
        self._require_own("look at the state of")
        key = self._stream.key
        return {"bit_generator": BIT_GENERATOR, "key": key, "counter": self._position}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict) or state.get("bit_generator") != BIT_GENERATOR:
            raise ValueError(f"[random] state must be the state of a {BIT_GENERATOR} generator")
        words = [*state.get("key", ()), state.get("counter")]
        if len(words) != 3 or not all(type(w) is int and 0 <= w < 1 << 64 for w in words):
            raise ValueError("[random] state must have a key of two words and a counter")
        self._require_own("move")
        self._stream.restart(*words)

    def _base(
        self,
        op: str,
        kind: Literal["words", "uniform", "normal", "exponential"],
        shape: Sequence[int],
        dtype: npt.DTypeLike,
        *parameters: Tensor | float,
    ) -> Tensor:
        note(self)
        return self._stream.draw(op, kind, shape, dtype, parameters)

    def _draw_with(
        self,
        op: str,
        kind: Literal["log_gamma", "poisson", "binomial", "integers"],
        parameters: Sequence[Tensor | float],
        shape: tuple[int, ...] | None,
    ) -> Tensor:
        note(self)
        return self._stream.draw_with(op, kind, parameters, shape)

    def _log_gamma(self, op: str, shape: Tensor | float, size: tuple[int, ...]) -> Tensor:
        return self._draw_with(op, "log_gamma", (shape,), size)

    def _order(self, op: str, n: int) -> Tensor:
        note(self)
        return self._stream.permutation(op, n)
