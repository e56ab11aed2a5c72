"""Functions and methods of tensors that every program can call and that are Python over the ops.

Here are those that call an op under NumPy's conventions. What is a formula of several ops is in
:mod:`pyautograd.compositions`; those modules are imported when one of their functions is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import dtypes, extended, flat, methods, sets, variadic

_MODULES = (dtypes, extended, sets, variadic)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name) for module in _MODULES for name in module.__all__
}

__all__ = ["FUNCTIONS", "flat", "methods"]
