"""Dense derivatives within a bound on memory: how many passes, of which width, over which parts."""

from __future__ import annotations

from ._explain import Explanation, explain
from ._hessian import hessian, value_grad_hessian
from ._jacobian import jacobian

__all__ = ["Explanation", "explain", "hessian", "jacobian", "value_grad_hessian"]
