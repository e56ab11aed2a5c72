"""Solutions of differential equations, and integrals, differentiable in all that decides them.

The names are SciPy's. What only decides how long the steps are is constant to derivatives.

>>> decay = lambda t, y, rate: -rate * y
>>> end = lambda rate: pa.integrate.solve_ivp(decay, (0.0, 1.0), [1.0], args=(rate,)).y[0, -1]
>>> end(2.0).item().__round__(3), pa.func.grad(end)(2.0).item().__round__(3)
(0.135, -0.135)
"""

from .._names import public_dir
from .._ported import lookup
from ._dense import OdeSolution
from ._quad import quad
from ._samples import cumulative_simpson, cumulative_trapezoid, simpson
from ._solve_ivp import Solution, solve_ivp

__all__ = [
    "OdeSolution",
    "Solution",
    "cumulative_simpson",
    "cumulative_trapezoid",
    "quad",
    "simpson",
    "solve_ivp",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
