"""Writing into tensors, as ``x[...] = values`` does.

What is written is written in place, and seen through views; where derivatives are recorded the
tensor becomes the recorded result instead, under the same name. A leaf that requires grad is
written only under ``no_grad``, and a tensor whose memory another one shares is not recorded into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._bfloat16 import array_dtype
from .._core import Tensor
from ._common import normal_axis

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []


def put_along_axis(arr: Tensor, indices: TensorLike, values: TensorLike, axis: int | None) -> None:
    """Writes ``values`` into ``arr``, for every line along ``axis`` at the line of ``indices``.

    The counterpart of ``take_along_axis``. As with ``arr[...] = values``, ``arr`` is written in
    place, and becomes the recorded result where derivatives are recorded.

    Raises:
        IndexError: an index out of range.
        TypeError: ``arr`` is no tensor.

    >>> x = pa.zeros((2, 2))
    >>> pa.put_along_axis(x, pa.tensor([[1], [0]]), 5.0, axis=1)
    >>> x.tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    _require_tensor("put_along_axis", arr)
    index = _core.asarray(indices)
    if axis is None:
        if index.ndim != 1:
            raise ValueError(
                f"[put_along_axis] without an axis indices are a vector, not {index.shape}"
            )
        places = _core.reshape(_core.arange(arr.size, device=index.device), arr.shape)
        flat = _core.take(places, index)
        arr[tuple(_unravelled(flat, arr.shape))] = values
        return
    place = normal_axis("put_along_axis", axis, arr.ndim)
    if index.ndim != arr.ndim:
        raise ValueError(
            f"[put_along_axis] indices of shape {index.shape} and an array of shape {arr.shape} "
            "must have as many dimensions"
        )
    grid = np.ogrid[tuple(slice(n) for n in arr.shape)]
    arr[tuple(index if i == place else _core.asarray(ramp) for i, ramp in enumerate(grid))] = values


def _unravelled(flat: Tensor, shape: tuple[int, ...]) -> list[Tensor]:
    parts: list[Tensor] = []
    for size in reversed(shape):
        parts.insert(0, _core.remainder(flat, size))
        flat = _core.floor_divide(flat, size)
    return parts


def fill_diagonal(a: Tensor, val: TensorLike, wrap: bool = False) -> None:
    """Writes ``val`` to the main diagonal of ``a``; a vector is repeated as often as needed.

    ``a`` is a matrix, or has equal sizes in all of its dimensions. With ``wrap=True`` the diagonal
    of a tall matrix starts again below its end. ``a`` is written in place, and becomes the recorded
    result where derivatives are recorded.

    Raises:
        ValueError: fewer than two dimensions, or more of different sizes.
        TypeError: ``a`` is no tensor.

    >>> x = pa.zeros((2, 2))
    >>> pa.fill_diagonal(x, pa.tensor([1.0, 2.0]))
    >>> x.tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    _require_tensor("fill_diagonal", a)
    shape = a.shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ValueError(
            f"[fill_diagonal] expected a matrix, or dimensions of equal size, got shape {shape}"
        )
    step = sum(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    end = shape[1] * shape[1] if len(shape) == 2 and not wrap else a.size
    places = np.arange(0, min(end, a.size), step)
    values = _given(a, val)
    if places.size and values.size:
        entries = _core.take(values, np.arange(places.size) % values.size)
        a[tuple(_core.asarray(i) for i in np.unravel_index(places, shape))] = entries


def put(a: Tensor, ind: TensorLike, v: TensorLike, mode: str = "raise") -> None:
    """Writes ``v`` to the places ``ind`` of the flattened ``a``.

    Values are repeated as often as needed. A place out of range raises, or is taken modulo the size
    (``mode="wrap"``), or is replaced by the nearest that is in range ("clip"). Of values for the
    same place the last one counts. Differentiable in ``a`` and ``v``.

    Raises:
        IndexError: a place out of range.
        ValueError: an unknown mode.
        TypeError: ``a`` is no tensor, or ``ind`` is not of integers.

    >>> x = pa.zeros((2, 2))
    >>> pa.put(x, [0, 3], pa.tensor([1.0, 2.0]))
    >>> x.tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    _require_tensor("put", a)
    places, values = _core.ravel(ind), _given(a, v)
    if a.size == 0 and places.size > 0:
        raise IndexError(f"[put] a tensor of shape {a.shape} has no elements to replace")
    if places.size == 0 or values.size == 0:
        return
    if places.dtype.kind not in "biu":
        raise TypeError(f"[put] places must be integers, not of dtype {places.dtype}")
    places = _core.astype(places, np.int64)
    if mode == "wrap":
        places = _core.remainder(places, a.size)
    elif mode == "clip":
        places = _core.clip(places, 0, a.size - 1)
    elif mode != "raise":
        raise ValueError(f"[put] unknown mode {mode!r}: use 'raise', 'wrap' or 'clip'")
    try:
        flat = _core.take(_core.arange(a.size, device=places.device), places)
    except IndexError:
        raise IndexError(f"[put] a place is out of range for {a.size} elements") from None
    index = tuple(_unravelled(flat, a.shape)) if a.ndim else ()
    a[index] = _repeated(values, places.size) if a.ndim else values[(places.size - 1) % values.size]


def _given(a: Tensor, values: TensorLike) -> Tensor:
    """A vector of the values, copied to where `a` lies, as `a[...] = values` does."""
    return _core.ravel(_core.asarray(values).to(a.device))


def _repeated(values: Tensor, count: int) -> Tensor:
    return values if values.size == count else values[np.arange(count) % values.size]


def putmask(a: Tensor, mask: TensorLike, values: TensorLike) -> None:
    """Writes ``values`` to the elements of ``a`` at which ``mask`` holds, each from its own place.

    ``values`` of another size than ``a`` are repeated, so that element ``n`` of the flattened ``a``
    gets ``values[n % len(values)]``. Differentiable in ``a`` and ``values``.

    Raises:
        ValueError: ``mask`` and ``a`` have different sizes.
        TypeError: ``a`` is no tensor.

    >>> x = pa.tensor([1.0, 2.0, 3.0])
    >>> pa.putmask(x, x > 1, [-1.0, -2.0, -3.0])
    >>> x.tolist()
    [1.0, -2.0, -3.0]
    """
    chosen, given = _mask_and_values("putmask", a, mask, values)
    if given.size == 0:
        return
    spread = _core.reshape(_repeated(given, a.size), a.shape)
    a[...] = _core.where(chosen, _core.astype(spread, a.dtype), a)


def place(arr: Tensor, mask: TensorLike, vals: TensorLike) -> None:
    """Writes the first ``vals`` to the elements of ``arr`` at which ``mask`` holds, one by one.

    Values are repeated as often as needed. Differentiable in ``arr`` and ``vals``.

    Raises:
        ValueError: ``mask`` and ``arr`` have different sizes, or there is nothing to write.
        TypeError: ``arr`` is no tensor.

    >>> x = pa.tensor([1.0, 2.0, 3.0])
    >>> pa.place(x, x > 1, [-1.0, -2.0, -3.0])
    >>> x.tolist()
    [1.0, -1.0, -2.0]
    """
    chosen, given = _mask_and_values("place", arr, mask, vals)
    if given.size == 0:
        if _core.depth(chosen) == 0 and not bool(_core.any(chosen)):
            return
        raise ValueError("[place] there are no values to write")
    number = _core.cumsum(_core.astype(_core.ravel(chosen), np.int64), 0) - 1
    spread = _core.take(given, _core.remainder(number, given.size))
    spread = _core.reshape(_core.astype(spread, arr.dtype), arr.shape)
    arr[...] = _core.where(chosen, spread, arr)


def _mask_and_values(name: str, a: Any, mask: Any, values: Any) -> tuple[Tensor, Tensor]:
    _require_tensor(name, a)
    chosen = _core.asarray(mask).to(a.device)
    if chosen.size != a.size:
        raise ValueError(f"[{name}] a mask of shape {chosen.shape} for a tensor of shape {a.shape}")
    given = _given(a, values)
    if isinstance(values, (Tensor, np.ndarray)) and not np.can_cast(
        array_dtype(given.dtype), array_dtype(a.dtype)
    ):
        raise TypeError(f"[{name}] values of dtype {given.dtype} for a tensor of {a.dtype}")
    return _core.astype(_core.reshape(chosen, a.shape), np.bool_), given


def copyto(dst: Tensor, src: TensorLike, casting: Any = "same_kind", where: Any = True) -> None:
    """Writes ``src`` to ``dst``, which it broadcasts to, where ``where`` holds.

    Differentiable in ``dst`` and ``src``.

    Raises:
        TypeError: ``dst`` is no tensor, or its dtype cannot hold that of ``src`` by the rule
            ``casting``.
        ValueError: the shapes do not broadcast to that of ``dst``.

    >>> x = pa.zeros(3)
    >>> pa.copyto(x, 1.0, where=[True, False, True])
    >>> x.tolist()
    [1.0, 0.0, 1.0]
    """
    _require_tensor("copyto", dst)
    values = _core.asarray(src)
    # A Python number takes the dtype of what it is written to, if that can hold its kind.
    weak: Any = src if isinstance(src, (int, float, complex)) else None
    held = values.dtype if weak is None else np.result_type(array_dtype(dst.dtype), weak)
    if not np.can_cast(array_dtype(held), array_dtype(dst.dtype), casting):
        raise TypeError(
            f"[copyto] cannot cast dtype {held} to {dst.dtype} with casting rule {casting!r}"
        )
    values = _core.astype(values, dst.dtype, copy=False).to(dst.device)
    if where is True:
        dst[...] = values
    else:
        mask = _core.astype(where, np.bool_).to(dst.device)
        mask = _core.broadcast_to(mask, dst.shape)
        values = _core.reshape(values, _without_leading_ones(values.shape, dst.ndim))
        dst[...] = _core.where(mask, _core.broadcast_to(values, dst.shape), dst)


def _without_leading_ones(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return shape


def _require_tensor(name: str, a: object) -> None:
    if not isinstance(a, Tensor):
        raise TypeError(
            f"[{name}] only a tensor can be written, not {type(a).__name__}: a NumPy array "
            "cannot hold a tensor's graph"
        )
