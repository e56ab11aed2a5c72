"""What NumPy's functions take beside their operands: out, where, initial, dtype and casting.

``out`` is a tensor, written as ``out[...] = result`` writes it, so that it records where the result
does. A NumPy array serves for a result that records nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from ..compositions import _masked

__all__: list[str] = []


def stored(name: str, result: Any, out: Any, casting: Any = "same_kind") -> Any:
    """The result, or ``out`` with the result in it."""
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    if out is None:
        return result
    if isinstance(out, (Tensor, np.ndarray)):
        _require_cast(name, result.dtype, out.dtype, casting)
    if isinstance(out, Tensor):
        _require_shape(name, result, out)
        out[...] = result
    elif isinstance(out, np.ndarray):
        if result.requires_grad or _core.depth(result) > 0:
            raise TypeError(
                f"{name}: the argument out= is not supported for tensors that record: a NumPy "
                "array cannot hold a tensor's graph; assign the result to a new name"
            )
        _require_shape(name, result, out)
        out[...] = result.numpy()
    else:
        raise TypeError(f"{name}: out= must be a tensor or an array, not {type(out).__name__}")
    return out


def stored_in(name: str, result: Any, out: Any) -> Any:
    """The result, or results, of an op in ``out``, which is a tuple for several."""
    label = f"[{name}] out"
    if isinstance(result, Tensor):
        return stored(label, result, out)
    if out is None:
        return result
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        raise ValueError(f"{label}: the op has {len(result)} results: give a tuple of as many")
    written = [stored(label, y, into) for y, into in zip(result, out, strict=True)]
    return type(result)(*written) if hasattr(result, "_fields") else type(result)(written)


def _require_shape(name: str, result: Tensor, out: Any) -> None:
    if out.shape != result.shape:
        raise ValueError(
            f"{name}: the result has shape {result.shape} and does not fit out= of shape "
            f"{out.shape}"
        )


def _require_cast(name: str, source: Any, target: Any, casting: Any) -> None:
    if not np.can_cast(source, target, casting):
        raise TypeError(
            f"{name}: cannot cast dtype {source} to {target} with casting rule {casting!r}"
        )


def cast(name: str, x: Any, dtype: Any, casting: Any = "same_kind") -> Tensor:
    """The operand in another dtype. Python's numbers have none, and take any that holds them."""
    if dtype is None:
        return _core.asarray(x)
    if isinstance(x, (bool, int, float, complex)):
        _require_cast(name, np.result_type(np.dtype(dtype), x), np.dtype(dtype), casting)
        return _core.asarray(x, dtype=dtype)
    t = _core.asarray(x)
    _require_cast(name, t.dtype, np.dtype(dtype), casting)
    return _core.astype(t, dtype, copy=False)


def refuse(name: str, options: dict[str, Any]) -> None:
    """Raises for an option that is given and has no counterpart."""
    for key, value in options.items():
        if value is not None and value is not np._NoValue:
            raise TypeError(f"{name}: the argument {key}= is not supported for tensors")


def call_ufunc(
    ufunc: np.ufunc,
    op: Callable[..., Any],
    inputs: tuple[Any, ...],
    *,
    out: tuple[Any, ...] | None = None,
    where: Any = True,
    dtype: Any = None,
    casting: Any = "same_kind",
    order: str = "K",
    subok: bool = True,
    **options: Any,
) -> Any:
    """A ufunc with NumPy's keywords. Where ``where`` does not hold, ``out`` keeps its elements;
    without an ``out`` the result is 0 there."""
    name = f"np.{ufunc.__name__}"
    axis = {"axis": options.pop("axis")} if ufunc.__name__ == "vecdot" and "axis" in options else {}
    refuse(name, options)
    if dtype is not None and not (np.dtype(dtype).kind == "b" and _answers(ufunc)):
        _require_uniform(ufunc, np.dtype(dtype))
        inputs = tuple(cast(name, x, dtype, casting) for x in inputs)
    results = op(*inputs, **axis)
    results = tuple(results) if ufunc.nout > 1 else (results,)
    outs = out or (None,) * ufunc.nout
    if where is not True:
        results = tuple(map(functools.partial(_chosen, name, where), results, outs))
    given = tuple(
        stored(name, _fitted(y, into), into, casting) for y, into in zip(results, outs, strict=True)
    )
    return given if ufunc.nout > 1 else given[0]


def _answers(ufunc: np.ufunc) -> bool:
    """Whether its results are bools whatever its operands are."""
    return "d" * ufunc.nin + "->?" in ufunc.types


def _require_uniform(ufunc: np.ufunc, dtype: np.dtype[Any]) -> None:
    """The dtype of a call means that of its operands, too, where a loop has but one."""
    loop = dtype.char * ufunc.nin + "->" + dtype.char * ufunc.nout
    if loop not in ufunc.types:
        raise TypeError(
            f"np.{ufunc.__name__}: the argument dtype= is not supported for tensors with {dtype}"
        )


def _fitted(y: Tensor, out: Any) -> Tensor:
    """The result of an elementwise function broadcast to an ``out`` that is larger."""
    shape = getattr(out, "shape", y.shape)
    if shape == y.shape or len(shape) < y.ndim or 0 in shape:
        return y
    return _core.broadcast_to(y, shape)


def _chosen(name: str, where: Any, result: Tensor, out: Any) -> Tensor:
    mask = _masked.mask_of(name, where)
    kept = _core.zeros((), result.dtype) if out is None else _core.asarray(out)
    _require_cast(name, result.dtype, kept.dtype, "same_kind")
    return _core.where(mask, _core.astype(result, kept.dtype, copy=False), kept)


def reduction(name: str) -> Callable[..., Any]:
    """The reduction of that name with the keywords of NumPy's."""
    op = getattr(_core, name)

    def reduce(
        label: str,
        a: Any,
        axis: Any = None,
        *,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = np._NoValue,
        initial: Any = np._NoValue,
        where: Any = np._NoValue,
    ) -> Any:
        options = {} if keepdims is np._NoValue else {"keepdims": bool(keepdims)}
        given = {"dtype": dtype, "initial": initial, "where": None if where is True else where}
        options |= {k: v for k, v in given.items() if v is not None and v is not np._NoValue}
        return stored(label, op(_core.asarray(a), axis=axis, **options), out)

    return reduce


def moment(name: str) -> Callable[..., Any]:
    """mean, std or var with the keywords of NumPy's."""

    def call(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = np._NoValue,
        *,
        where: Any = np._NoValue,
        mean: Any = np._NoValue,
        correction: Any = np._NoValue,
    ) -> Any:
        refuse(f"np.{name}", {"mean": mean})
        x = _core.asarray(a) if dtype is None else _core.astype(a, dtype)
        options: dict[str, Any] = {}
        if keepdims is not np._NoValue:
            options["keepdims"] = bool(keepdims)
        if name != "mean":
            if correction is not np._NoValue and ddof != 0:
                raise ValueError("ddof and correction can't be provided simultaneously.")
            options["correction"] = ddof if correction is np._NoValue else correction
        if where is not np._NoValue and where is not True:
            options["where"] = where
        result = getattr(_core, name)(x, axis=axis, **options)
        return stored(f"np.{name}", result, out)

    def mean_of(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = np._NoValue,
        *,
        where: Any = np._NoValue,
    ) -> Any:
        return call(a, axis, dtype, out, 0, keepdims, where=where)

    return mean_of if name == "mean" else call
