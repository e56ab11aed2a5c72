"""``ufunc.at`` on tensors: writes in which an element may be named more than once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._names import no_counterpart
from .arguments import cast

__all__: list[str] = []


def at(ufunc: np.ufunc, known: str, a: Any, indices: Any, b: Any = None) -> None:
    """``a[indices] = ufunc(a[indices], b)`` for one index after the other."""
    label = f"np.{ufunc.__name__}.at"
    op: Callable[..., Any] | None = getattr(_core, known, None)
    if op is None or ufunc.nout != 1 or ufunc.signature is not None or ufunc.nin > 2:
        raise no_counterpart(label)
    if not isinstance(a, Tensor):
        raise TypeError(
            f"{label}: the argument a= is not supported for tensors: a NumPy array cannot hold "
            "a tensor's graph; make it with pa.zeros or pa.asarray"
        )
    places = _core.reshape(_core.arange(a.size, device=a.device), a.shape)[indices]
    if ufunc.nin == 1:
        a[...] = _one_by_one(label, op, a, places)
        return
    amounts = _core.broadcast_to(cast(label, b, a.dtype).to(a.device), places.shape)
    if known in ("add", "subtract"):
        a[...] = op(a, _core.reshape(_sums(places, amounts, a.size), a.shape))
    elif known in ("maximum", "minimum") and a.dtype.kind != "c":
        a[...] = _extreme(a, places, amounts, known == "minimum")
    else:
        a[...] = _one_by_one(label, op, a, places, amounts)


def _sums(places: Tensor, amounts: Tensor, size: int) -> Tensor:
    """The sums of the amounts for each of the places: the transpose of picking."""
    if amounts.dtype.kind == "c":
        parts = (_sums(places, part, size) for part in (_core.real(amounts), _core.imag(amounts)))
        return _core.astype(_core.complex(*parts), amounts.dtype)
    if amounts.dtype.kind in "iu" and max(map(_core.depth, (places, amounts))) == 0:
        exact = np.zeros(size, amounts.dtype)
        np.add.at(exact, places.to("cpu").numpy(), amounts.to("cpu").numpy())
        return _core.asarray(exact).to(amounts.device)
    kept = _core.bincount(_core.ravel(places), _core.ravel(amounts), minlength=size)
    return _core.astype(kept, amounts.dtype)


def _extreme(a: Tensor, places: Tensor, amounts: Tensor, least: bool) -> Tensor:
    """The largest, or least, of what meets in each place; nan is both."""
    values = _core.concat([_core.ravel(a), _core.ravel(amounts)])
    owners = _core.concat([_core.arange(a.size, device=a.device), _core.ravel(places)])
    order = _core.argsort(_falling(values) if least else values)
    # Written in rising order, the last of those that write into one place stays.
    last = _core.zeros(a.size, dtype="int64", device=a.device)
    last[owners[order]] = order
    found = values[last]
    if values.dtype.kind == "f":
        # Equal ones share the derivative, as those of `max` do.
        other = _core.isfinite(values) & _core.equal(values, found[owners])
        count = _core.bincount(owners, _core.astype(other, values.dtype), minlength=a.size)
        share = _core.astype(_core.maximum(count, 1.0), values.dtype)[owners]
        apart = _core.where(other, (values - found[owners]) / share, 0)
        found = found + _sums(owners, apart, a.size)
    return _core.reshape(found, a.shape)


def _falling(x: Tensor) -> Tensor:
    """What rises where x falls; nan stays nan, and no integer overflows."""
    if x.dtype.kind == "b":
        return _core.logical_not(x)
    return -x if x.dtype.kind == "f" else _core.bitwise_invert(x)


def _one_by_one(
    label: str, op: Callable[..., Any], a: Tensor, places: Tensor, amounts: Tensor | None = None
) -> Tensor:
    """As many rounds as the place that is named most often is named."""
    if _core.depth(places):
        raise RuntimeError(
            f"{label}: under vmap the indices must be the same for every entry, as how often one "
            "is named decides what is done; those of add, subtract, maximum and minimum may differ"
        )
    where = _core.ravel(places).to("cpu").numpy()
    order = np.argsort(where, kind="stable")
    ranked = where[order]
    nth = np.arange(where.size) - np.searchsorted(ranked, ranked)
    flat = _core.copy(_core.ravel(a))
    for round_ in range(int(nth.max(initial=-1)) + 1):
        chosen = order[nth == round_]
        own = flat[where[chosen]]
        new = op(own) if amounts is None else op(own, _core.ravel(amounts)[chosen])
        flat[where[chosen]] = cast(label, new, a.dtype)
    return _core.reshape(flat, a.shape)
