"""The solution between the ends of the steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array
from .._numbers import host_numbers
from ._control import Taken
from ._methods import Method, Slope
from ._system import System, Times

_OP = "integrate.solve_ivp"


class Piece:
    """A step, and the polynomial between its ends."""

    def __init__(self, taken: Taken, method: Method, f: Slope, run: Callable[..., Any]) -> None:
        self.taken, self.method = taken, method
        self._f, self._run = f, run

    @cached_property
    def increments(self) -> Tensor:
        t, _, h, y, step = self.taken
        found: Tensor = self._run(self.method.increments, self._f, t, y, h, step)
        return found

    def completed(self) -> Piece:
        """Evaluates what the polynomial needs now, and not where nothing records."""
        self.increments  # noqa: B018
        return self

    def at(self, places: Tensor) -> Tensor:
        """A column for each place."""
        t, _, h, y, _ = self.taken
        return self.method.between(y, self.increments, (places - t) / h)


class End(NamedTuple):
    """Where events have ended the solution, y there, and how many steps are before all entries'."""

    place: Tensor
    y: Tensor
    steps: int


class Pieces:
    """All steps; beyond them the first and the last go on, and at a common end it is the earlier's.

    Without a step the solution is constant.
    """

    def __init__(
        self, first: float, start: Tensor, pieces: Sequence[Piece], end: End | None
    ) -> None:
        self._first, self._start, self._pieces, self._end = first, start, pieces, end
        self._sign = 1.0 if not pieces or pieces[0].taken.h > 0 else -1.0
        self._stops = self._sign * np.array([piece.taken.stop for piece in pieces[:-1]])

    def ends(self) -> tuple[Tensor, Tensor]:
        """Where the steps begin and end, and a column for each."""
        before = self._pieces if self._end is None else self._pieces[: self._end.steps]
        stops = _core.tensor([self._first, *[piece.taken.stop for piece in before]])
        columns = [self._start, *[piece.taken.step.y for piece in before]]
        if self._end is not None:
            place = self._end.place
            stops = _core.concat([stops.to(place.device), place[None]])
            columns.append(self._end.y)
        return stops, _core.stack(columns, axis=1)

    def reached(self, places: Tensor, values: Array) -> tuple[Tensor, Tensor]:
        """Those of places in order that come before the end, and a column for each."""
        if self._end is not None:
            limit = self._sign * host_numbers(self._end.place)
            counts = np.sum(self._sign * values <= limit[..., None], axis=-1)
            count = int(np.max(counts, initial=0))
            if np.any(counts != count):
                raise ValueError(
                    f"[{_OP}] under vmap the events that end the solutions must leave equally many "
                    "values of t_eval: solve for one after the other"
                )
            places, values = places[:count], values[..., :count]
        return places, self.at(places, values)

    def completed(self) -> Pieces:
        for piece in self._pieces:
            piece.completed()
        return self

    def at(self, places: Tensor, values: Array | None) -> Tensor:
        """A column for each place; ``values`` are the same as numbers, if they are known."""
        if not self._pieces:
            return _core.broadcast_to(self._start[:, None], (len(self._start), len(places)))
        if values is None or values.ndim > 1:
            ends = _core.asarray(self._stops).to(places.device)
            own = _core.searchsorted(ends, self._sign * places.detach())
            return selected(self._pieces, own)(places)
        index = np.searchsorted(self._stops, self._sign * values)
        order = np.argsort(index, kind="stable")
        sorts = bool(np.any(np.diff(index) < 0))
        if sorts:
            places, index = _core.take(places, _core.asarray(order), axis=0), index[order]
        used, first = np.unique(index, return_index=True)
        groups = zip(used.tolist(), itertools.pairwise([*first.tolist(), len(index)]), strict=True)
        columns = [self._pieces[i].at(places[low:high]) for i, (low, high) in groups]
        found = _core.concat(columns, axis=1) if columns else self._start[:, None][:, :0]
        return _core.take(found, _core.asarray(np.argsort(order)), axis=1) if sorts else found


def selected(pieces: Sequence[Piece], index: Tensor) -> Callable[[Tensor], Tensor]:
    """As ``Piece.at``, where each place has a piece of its own, and each entry of vmap others."""
    method, y = pieces[0].method, pieces[0].taken.y

    def each(rows: Tensor) -> Tensor:
        return _core.take(rows, index.to(rows.device), axis=0)

    starts = each(_core.stack([p.taken.y for p in pieces]))
    rows = each(_core.stack([method.coefficients(p.increments) for p in pieces]))
    times = each(_core.tensor([[p.taken.t, p.taken.h] for p in pieces], device=index.device))

    def at(places: Tensor) -> Tensor:
        x = (places - times[:, 0]) / times[:, 1]
        basis = _core.matrix_transpose(method.basis_at(x, y))
        return _core.matrix_transpose(starts + _core.matmul(rows, basis[..., None])[..., 0])

    return at


class OdeSolution:
    """The solution as a function of time: ``Solution.sol``, where ``dense_output`` is set.

    ``sol(t)`` of a scalar has the form of ``y0``, and of a vector of m times one axis more at the
    end, of length m: the polynomials of :class:`scipy.integrate.OdeSolution`, whose values within
    a step are somewhat less exact than those at its ends. The times may be in any order, be
    differentiated, too, and differ between the entries of ``vmap``. Outside of the steps the first
    and the last polynomial go on, as they do in SciPy.

    Attributes:
        ts: the ends of the steps, of shape (m,).
        t_min, t_max: the least and the largest of them.

    Raises:
        ValueError: ``t`` has more than one dimension.

    >>> decay = pa.integrate.solve_ivp(lambda t, y: -y, (0, 2), [1.0], rtol=1e-8, dense_output=True)
    >>> decay.sol(1.0).item().__round__(4), pa.func.jacfwd(decay.sol)(1.0).item().__round__(4)
    (0.3679, -0.3679)
    """

    def __init__(self, pieces: Pieces, times: Times, system: System) -> None:
        self._pieces, self._times, self._system = pieces.completed(), times, system
        self.ts = times.of(pieces.ends()[0])

    @property
    def t_min(self) -> Tensor:
        return _core.min(self.ts)

    @property
    def t_max(self) -> Tensor:
        return _core.max(self.ts)

    def __call__(self, t: Any) -> Any:
        places, values = self._times.places(t)
        if places.ndim > 1:
            raise ValueError(f"[{_OP}] sol(t): t has {places.ndim} dimensions, expected 0 or 1")
        if places.ndim:
            return self._system.columns(self._pieces.at(places, values))
        values = None if values is None or values.ndim else values[None]
        return self._system.tree(self._pieces.at(places[None], values)[:, 0])
