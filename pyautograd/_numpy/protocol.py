"""NumPy functions on tensors: ``np.sin(t)``, ``np.sum(t)``, ``array @ t`` record.

NumPy hands a call that meets a tensor to the two functions at the end of this file. A function with
a counterpart among the ops runs that, with keywords translated; any other raises ``TypeError``
naming it, so a computation never leaves the graph unnoticed.

>>> t = pa.tensor([0.0, 1.0], requires_grad=True)
>>> np.add.reduce(np.array([1.0, 2.0]) * t).requires_grad
True
>>> np.packbits(t)
Traceback (most recent call last):
TypeError: np.packbits has no pyautograd counterpart: write it with other functions, ...
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _core, compositions
from .._core import Tensor
from .._names import ALIASES, no_counterpart

__all__: list[str] = []

# ufuncs whose op has a name that is neither NumPy's nor an alias of it; those that begin with an
# underscore are behind functions of SciPy's
_UFUNC_NAMES = {
    "expit": "sigmoid",
    "psi": "digamma",
    "_riemann_zeta": "zeta",
    "_zeta": "zeta",
}

# NumPy's parameters in order. "*a" goes to the op by position, "axis" by keyword, "@out" is applied
# to the result, and "~order" makes no difference to a tensor.
_SIGNATURES: dict[str, str] = {
    "argmax": "*a axis @out keepdims",
    "argmin": "*a axis @out keepdims",
    "argwhere": "*a",
    "array_split": "*ary *indices_or_sections axis",
    "argpartition": "*a *kth axis ~kind",
    "astype": "*x *dtype copy",
    "atleast_1d": "*array",
    "atleast_2d": "*array",
    "atleast_3d": "*array",
    "bincount": "*x weights minlength",
    "broadcast_to": "*array *shape ~subok",
    "clip": "*a *a_min *a_max @out min max",
    "concat": "*arrays axis @out @dtype @casting",
    "concatenate": "*arrays axis @out @dtype @casting",
    "convolve": "*a *v mode",
    "copy": "*a ~order ~subok",
    "correlate": "*a *v mode",
    "count_nonzero": "*a axis keepdims",
    "cumprod": "*a axis dtype @out",
    "cumsum": "*a axis dtype @out",
    "cumulative_prod": "*x axis dtype @out include_initial",
    "cumulative_sum": "*x axis dtype @out include_initial",
    "diagonal": "*a offset axis1 axis2",
    "digitize": "*x *bins right",
    "dot": "*a *b @out",
    "expand_dims": "*a axis",
    "fix": "*x @out",
    "flatnonzero": "*a",
    "flip": "*m axis",
    "hstack": "*tup @dtype @casting",
    "i0": "*x",
    "imag": "*val",
    "inner": "*a *b",
    "isin": "*element *test_elements ~assume_unique invert ~kind",
    "isneginf": "*x @out",
    "isposinf": "*x @out",
    "matrix_transpose": "*x",
    "moveaxis": "*a *source *destination",
    "nonzero": "*a",
    "outer": "*a *b @out",
    "partition": "*a *kth axis ~kind",
    "permute_dims": "*a axes",
    "real": "*val",
    "repeat": "*a *repeats axis",
    "roll": "*a *shift axis",
    "rot90": "*m k axes",
    "searchsorted": "*a *v side sorter",
    "split": "*ary *indices_or_sections axis",
    "squeeze": "*a axis",
    "stack": "*arrays axis @out @dtype @casting",
    "swapaxes": "*a *axis1 *axis2",
    "take_along_axis": "*arr *indices axis",
    "tensordot": "*a *b axes",
    "tile": "*A *reps",
    "trace": "*a offset axis1 axis2 dtype @out",
    "transpose": "*a axes",
    "tril": "*m k",
    "triu": "*m k",
    "unique_values": "*x",
    "unstack": "*x axis",
    "vstack": "*tup @dtype @casting",
    **{f"fft.{name}": "*a n axis norm @out" for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft.{name}": "*a n axis norm @out" for name in ("hfft", "ihfft")},
    **{f"fft.{name}n": "*a s axes norm @out" for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft.{name}2": "*a s axes norm @out" for name in ("fft", "ifft", "rfft", "irfft")},
    "fft.fftshift": "*x axes",
    "fft.ifftshift": "*x axes",
    **{f"linalg.{name}": "*a UPLO" for name in ("eigh", "eigvalsh")},
}


class _Parameter:
    __slots__ = ("mark", "name")

    def __init__(self, text: str) -> None:
        self.mark = text[0] if text[0] in "*~@" else ""
        self.name = text.removeprefix(self.mark)


def _translated(name: str, signature: str) -> Callable[..., Any]:
    """The op as a function with NumPy's signature."""
    from .arguments import cast, stored

    op = getattr(_core, ALIASES.get(name, name).replace(".", "_"))
    parameters = [_Parameter(text) for text in signature.split()]
    names = {p.name for p in parameters}

    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(parameters):
            raise TypeError(f"np.{name} takes at most {len(parameters)} arguments, got {len(args)}")
        given = {p.name: value for p, value in zip(parameters, args, strict=False)} | kwargs
        for key in given:
            if key not in names:
                raise TypeError(f"np.{name}: the argument {key}= is not supported for tensors")
        used = [p for p in parameters if p.name in given and p.mark in ("*", "")]
        positional = [given[p.name] for p in used if p.mark == "*"]
        result = op(*positional, **{p.name: given[p.name] for p in used if p.mark == ""})
        after = {p.name: given[p.name] for p in parameters if p.mark == "@" and p.name in given}
        if not after:
            return result
        casting = after.get("casting") or "same_kind"
        if after.get("dtype") is not None:
            result = cast(f"np.{name}", result, after["dtype"], casting)
        return stored(f"np.{name}", result, after.get("out"), casting)

    return call


# Modules whose functions may be compositions
_HOMES = ("numpy", "numpy.lib.stride_tricks")

# Functions of numpy.linalg that are ops of the same name at the top level
_LINALG = ("matmul", "matrix_transpose", "tensordot", "vecdot")


def _function_table() -> dict[str, Callable[..., Any]]:
    modules = [name for name in _core.ops if "." in name]
    table = {f"numpy.{name}": getattr(_core, name.replace(".", "_")) for name in modules}
    table |= {f"numpy.{name}": _translated(name, text) for name, text in _SIGNATURES.items()}
    from .functions import FUNCTIONS

    table |= {f"numpy.{name}": function for name, function in FUNCTIONS.items()}
    table |= {f"numpy.linalg.{name}": getattr(_core, name) for name in _LINALG}
    return table | {"numpy.kron": _core.linalg_kron}


_table: dict[str, Callable[..., Any]] = {}


def _composition(numpy_function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The composition as a function with the signature of its counterpart in NumPy."""
    from .arguments import stored

    function = compositions.load(name)
    known = inspect.signature(function).parameters
    try:
        theirs = inspect.signature(numpy_function)
    except ValueError:  # written in C: no signature, and no keywords beyond ours
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        bound = theirs.bind(*args, **kwargs)
        out = None if "out" in known else bound.arguments.pop("out", None)
        for key, value in list(bound.arguments.items()):
            default = theirs.parameters[key].default
            if key in known and value is not np._NoValue:
                continue
            if key not in known and value is not None and value is not default:
                raise TypeError(f"np.{name}: the argument {key}= is not supported for tensors")
            del bound.arguments[key]
        result = function(*bound.args, **bound.kwargs)
        return result if out is None else stored(f"np.{name}", result, out)

    return call


def _find(func: Callable[..., Any]) -> Callable[..., Any]:
    """The counterpart of a function of NumPy's."""
    if not _table:
        _table.update(_function_table())
    name = f"{func.__module__}.{func.__name__}"
    if name not in _table:
        module, _, short = name.rpartition(".")
        if module not in _HOMES or short not in compositions.HOMES:
            raise no_counterpart(name.replace("numpy", "np", 1))
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


def _lambertw(z: Any, k: Any, tol: Any) -> Tensor:
    """Of one branch. The tolerance is of no use: results are right to rounding."""
    try:
        branch = operator.index(k)
    except TypeError:
        raise TypeError(
            "[special.lambertw] k must be one int: call it for each branch, and stack"
        ) from None
    return _core.special_lambertw(z, branch)


# ufuncs that are no op under a name
_OPS: dict[str, Callable[..., Any]] = {"positive": operator.pos, "_lambertw": _lambertw}


def _composed(name: str) -> Callable[..., Any] | None:
    """A special function that is no op of its own."""
    from .. import special

    return getattr(special, name) if name in special.__all__ else None


def array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``Tensor.__array_ufunc__``: what NumPy calls instead of ``ufunc(*inputs, **kwargs)``."""
    name = ufunc.__name__
    known = _UFUNC_NAMES.get(name, name)
    known = ALIASES.get(known, known)
    if method == "__call__":
        op = _OPS.get(name) or getattr(_core, known, None)
        if op is None:
            op = getattr(_core, f"special_{known}", None) or _composed(known)
        if op is None:
            raise no_counterpart(f"np.{name}" if hasattr(np, name) else f"the ufunc {name}")
        if not kwargs:
            out = op(*inputs)
            return tuple(out) if ufunc.nout > 1 else out
        from .arguments import call_ufunc

        return call_ufunc(ufunc, op, inputs, **kwargs)
    from .ufuncs import METHODS

    if method not in METHODS:
        raise no_counterpart(f"np.{name}.{method}")
    return METHODS[method](ufunc, known, *inputs, **kwargs)
