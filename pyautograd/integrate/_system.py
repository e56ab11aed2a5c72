"""The user's function of trees and times as one of a vector, and times as numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core, tree
from .._core import Tensor
from .._flat import Array
from .._numbers import host_numbers


class System:
    """``fun(t, y, *args)`` as a function of a vector."""

    def __init__(
        self,
        op: str,
        fun: Callable[..., Any],
        y0: Any,
        args: tuple[Any, ...],
        vectorized: bool = False,
    ) -> None:
        self.op, self._fun, self._args = op, fun, args
        y0 = tree.map(lambda x: x if isinstance(x, Tensor) else _core.tensor(x), y0)
        if type(y0) in (list, tuple) and y0 and all(_is_scalar(x) for x in y0):
            y0 = _core.stack(y0)
        self.start, self._unravel = tree.ravel(y0)
        self._leaves, self._structure = tree.flatten(y0)
        self._is_vector = type(y0) is Tensor and y0.ndim == 1
        self.evaluations = 0
        self._as_matrix = vectorized and self._is_vector
        if self.start.dtype.kind not in "fc":
            raise TypeError(f"[{op}] y0 has dtype {self.start.dtype}: expected real numbers")

    def __call__(self, t: Any, y: Tensor) -> Tensor:
        self.evaluations += 1
        if self._as_matrix:  # which has a column for each state
            slope = _core.reshape(self._joined(self._fun(t, y[:, None], *self._args)), (-1,))
        else:
            slope = self._fun(t, self.tree(y), *self._args)
        if not self._is_vector or type(slope) is not Tensor:
            slope = self._joined(slope)
        if slope.shape != y.shape:
            raise ValueError(
                f"[{self.op}] the function returns shape {slope.shape} for y of shape {y.shape}"
            )
        return slope if slope.dtype == y.dtype else slope.astype(y.dtype)

    def _joined(self, slope: Any) -> Tensor:
        if self._is_vector:  # a list of numbers is a vector to SciPy
            return _core.asarray(slope)
        leaves = tree.flatten_like(self._structure, slope, self.op, "what the function returned")
        parts = [_core.asarray(x) for x in leaves]
        for part, leaf in zip(parts, self._leaves, strict=True):
            if part.shape != leaf.shape:
                raise ValueError(
                    f"[{self.op}] the function returns shape {part.shape} for a part of y of shape "
                    f"{leaf.shape}"
                )
        return tree.ravel(parts)[0]

    def tree(self, y: Tensor) -> Any:
        """What the user's functions get for a vector."""
        return y if self._is_vector else self._unravel(y)

    def columns(self, y: Tensor) -> Any:
        """The tree of a matrix with a column for each time: the last axis of each leaf."""
        if self._is_vector:
            return y
        ends = itertools.accumulate([x.size for x in self._leaves])
        leaves = [
            _core.reshape(y[end - x.size : end], (*x.shape, y.shape[1])).astype(x.dtype)
            for x, end in zip(self._leaves, ends, strict=True)
        ]
        return tree.unflatten(self._structure, leaves)


def _is_scalar(x: Any) -> bool:
    return isinstance(x, Tensor) and not x.ndim


class Times:
    """Where the independent variable runs from and to, as numbers.

    Where an end is a tensor, which may be differentiated, the variable s from 0 to 1 takes the
    place of time, so that no step depends on it.
    """

    def __init__(self, op: str, t_span: Any, t_eval: Any) -> None:
        try:
            start, end = t_span
        except (TypeError, ValueError):
            raise ValueError(f"[{op}] t_span must be a pair (start, end), got {t_span!r}") from None
        self._op = op
        self._moves = isinstance(start, Tensor) or isinstance(end, Tensor)
        if self._moves:
            self._origin = _core.asarray(start)
            self._length = _core.asarray(end) - self._origin
            self.start, self.end = 0.0, 1.0
        else:
            self._origin, self._length = _core.asarray(0.0), _core.asarray(1.0)
            self.start, self.end = float(start), float(end)
        self.asked = None if t_eval is None else self._asked(t_eval)

    def slope(self, f: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if not self._moves:
            return f

        def by_fraction(s: Any, y: Tensor) -> Tensor:
            return (self._length * f(self._origin + s * self._length, y)).astype(y.dtype)

        return by_fraction

    def of(self, s: Any) -> Tensor:
        return _core.asarray(s) * self._length + self._origin if self._moves else _core.asarray(s)

    def unit(self) -> float:
        """How much time an s of 1 is: the most of all entries."""
        if not self._moves:
            return 1.0
        return float(np.max(np.abs(host_numbers(self._length)), initial=0.0))

    def steps(self, given: Any) -> Array:
        """The ends of steps that the caller has chosen, the first time among them."""
        ends = host_numbers(_core.asarray(given)).astype(np.float64)
        if ends.ndim != 1 or not len(ends) or not np.all(np.isfinite(ends)):
            raise ValueError(f"[{self._op}] steps must be a vector of times, from start to end")
        if self._moves and len(ends) > 1:
            ends = (ends - ends[0]) / (ends[-1] - ends[0])
        if ends[0] != self.start or ends[-1] != self.end:
            raise ValueError(
                f"[{self._op}] steps must run from the start to the end of t_span, not from "
                f"{ends[0]:.6g} to {ends[-1]:.6g}"
            )
        if np.any(np.diff(ends) * (self.end - self.start) <= 0):
            raise ValueError(f"[{self._op}] steps must be in order")
        return ends

    def places(self, t: Any) -> tuple[Tensor, Array | None]:
        """Where times are, as the solver counts, and the same as numbers where these are known."""
        if not self._moves and not isinstance(t, Tensor):
            values = np.array(t, dtype=np.float64)
            return _core.asarray(values), values
        places = _core.asarray(t)
        if self._moves:
            places = (places - self._origin) / self._length
        elif places.dtype != np.float64:
            places = places.astype(np.float64)
        return places, None if _core.capturing() else host_numbers(places)

    def _asked(self, t_eval: Any) -> tuple[Tensor, Array]:
        """Where the solution is asked for, and the same as numbers."""
        places, values = self.places(t_eval)
        if values is None:
            values = host_numbers(places)
        if places.ndim != 1:
            raise ValueError(f"[{self._op}] t_eval must have one dimension, got {places.ndim}")
        low, high = sorted((self.start, self.end))
        if not np.all((low <= values) & (values <= high)):
            raise ValueError(f"[{self._op}] t_eval has values outside of t_span")
        if np.any(np.diff(values) * (self.end - self.start) <= 0):
            raise ValueError(f"[{self._op}] t_eval must run from the start to the end of t_span")
        return places, values
