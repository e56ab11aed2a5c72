"""NumPy's functions that are more than an op with other names for its arguments."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core, array_api, compositions
from .._arrays import dtypes, extended, inspection, sets, variadic
from .._core import Tensor
from .._whole import one_or_each
from .arguments import cast, moment, reduction, refuse, stored

__all__: list[str] = []


def _round(a: Tensor, decimals: int = 0, out: Any = None) -> Any:
    return stored("np.round", extended.round(a, decimals), out)


def _where(condition: Any, /, *choices: Any) -> Any:
    if not choices:
        return tuple(_core.nonzero(condition))
    if len(choices) != 2:
        raise ValueError("np.where: either both or neither of x and y should be given")
    return _core.where(condition, *choices)


def _sorting(name: str) -> Callable[..., Any]:
    """NumPy's choice of an algorithm does not matter: the sort is always stable."""

    def call(
        a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None
    ) -> Any:
        refuse(f"np.{name}", {"order": order})
        return getattr(_core, name)(a, axis)

    return call


def _reduction(name: str) -> Callable[..., Any]:
    """sum, prod, max, min, all or any with NumPy's parameters."""
    reduce = functools.partial(reduction(name), f"np.{name}")

    def with_dtype(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = np._NoValue,
        initial: Any = np._NoValue,
        where: Any = np._NoValue,
    ) -> Any:
        return reduce(
            a, axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where
        )

    def extremum(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = np._NoValue,
        initial: Any = np._NoValue,
        where: Any = np._NoValue,
    ) -> Any:
        return reduce(a, axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def truth(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = np._NoValue,
        *,
        where: Any = np._NoValue,
    ) -> Any:
        return reduce(a, axis, out=out, keepdims=keepdims, where=where)

    if name in ("sum", "prod"):
        return with_dtype
    return extremum if name in ("max", "min") else truth


def _require_order(name: str, order: Any) -> bool:
    """Whether elements are numbered with the first index fastest."""
    if order in ("C", "c", None):
        return False
    if order in ("F", "f"):
        return True
    raise TypeError(f"np.{name}: the argument order={order!r} is not supported for tensors")


def _reshape(a: Tensor, /, shape: Any = None, order: Any = "C", *, copy: Any = None) -> Tensor:
    if shape is None:
        raise TypeError("np.reshape: the argument shape= is missing")
    if not _require_order("reshape", order):
        return _core.reshape(_core.copy(a) if copy else a, shape)
    sizes = one_or_each(shape)
    return _core.transpose(_core.reshape(_core.transpose(a), sizes[::-1]))


def _ravel(a: Tensor, order: Any = "C") -> Tensor:
    return _core.ravel(_core.transpose(a) if _require_order("ravel", order) else a)


def _as_in(a: Any, dtype: Any, device: Any) -> dict[str, Any]:
    """Of what a new array is made, and where, unless said: as the given one."""
    x = _core.asarray(a)
    return {
        "dtype": x.dtype if dtype is None else dtype,
        "device": x.device if device is None else device,
    }


def _like(name: str) -> Callable[..., Tensor]:
    """zeros_like, ones_like or empty_like; for another shape, too."""
    of_shape: Callable[..., Tensor] = getattr(_core, name)
    of_array: Callable[..., Tensor] = getattr(_core, f"{name}_like")

    def call(
        a: Any,
        dtype: Any = None,
        order: Any = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Tensor:
        if shape is None:
            return of_array(a, dtype=dtype, device=device)
        return of_shape(shape, **_as_in(a, dtype, device))

    return call


def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Tensor:
    if shape is None:
        return _core.full_like(a, fill_value, dtype=dtype, device=device)
    return _core.full(shape, fill_value, **_as_in(a, dtype, device))


def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    samples = _core.linspace(
        start, stop, num, endpoint=endpoint, dtype=dtype, axis=axis, device=device
    )
    if not retstep:
        return samples
    steps = num - 1 if endpoint else num
    width = _core.subtract(stop, start)
    return samples, width / steps if steps > 0 else _core.multiply(width, math.nan)


def _take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Any:
    x, places = _core.asarray(a), _core.asarray(indices)
    size = x.size if axis is None else x.shape[axis]
    if mode == "wrap":
        places = _core.remainder(places, size)
    elif mode == "clip":
        places = _core.clip(places, 0, size - 1)
    elif mode != "raise":
        raise ValueError(f"np.take: mode {mode!r} must be 'raise', 'wrap' or 'clip'")
    return stored("np.take", _core.take(x, places, axis=axis), out)


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    numbers = _core.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    return numbers if copy else stored("np.nan_to_num", numbers, x)


def _einsum(*operands: Any, **options: Any) -> Any:
    """The order of contractions is the library's own choice, whatever ``optimize`` says."""
    options.pop("optimize", None)
    out, dtype = options.pop("out", None), options.pop("dtype", None)
    casting = options.pop("casting", "safe")
    options.pop("order", None)
    refuse("np.einsum", options)
    if dtype is not None:
        operands = tuple(
            cast("np.einsum", x, dtype, casting) if isinstance(x, (Tensor, np.ndarray)) else x
            for x in operands
        )
    return stored("np.einsum", variadic.einsum(*operands), out)


def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    return sets.unique(ar, return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)


def _each(name: str) -> Callable[..., Any]:
    """A function of one tensor, or of several at a time."""
    op = getattr(_core, name)

    def call(*arrays: Any) -> Any:
        return op(*arrays) if len(arrays) == 1 else tuple(map(op, arrays))

    return call


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if not sparse:
        return tuple(variadic.meshgrid(*xi, indexing=indexing))
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    rank = len(xi)
    lines = [_core.reshape(x, [-1 if k == i else 1 for k in range(rank)]) for i, x in enumerate(xi)]
    turned = indexing == "xy" and rank > 1
    return tuple(_core.swapaxes(x, 0, 1) if turned else x for x in lines)


def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """What holds no numbers, such as None or strings, is broadcast as NumPy's own array."""

    def as_array(x: Any) -> Any:
        try:
            return _core.asarray(x)
        except TypeError:
            return np.asarray(x)

    arrays = [as_array(x) for x in args]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that shows or writes numbers, and so takes no tensor that is part of a graph."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(
            *(x.numpy() if isinstance(x, Tensor) else x for x in args),
            **{key: x.numpy() if isinstance(x, Tensor) else x for key, x in kwargs.items()},
        )

    return call


def _writing(name: str) -> Callable[..., None]:
    """Into a NumPy array only what records nothing can be written."""

    def call(*args: Any, **kwargs: Any) -> None:
        first = args[0] if args else next(iter(kwargs.values()))
        into_array = isinstance(first, np.ndarray)
        function = _of_numbers(getattr(np, name)) if into_array else compositions.load(name)
        function(*args, **kwargs)

    return call


def _written_out(function: Callable[..., str]) -> Callable[..., str]:
    """A function that makes text of numbers, as ``repr`` does with any tensor."""

    def call(a: Tensor, *args: Any, **kwargs: Any) -> str:
        return function(a.detach().numpy(), *args, **kwargs)

    return call


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "angle": extended.angle,
    "argsort": _sorting("argsort"),
    "around": _round,
    "array2string": _written_out(np.array2string),
    "array_repr": _written_out(np.array_repr),
    "array_str": _written_out(np.array_str),
    **{name: _each(name) for name in ("atleast_1d", "atleast_2d", "atleast_3d")},
    "broadcast_arrays": _broadcast_arrays,
    "can_cast": array_api.can_cast,
    "einsum": _einsum,
    "empty_like": _like("empty"),
    "full_like": _full_like,
    "iscomplexobj": dtypes.iscomplexobj,
    "isrealobj": dtypes.isrealobj,
    "linspace": _linspace,
    "meshgrid": _meshgrid,
    "nan_to_num": _nan_to_num,
    "ones_like": _like("ones"),
    "pad": extended.pad,
    "ravel": _ravel,
    "reshape": _reshape,
    "result_type": array_api.result_type,
    "round": _round,
    "save": _of_numbers(np.save),
    "savetxt": _of_numbers(np.savetxt),
    "savez": _of_numbers(np.savez),
    "savez_compressed": _of_numbers(np.savez_compressed),
    "sinc": _core.sinc,
    "sort": _sorting("sort"),
    "take": _take,
    "unique": _unique,
    "unique_all": sets.unique_all,
    "unique_counts": sets.unique_counts,
    "unique_inverse": sets.unique_inverse,
    "where": _where,
    "zeros_like": _like("zeros"),
}
FUNCTIONS |= {name: getattr(inspection, name) for name in inspection.__all__}
FUNCTIONS |= {name: _reduction(name) for name in ("sum", "prod", "max", "min", "all", "any")}
FUNCTIONS |= {name: _writing(name) for name in ("copyto", "place", "put", "putmask")}
FUNCTIONS |= {"amax": FUNCTIONS["max"], "amin": FUNCTIONS["min"]}
FUNCTIONS |= {name: moment(name) for name in ("mean", "std", "var")}
