"""Exact derivatives of any order for NumPy-style Python.

Write a function with the array names you know and differentiate it either the recorded way, as
PyTorch does (``requires_grad``, ``backward``, ``grad``), or the functional way, as JAX does
(``func``), in any mixture and to any order.

>>> x = pa.tensor([3.0, 1.0], requires_grad=True)
>>> pa.sum(x**2).backward()
>>> x.grad.tolist()
[6.0, 2.0]
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from typing import Any

import numpy as np

if importlib.util.find_spec(f"{__name__}._core") is None:
    raise ImportError(
        f"[pyautograd] {__path__[0]} holds the sources, without the compiled core: run Python from "
        'another folder after "pip install .", or install with "pip install -e ."'
    )

from . import (
    _arrays,
    _bfloat16,
    _blas,
    _core,
    _numpy,
    compositions,
    func,
    tree,
)
from ._core import (
    EscapedTensorError,
    Tensor,
    asarray,
    device,
    from_dlpack,
    from_numpy,
    get_num_threads,
    set_num_threads,
    tensor,
)
from ._names import ALIASES
from ._version import __version__
from .autograd import backward, detect_anomaly, grad, set_detect_anomaly
from .derivatives import explain, hessian, hvp, jacobian, value_grad_hessian
from .function import Function, once_differentiable
from .grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

# An op of a module has a dot in its name: linalg.solve is _core.linalg_solve.
_OPS = {name: getattr(_core, name) for name in _core.ops if "." not in name}
_OPS |= _arrays.FUNCTIONS
_OPS |= {alias: _OPS[name] for alias, name in ALIASES.items()}
_DTYPES: dict[str, Any] = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_DTYPES["bfloat16"] = _bfloat16.bfloat16
_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None}
# Imported when first used: they are needed by few programs.
_MODULES = (
    "cuda",
    "fft",
    "implicit",
    "integrate",
    "interpolate",
    "linalg",
    "linop",
    "memory",
    "nn",
    "optim",
    "optimize",
    "plot",
    "policies",
    "random",
    "sparse",
    "special",
    "stats",
    "testing",
)
_INSPECTION = (
    *("__array_api_version__", "__array_namespace_info__", "broadcast_shapes", "can_cast"),
    *("finfo", "iinfo", "isdtype", "result_type"),
)
_NUMPY_INSPECTION = (
    *("common_type", "einsum_path", "may_share_memory", "min_scalar_type", "ndim", "shape"),
    *("shares_memory", "size"),
)
_DIFFERENTIAL = ("derivative", "divergence", "hessian_diagonal", "laplacian")
_FUNCTIONS = {"coverage": "_coverage", "load": "serialization", "save": "serialization"}
_FUNCTIONS |= {
    "captured": "_captured",
    "checkpoint": "checkpointing",
    "checkpoint_sequential": "checkpointing._sequential",
    "fused": "_fused",
    "memory_budget": "memory",
    "mgrid": "_arrays.grids",
    "name": "checkpointing",
    "ogrid": "_arrays.grids",
    "saved_tensors_hooks": "memory._hooks",
    "scan": "checkpointing._scan",
}
_FUNCTIONS |= dict.fromkeys(_DIFFERENTIAL, "differential")
_FUNCTIONS |= dict.fromkeys(_INSPECTION, "array_api")
_FUNCTIONS |= dict.fromkeys(_NUMPY_INSPECTION, "_arrays.inspection")
_FUNCTIONS |= {name: f"compositions.{module}" for name, module in compositions.HOMES.items()}

globals().update(_OPS | _DTYPES | _CONSTANTS)

__all__ = [
    "EscapedTensorError",
    "Function",
    "Tensor",
    "__version__",
    "asarray",
    "backward",
    "detect_anomaly",
    "device",
    "enable_grad",
    "explain",
    "from_dlpack",
    "from_numpy",
    "func",
    "get_num_threads",
    "grad",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_num_threads",
    "tensor",
    "tree",
    "value_grad_hessian",
]
__all__ += [*_OPS, *_DTYPES, *_CONSTANTS, *_MODULES, *_FUNCTIONS]


def _array_namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    """The module with the functions of the array API standard for tensors: ``pyautograd``."""
    from .array_api import check_version

    check_version(api_version)
    return sys.modules[__name__]


_core._set_type_attribute("__array_namespace__", _array_namespace)
_core._set_type_attribute("__array_function__", _numpy.protocol.array_function)
_core._set_type_attribute("__array_ufunc__", _numpy.protocol.array_ufunc)
_blas.choose()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in compositions.HOMES:
        return globals().setdefault(name, compositions.load(name))
    if name in _FUNCTIONS:
        module = importlib.import_module(f".{_FUNCTIONS[name]}", __name__)
        return globals().setdefault(name, getattr(module, name))
    from ._ported import advice_on

    # With name and obj, Python adds what looks similar where the error ends the program.
    raise AttributeError(
        f"module 'pyautograd' has no attribute {name!r}{advice_on(name)}",
        name=name,
        obj=sys.modules[__name__],
    )


def __dir__() -> list[str]:
    return sorted(__all__)
