"""Families of distributions: parameters as SciPy takes them, and what lies outside the support."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..array_api import is_weak, result_type
from ..compositions._common import looking
from ..special._accurate import log_of
from ._search import least_integer

Formula = Callable[..., Tensor]
Value = Tensor | float

_FLOAT64 = np.dtype(np.float64)


class Family:
    """What families share: how they are called, and which parameters there are."""

    def __init__(self, name: str, shapes: tuple[str, ...], defaults: dict[str, float]) -> None:
        self.name = name
        self._names = (*shapes, *defaults)
        self._defaults = defaults
        places = ", ".join(["x", *self._signature()])
        density = "logpdf" if "scale" in defaults else "logpmf"
        self.__doc__ = f"The family of scipy.stats.{name}: ``{density}({places})`` and the like."

    def __repr__(self) -> str:
        return f"<pyautograd.stats.{self.name}({', '.join(['x', *self._signature()])})>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.name,)

    def __call__(self, *args: Any, **named: Any) -> Frozen:
        """The distribution with these parameters, whose methods take the place alone."""
        self._bind("cdf", 0.0, args, named)
        return Frozen(self, args, named)

    def __getattr__(self, name: str) -> Any:
        advice = _ELSEWHERE.get(name)
        raise AttributeError(
            f"[stats.{self.name}] there is no {name!r}" + (f": use {advice}" if advice else ""),
            name=name,
            obj=self,
        )

    def _signature(self) -> list[str]:
        return [
            f"{name}={self._defaults[name]:g}" if name in self._defaults else name
            for name in self._names
        ]

    def _bind(self, method: str, x: Any, args: tuple[Any, ...], named: Any) -> list[Any]:
        """The place and all parameters, tensors of one floating dtype or Python numbers."""
        left_out = len(self._names) - len(args)
        if not named and 0 <= left_out <= len(self._defaults):
            values = [x, *args, *list(self._defaults.values())[len(self._defaults) - left_out :]]
        else:
            values = [x, *self._by_keyword(method, args, named)]
        values = [
            v if is_weak(v) and not isinstance(v, complex) else _core.asarray(v) for v in values
        ]
        dtype = common_dtype([v.dtype for v in values if isinstance(v, Tensor)])
        if dtype.kind == "c":
            raise TypeError(f"[stats.{self.name}.{method}] takes real numbers, got dtype {dtype}")
        first, *rest = [cast(v, dtype) if isinstance(v, Tensor) else float(v) for v in values]
        return [_tensor(first, dtype), *rest]

    def _by_keyword(self, method: str, args: tuple[Any, ...], named: Any) -> list[Any]:
        given = dict(zip(self._names, args, strict=False))
        if len(given) < len(args) or not named.keys() <= set(self._names) - given.keys():
            raise self._wrong_call(method, args, named)
        given = {**self._defaults, **given, **named}
        if len(given) < len(self._names):
            raise self._wrong_call(method, args, named)
        return [given[name] for name in self._names]

    def _wrong_call(self, method: str, args: tuple[Any, ...], named: Any) -> TypeError:
        op = f"[stats.{self.name}.{method}]"
        call = f"{method}({', '.join(['x', *self._signature()])})"
        if len(args) > len(self._names):
            return TypeError(f"{op} takes at most {len(self._names)} parameters: {call}")
        for name in named:
            if name not in self._names:
                return TypeError(f"{op} unexpected keyword argument {name!r}: {call}")
            if name in self._names[: len(args)]:
                return TypeError(f"{op} {name} was given twice: {call}")
        known = {*self._names[: len(args)], *named, *self._defaults}
        missing = next(name for name in self._names if name not in known)
        return TypeError(f"{op} missing the parameter {missing}: {call}")


def common_dtype(dtypes: list[np.dtype[Any]]) -> np.dtype[Any]:
    if all(dtype == _FLOAT64 for dtype in dtypes):
        return _FLOAT64
    dtype = result_type(*dtypes)
    return _FLOAT64 if dtype.kind in "biu" else dtype


def cast(x: Tensor, dtype: np.dtype[Any]) -> Tensor:
    return x if x.dtype == dtype else _core.astype(x, dtype)


def _tensor(value: Value, dtype: np.dtype[Any]) -> Tensor:
    return value if isinstance(value, Tensor) else _core.asarray(value, dtype=dtype)


# Methods of SciPy's families: what to write in their place
_ELSEWHERE = {
    "entropy": "the mean of -logpdf over draws",
    "fit": "pa.optimize.minimize of -sum(logpdf)",
    "logpdf": "logpmf",
    "logpmf": "logpdf",
    "pdf": "pmf",
    "pmf": "pdf",
    "rvs": "the draws in pa.random",
}


class Frozen:
    """A family with its parameters: ``norm(1.0, 2.0).logpdf(x)``."""

    def __init__(self, family: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.family, self.args, self.named = family, args, named

    def __repr__(self) -> str:
        given = [repr(v) for v in self.args] + [f"{k}={v!r}" for k, v in self.named.items()]
        return f"<pyautograd.stats.{self.family.name}({', '.join(given)})>"

    def __dir__(self) -> list[str]:
        return [name for name in dir(self.family) if not name.startswith("_") and name != "name"]

    def __getattr__(self, name: str) -> Callable[[Any], Tensor]:
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self.family, name)
        return lambda x: method(x, *self.args, **self.named)


def _by_name(name: str) -> Family:
    """A family when it is unpickled: formulas are functions, and stay at home."""
    family: Family = getattr(importlib.import_module("pyautograd.stats"), name)
    return family


class Continuous(Family):
    """A continuous family with location and scale, by the formulas of its standard member.

    The support may be a function of the shapes. These must be positive, or ``valid``.
    """

    def __init__(
        self,
        name: str,
        logpdf: Formula,
        *shapes: str,
        cdf: Formula,
        sf: Formula,
        logcdf: Formula | None = None,
        logsf: Formula | None = None,
        ppf: Formula,
        isf: Formula,
        support: tuple[float, float] | Callable[..., tuple[Value, Value]] = (-np.inf, np.inf),
        valid: Formula | None = None,
    ) -> None:
        super().__init__(name, shapes, {"loc": 0.0, "scale": 1.0})
        self._logpdf, self._cdf, self._sf = logpdf, cdf, sf
        self._logcdf, self._logsf = logcdf or _log_of(cdf, sf), logsf or _log_of(sf, cdf)
        self._ppf, self._isf = ppf, isf
        self._support, self._valid = support, valid

    def logpdf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the density at x, -inf outside the support."""
        z, shapes, parameters = self._standard("logpdf", x, args, named)
        low, high = self._ends(shapes)
        outside = _outside(z, low, high)
        if outside is not None:
            z = _core.where(outside, _somewhere(low, high), z)
        value = self._logpdf(z, *shapes)
        scale = parameters[-1]
        if isinstance(scale, Tensor):
            value = value - _core.log(scale)
        elif scale != 1.0 and scale > 0.0:
            value = value - math.log(scale)
        if outside is not None:
            value = _core.where(outside, -np.inf, value)
        return self._where_valid(value, shapes, parameters)

    def pdf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The density at x."""
        return _core.exp(self.logpdf(x, *args, **named))

    def cdf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The probability of at most x."""
        return self._tail("cdf", self._cdf, (0.0, 1.0), x, args, named)

    def sf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The probability of more than x."""
        return self._tail("sf", self._sf, (1.0, 0.0), x, args, named)

    def logcdf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of at most x."""
        return self._tail("logcdf", self._logcdf, (-np.inf, 0.0), x, args, named)

    def logsf(self, x: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of more than x."""
        return self._tail("logsf", self._logsf, (0.0, -np.inf), x, args, named)

    def ppf(self, q: Any, *args: Any, **named: Any) -> Tensor:
        """The quantile: the place that has the probability q below it; nan unless 0 <= q <= 1."""
        return self._quantile("ppf", self._ppf, q, args, named)

    def isf(self, q: Any, *args: Any, **named: Any) -> Tensor:
        """The place that has the probability q above it, accurate where q is small."""
        return self._quantile("isf", self._isf, q, args, named)

    def _tail(
        self,
        method: str,
        formula: Formula,
        ends: tuple[float, float],
        x: Any,
        args: tuple[Any, ...],
        named: Any,
    ) -> Tensor:
        z, shapes, parameters = self._standard(method, x, args, named)
        low, high = self._ends(shapes)
        below, above = z <= low, z >= high
        outside = _core.logical_or(below, above)
        value = formula(_core.where(outside, _somewhere(low, high), z), *shapes)
        value = _core.where(below, ends[0], _core.where(above, ends[1], value))
        return self._where_valid(value, shapes, parameters)

    def _quantile(
        self, method: str, formula: Formula, q: Any, args: tuple[Any, ...], named: Any
    ) -> Tensor:
        q, *shapes, loc, scale = self._bind(method, q, args, named)
        inside = _core.logical_and(q > 0.0, q < 1.0)
        known = [_tensor(v, q.dtype) for v in shapes]
        value = loc + scale * formula(_core.where(inside, q, 0.5), *known)
        ends = self._ends(known)
        first, last = (_moved(end, loc, scale) for end in (ends if method == "ppf" else ends[::-1]))
        value = _core.where(inside, value, np.nan)
        value = _core.where(q == 1.0, last, _core.where(q == 0.0, first, value))
        return self._where_valid(value, known, [*shapes, scale])

    def _standard(
        self, method: str, x: Any, args: tuple[Any, ...], named: Any
    ) -> tuple[Tensor, list[Tensor], list[Value]]:
        """The standardised place, the shapes as tensors, and the parameters but loc as given."""
        z, *shapes, loc, scale = self._bind(method, x, args, named)
        if isinstance(loc, Tensor) or loc != 0.0:
            z = z - loc
        if isinstance(scale, Tensor) or scale != 1.0:
            z = z / scale
        return z, [_tensor(v, z.dtype) for v in shapes], [*shapes, scale]

    def _ends(self, shapes: list[Tensor]) -> tuple[Value, Value]:
        return self._support(*shapes) if callable(self._support) else self._support

    def _where_valid(
        self, value: Tensor, shapes: list[Tensor], parameters: Sequence[Value]
    ) -> Tensor:
        """nan where the shapes, or the scale behind them, are out of range."""
        if self._valid is not None:
            value = _core.where(self._valid(*shapes), value, np.nan)
            parameters = parameters[-1:]
        for parameter in parameters:
            if isinstance(parameter, Tensor) or not parameter > 0.0:
                value = _core.where(parameter > 0.0, value, np.nan)
        return value


def _outside(z: Tensor, low: Value, high: Value) -> Tensor | None:
    """Where there is no density, if there is such a place."""
    below = z < low if isinstance(low, Tensor) or low > -math.inf else None
    above = z > high if isinstance(high, Tensor) or high < math.inf else None
    if below is None or above is None:
        return above if below is None else below
    return _core.logical_or(below, above)


def _somewhere(low: Value, high: Value) -> Value:
    """A place within the support, for formulas whose value is not used."""
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        above = _core.maximum(low, 0.0) if isinstance(low, Tensor) else max(low, 0.0)
        return _core.minimum(above, high).detach()
    return 0.5 if (low, high) == (0.0, 1.0) else (low + 1.0 if np.isfinite(low) else 0.0)


def _moved(end: Value, loc: Value, scale: Value) -> Value:
    """An end of the support; an infinite one stays where it is, whatever loc and scale are."""
    if isinstance(end, Tensor):
        finite = _core.isfinite(end)
        return _core.where(finite, loc + scale * _core.where(finite, end, 0.0), end)
    return loc + scale * end if np.isfinite(end) else end


class Discrete(Family):
    """A family on the integers from loc, by the formulas of the one with loc 0.

    Both ends of the support may be functions of the shapes, and infinite; then ``lowest`` is a
    number below all quantiles.
    """

    def __init__(
        self,
        name: str,
        logpmf: Formula,
        *shapes: str,
        valid: Formula,
        cdf: Formula,
        sf: Formula,
        logcdf: Formula | None = None,
        logsf: Formula | None = None,
        first: float | Formula = 0.0,
        last: Formula | None = None,
        lowest: Formula | None = None,
    ) -> None:
        super().__init__(name, shapes, {"loc": 0.0})
        self._logpmf, self._valid, self._cdf, self._sf = logpmf, valid, cdf, sf
        self._logcdf, self._logsf = logcdf or _log_of(cdf, sf), logsf or _log_of(sf, cdf)
        self._first, self._last, self._lowest = first, last, lowest

    def logpmf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of k, -inf where k is no integer of the support."""
        k, shapes = self._shifted("logpmf", k, args, named)
        first = self._start(shapes)
        outside = _core.logical_or(k < first, k - _core.floor(k) > 0.0)
        if self._last is not None:
            outside = _core.logical_or(outside, k > self._last(*shapes))
        value = self._logpmf(_core.where(outside, _within(first), k), *shapes)
        return self._where_valid(_core.where(outside, -np.inf, value), shapes)

    def pmf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The probability of k."""
        return _core.exp(self.logpmf(k, *args, **named))

    def cdf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The probability of at most k."""
        return self._tail("cdf", self._cdf, (0.0, 1.0), k, args, named)

    def sf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The probability of more than k."""
        return self._tail("sf", self._sf, (1.0, 0.0), k, args, named)

    def logcdf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of at most k."""
        return self._tail("logcdf", self._logcdf, (-np.inf, 0.0), k, args, named)

    def logsf(self, k: Any, *args: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of more than k."""
        return self._tail("logsf", self._logsf, (0.0, -np.inf), k, args, named)

    def ppf(self, q: Any, *args: Any, **named: Any) -> Tensor:
        """The quantile: the least k with ``cdf(k) >= q``; nan unless 0 <= q <= 1.

        It moves with loc alone: it is constant in the probability and the shapes, but for jumps.
        """
        return self._quantile("ppf", q, args, named)

    def isf(self, q: Any, *args: Any, **named: Any) -> Tensor:
        """The least k with ``sf(k) <= q``, accurate where q is small; otherwise as :meth:`ppf`."""
        return self._quantile("isf", q, args, named)

    def _quantile(self, method: str, q: Any, args: tuple[Any, ...], named: Any) -> Tensor:
        q, *shapes, loc = self._bind(method, q, args, named)
        # In double precision, where there are integers enough
        wide = [_core.astype(_core.asarray(v), _FLOAT64).detach() for v in (q, *shapes)]
        search = self._least if method == "ppf" else self._least_above
        found = looking(f"stats.{self.name}.{method}", search, *_core.broadcast_arrays(wide))
        moved: Tensor = cast(found, q.dtype) + loc
        return moved

    def _least(self, p: Tensor, *shapes: Tensor) -> Tensor:
        return self._found(lambda k: self.cdf(k, *shapes) >= p, (0.0, 1.0), p, *shapes)

    def _least_above(self, p: Tensor, *shapes: Tensor) -> Tensor:
        return self._found(lambda k: self.sf(k, *shapes) <= p, (1.0, 0.0), p, *shapes)

    def _found(
        self, enough: Formula, ends: tuple[float, float], p: Tensor, *shapes: Tensor
    ) -> Tensor:
        """The least k with enough of the probability, of which there is that at both ends."""
        known = list(shapes)
        inside = _core.logical_and(self._valid(*known), _core.logical_and(p > 0.0, p < 1.0))
        first = self._start(known)
        lowest = self._lowest(*known) if self._lowest else first
        found = least_integer(
            lambda k: _core.logical_or(enough(k), _core.logical_not(inside)),
            lowest + _core.zeros_like(p),
        )
        none, every = ends
        edge = _core.where(_core.equal(p, every), self._end(known), np.nan)
        edge = _core.where(_core.equal(p, none), first - 1.0, edge)
        return self._where_valid(_core.where(inside, found, edge), known)

    def _tail(
        self,
        method: str,
        formula: Formula,
        ends: tuple[float, float],
        k: Any,
        args: tuple[Any, ...],
        named: Any,
    ) -> Tensor:
        k, shapes = self._shifted(method, k, args, named)
        k = _core.floor(k)
        first = self._start(shapes)
        below, above = k < first, k >= self._end(shapes)
        safe = _core.where(_core.logical_or(below, above), _within(first), k)
        value = _core.where(above, ends[1], formula(safe, *shapes))
        return self._where_valid(_core.where(below, ends[0], value), shapes)

    def _shifted(
        self, method: str, k: Any, args: tuple[Any, ...], named: Any
    ) -> tuple[Tensor, list[Tensor]]:
        k, *shapes, loc = self._bind(method, k, args, named)
        k = k - loc if isinstance(loc, Tensor) or loc != 0.0 else k
        return k, [_tensor(v, k.dtype) for v in shapes]

    def _start(self, shapes: list[Tensor]) -> Any:
        return self._first(*shapes) if callable(self._first) else self._first

    def _end(self, shapes: list[Tensor]) -> Any:
        return np.inf if self._last is None else self._last(*shapes)

    def _where_valid(self, value: Tensor, shapes: list[Tensor]) -> Tensor:
        return _core.where(self._valid(*shapes), value, np.nan)


def _within(first: Value) -> Value:
    return first if isinstance(first, Tensor) or math.isfinite(first) else 0.0


def _log_of(formula: Formula, rest: Formula) -> Formula:
    return lambda *values: log_of(formula(*values), rest(*values))
