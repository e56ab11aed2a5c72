"""Exact derivatives of any order for NumPy-style Python.

Write a function with the array names you know and differentiate it either the recorded way, as PyTorch
does (``requires_grad``, ``backward``, ``grad``), or the functional way, as JAX does (``func``), in any
mixture and to any order.

>>> x = pa.tensor([3.0, 1.0], requires_grad=True)
>>> pa.sum(x**2).backward()
>>> x.grad.tolist()
[6.0, 2.0]
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from . import _core, func, tree
from ._names import ALIASES
from .autograd import Function, backward, grad  # noqa: F401
from .derivatives import hessian, hvp, jacobian
from .grad_mode import enable_grad, no_grad, set_grad_enabled  # noqa: F401
