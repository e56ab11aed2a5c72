"""NumPy functions on tensors: ``np.sin(t)``, ``np.sum(t)``, ``array @ t`` record.

NumPy hands a call that meets a tensor to the two functions at the end of this file. A function with
a counterpart among the ops runs that, with keywords translated; any other raises ``TypeError``
naming it, so a computation never leaves the graph unnoticed.

>>> t = pa.tensor([0.0, 1.0], requires_grad=True)
>>> np.add.reduce(np.array([1.0, 2.0]) * t).requires_grad
True
>>> np.packbits(t)
Traceback (most recent call last):
TypeError: np.packbits has no pyautograd counterpart; use x.detach().numpy() to leave the graph
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _core, _dtypes, _sets, _variadic, compositions
from ._core import Tensor
from ._names import ALIASES

__all__: list[str] = []

# ufuncs whose op has a name that is neither NumPy's nor an alias of it
_UFUNC_NAMES = {"expit": "sigmoid", "psi": "digamma"}

# ufunc.reduce, by op
_REDUCTIONS = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
_ACCUMULATIONS = {
    "add": "cumsum",
    "logaddexp": "logcumsumexp",
    "maximum": "cummax",
    "minimum": "cummin",
    "multiply": "cumprod",
}

# NumPy's parameters in order. "*a" goes to the op by position, "axis" by keyword, "ddof>correction"
# under another keyword, and "!out" must be absent or None.
_SIGNATURES: dict[str, str] = {
    "all": "*a axis !out keepdims !where",
    "amax": "*a axis !out keepdims !initial !where",
    "amin": "*a axis !out keepdims !initial !where",
    "any": "*a axis !out keepdims !where",
    "argmax": "*a axis !out keepdims",
    "argmin": "*a axis !out keepdims",
    "argwhere": "*a",
    "array_split": "*ary *indices_or_sections axis",
    "astype": "*x *dtype copy",
    "atleast_1d": "*array",
    "atleast_2d": "*array",
    "atleast_3d": "*array",
    "bincount": "*x weights minlength",
    "broadcast_to": "*array *shape !subok",
    "clip": "*a *a_min *a_max !out min max",
    "concat": "*arrays axis !out !dtype !casting",
    "concatenate": "*arrays axis !out !dtype !casting",
    "convolve": "*a *v mode",
    "copy": "*a !order !subok",
    "correlate": "*a *v mode",
    "count_nonzero": "*a axis keepdims",
    "cumprod": "*a axis dtype !out",
    "cumsum": "*a axis dtype !out",
    "cumulative_prod": "*x axis dtype !out include_initial",
    "cumulative_sum": "*x axis dtype !out include_initial",
    "diagonal": "*a offset axis1 axis2",
    "digitize": "*x *bins right",
    "dot": "*a *b !out",
    "empty_like": "*prototype dtype !order !subok !shape device",
    "expand_dims": "*a axis",
    "fix": "*x !out",
    "flatnonzero": "*a",
    "flip": "*m axis",
    "full_like": "*a *fill_value dtype !order !subok !shape device",
    "hstack": "*tup !dtype !casting",
    "i0": "*x",
    "imag": "*val",
    "inner": "*a *b",
    "isin": "*element *test_elements !assume_unique invert !kind",
    "isneginf": "*x !out",
    "isposinf": "*x !out",
    "linspace": "*start *stop num endpoint !retstep dtype axis device",
    "matrix_transpose": "*x",
    "max": "*a axis !out keepdims !initial !where",
    "mean": "*a axis dtype !out keepdims !where",
    "min": "*a axis !out keepdims !initial !where",
    "moveaxis": "*a *source *destination",
    "nan_to_num": "*x !copy nan posinf neginf",
    "nonzero": "*a",
    "ones_like": "*a dtype !order !subok !shape device",
    "outer": "*a *b !out",
    "pad": "*array *pad_width mode constant_values",
    "permute_dims": "*a axes",
    "prod": "*a axis dtype !out keepdims !initial !where",
    "ravel": "*a !order",
    "real": "*val",
    "repeat": "*a *repeats axis",
    "reshape": "*a *shape !order !copy",
    "roll": "*a *shift axis",
    "rot90": "*m k axes",
    "searchsorted": "*a *v side sorter",
    "sinc": "*x",
    "split": "*ary *indices_or_sections axis",
    "squeeze": "*a axis",
    "stack": "*arrays axis !out !dtype !casting",
    "std": "*a axis !dtype !out ddof>correction keepdims !where !mean correction",
    "sum": "*a axis dtype !out keepdims !initial !where",
    "swapaxes": "*a *axis1 *axis2",
    "take": "*a *indices axis !out !mode",
    "take_along_axis": "*arr *indices axis",
    "tensordot": "*a *b axes",
    "tile": "*A *reps",
    "trace": "*a offset axis1 axis2 dtype !out",
    "transpose": "*a axes",
    "tril": "*m k",
    "triu": "*m k",
    "unique_values": "*x",
    "unstack": "*x axis",
    "var": "*a axis !dtype !out ddof>correction keepdims !where !mean correction",
    "vstack": "*tup !dtype !casting",
    "where": "*condition *x *y",
    "zeros_like": "*a dtype !order !subok !shape device",
    **{f"fft.{name}": "*a n axis norm !out" for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft.{name}": "*a n axis norm !out" for name in ("hfft", "ihfft")},
    **{f"fft.{name}n": "*a s axes norm !out" for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft.{name}2": "*a s axes norm !out" for name in ("fft", "ifft", "rfft", "irfft")},
    "fft.fftshift": "*x axes",
    "fft.ifftshift": "*x axes",
}


class _Parameter:
    __slots__ = ("forbidden", "keyword", "name", "positional")

    def __init__(self, text: str) -> None:
        self.positional = text[0] == "*"
        self.forbidden = text[0] == "!"
        self.name, _, renamed = text.lstrip("*!").partition(">")
        self.keyword = renamed or self.name


def _no_counterpart(name: str) -> TypeError:
    return TypeError(
        f"{name} has no pyautograd counterpart; use x.detach().numpy() to leave the graph"
    )


def _translated(name: str, signature: str) -> Callable[..., Any]:
    """The op as a function with NumPy's signature."""
    op = getattr(_core, ALIASES.get(name, name).replace(".", "_"))
    parameters = [_Parameter(text) for text in signature.split()]
    by_name = {p.name: p for p in parameters}

    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(parameters):
            raise TypeError(f"np.{name} takes at most {len(parameters)} arguments, got {len(args)}")
        given = {p.name: value for p, value in zip(parameters, args, strict=False)} | kwargs
        for key, value in given.items():
            if key not in by_name or (by_name[key].forbidden and value is not None):
                raise TypeError(f"np.{name}: the argument {key}= is not supported for tensors")
        used = [p for p in parameters if p.name in given and not p.forbidden]
        positional = [given[p.name] for p in used if p.positional]
        return op(*positional, **{p.keyword: given[p.name] for p in used if not p.positional})

    return call


# Functions that are more than an op with other names for its arguments.


def _result_type(*values: Any) -> np.dtype[Any]:
    from .array_api import result_type

    return result_type(*values)


def _size(a: Any, axis: int | None = None) -> int:
    return int(a.size if axis is None else a.shape[axis])


def _angle(z: Tensor, deg: bool = False) -> Tensor:
    angle = _core.angle(z)
    return _core.multiply(angle, 180 / math.pi) if deg else angle


def _round(a: Tensor, decimals: int = 0, out: None = None) -> Tensor:
    if out is not None:
        raise TypeError("np.round: the argument out= is not supported for tensors")
    if decimals == 0:
        return _core.round(a)
    scale = 10.0**decimals
    return _core.divide(_core.round(_core.multiply(a, scale)), scale)


def _sorting(name: str) -> Callable[..., Any]:
    """NumPy's choice of an algorithm does not matter: the sort is always stable."""

    def call(
        a: Any, axis: Any = -1, kind: Any = None, order: None = None, *, stable: Any = None
    ) -> Any:
        if order is not None:
            raise TypeError(f"np.{name}: the argument order= is not supported for tensors")
        return getattr(_core, name)(a, axis)

    return call


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "angle": _angle,
    "argsort": _sorting("argsort"),
    "around": _round,
    "broadcast_arrays": _variadic.broadcast_arrays,
    "einsum": _variadic.einsum,
    "iscomplexobj": _dtypes.iscomplexobj,
    "isrealobj": _dtypes.isrealobj,
    "meshgrid": _variadic.meshgrid,
    "ndim": lambda a: a.ndim,
    "result_type": _result_type,
    "round": _round,
    "shape": lambda a: a.shape,
    "size": _size,
    "sort": _sorting("sort"),
    "unique": _sets.unique,
    "unique_all": _sets.unique_all,
    "unique_counts": _sets.unique_counts,
    "unique_inverse": _sets.unique_inverse,
}
# Functions of numpy.linalg that are ops of the same name at the top level
_LINALG = ("matmul", "matrix_transpose", "tensordot", "vecdot")


def _function_table() -> dict[str, Callable[..., Any]]:
    modules = [name for name in _core.ops if "." in name]
    table = {f"numpy.{name}": getattr(_core, name.replace(".", "_")) for name in modules}
    table |= {f"numpy.{name}": _translated(name, text) for name, text in _SIGNATURES.items()}
    table |= {f"numpy.{name}": function for name, function in _FUNCTIONS.items()}
    table |= {f"numpy.linalg.{name}": getattr(_core, name) for name in _LINALG}
    return table | {"numpy.kron": _core.linalg_kron}


_table: dict[str, Callable[..., Any]] = {}


def _composition(numpy_function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The composition as a function with the signature of its counterpart in NumPy."""
    function = compositions.load(name)
    known = inspect.signature(function).parameters
    try:
        theirs = inspect.signature(numpy_function)
    except ValueError:  # written in C: no signature, and no keywords beyond ours
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = theirs.bind(*args, **kwargs)
        for key, value in list(bound.arguments.items()):
            default = theirs.parameters[key].default
            if key in known and value is not np._NoValue:
                continue
            if key not in known and value is not None and value is not default:
                raise TypeError(f"np.{name}: the argument {key}= is not supported for tensors")
            del bound.arguments[key]
        return function(*bound.args, **bound.kwargs)

    return call


def _find(func: Callable[..., Any]) -> Callable[..., Any]:
    """The counterpart of a function of NumPy's."""
    if not _table:
        _table.update(_function_table())
    name = f"{func.__module__}.{func.__name__}"
    if name not in _table:
        module, _, short = name.rpartition(".")
        if module != "numpy" or short not in compositions.HOMES:
            raise _no_counterpart(name.replace("numpy", "np", 1))
        _table[name] = _composition(func, short)
    return _table[name]


def array_function(
    self: Tensor,
    func: Callable[..., Any],
    types: Sequence[type],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """``Tensor.__array_function__``: what NumPy calls instead of ``func(*args, **kwargs)``."""
    if not all(issubclass(t, (Tensor, np.ndarray)) for t in types):
        return NotImplemented
    return _find(func)(*args, **kwargs)


def array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``Tensor.__array_ufunc__``: what NumPy calls instead of ``ufunc(*inputs, **kwargs)``."""
    name = ufunc.__name__
    known = _UFUNC_NAMES.get(name, name)
    known = ALIASES.get(known, known)
    if method == "__call__":
        op = operator.pos if known == "positive" else getattr(_core, known, None)
        if op is None:
            op = getattr(_core, f"special_{known}", None)
        if op is None:
            raise _no_counterpart(f"np.{name}" if hasattr(np, name) else f"the ufunc {name}")
        out = op(*inputs, **_supported(f"np.{name}", kwargs)) if kwargs else op(*inputs)
        return tuple(out) if ufunc.nout > 1 else out
    what = f"np.{name}.{method}"
    if method == "outer" and ufunc.nin == 2:
        kwargs = _supported(what, kwargs)
        x1, x2 = _core.asarray(inputs[0]), _core.asarray(inputs[1])
        return getattr(_core, known)(_core.reshape(x1, x1.shape + (1,) * x2.ndim), x2)
    if method == "reduce" and known in _REDUCTIONS:
        kwargs = _supported(what, kwargs, "axis", "keepdims", "dtype")
        return getattr(_core, _REDUCTIONS[known])(*inputs, **{"axis": 0, **kwargs})
    if method == "accumulate" and known in _ACCUMULATIONS:
        kwargs = _supported(what, kwargs, "axis")
        return getattr(_core, _ACCUMULATIONS[known])(*inputs, **{"axis": 0, **kwargs})
    raise _no_counterpart(what)


def _supported(name: str, kwargs: dict[str, Any], *allowed: str) -> dict[str, Any]:
    """The keywords that matter. Those not allowed must have their default values."""
    defaults = {"where": True, "initial": np._NoValue, "casting": "same_kind", "order": "K"}
    kept = {}
    for key, value in kwargs.items():
        if key in allowed:
            if value is not None or key == "axis":
                kept[key] = value
        elif value is not None and value is not defaults.get(key):
            hint = (
                ": a NumPy array cannot hold a tensor's graph; assign the result to a new name"
                if key == "out"
                else ""
            )
            raise TypeError(f"{name}: the argument {key}= is not supported for tensors{hint}")
    return kept
