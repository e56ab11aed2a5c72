"""SciPy's optimisers with exact derivatives and trees of tensors.

Functions are written with tensors; values, gradients, Hessians, and the Jacobians and Hessians of
constraints come from one recorded evaluation for each point. What SciPy's functions of the same
names do, these do; results are SciPy's with the solution as a tree and the exact Hessian. Needs
SciPy (``pip install 'pyautograd[scipy]'``).

>>> def rosenbrock(x):
...     return pa.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
>>> result = pa.optimize.minimize(rosenbrock, pa.tensor([-1.0, 2.0]))
>>> result.x.numpy().round(6), result.hessian.round(3)
(array([1., 1.]), array([[ 802., -400.],
       [-400.,  200.]]))
"""

from .._names import public_dir
from .._ported import lookup
from ._curve_fit import curve_fit
from ._minimize import minimize
from ._result import Result
from ._solve import least_squares, root

__all__ = ["Result", "curve_fit", "least_squares", "minimize", "root"]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
