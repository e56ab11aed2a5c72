"""Solutions of differential equations as differentiable functions of all that decides them.

>>> decay = lambda t, y, rate: -rate * y
>>> end = lambda rate: pa.integrate.solve_ivp(decay, (0.0, 1.0), [1.0], args=(rate,)).y[0, -1]
>>> end(2.0).item().__round__(3), pa.func.grad(end)(2.0).item().__round__(3)
(0.135, -0.135)
"""

from .._names import public_dir
from .._ported import lookup
from ._solve_ivp import Solution, solve_ivp

__all__ = ["Solution", "solve_ivp"]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
