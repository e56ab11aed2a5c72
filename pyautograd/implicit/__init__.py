"""Solutions of equations as differentiable functions of their parameters.

The solver runs without recording; what is differentiated is the equation at the solution, by the
implicit function theorem: from ``F(x, t) = 0`` follows ``dx/dt = -(dF/dx)^-1 dF/dt``. The rule is
written with differentiable functions of the solution itself, so it holds at every order, in both
modes and under ``vmap``, and costs nothing until it is used (B. Christianson, Reverse accumulation
and attractive fixed points, Optimization Methods and Software 3, 1994; A. Griewank, A. Walther,
Evaluating derivatives, 2008, chapter 15; M. Blondel et al., Efficient and modular implicit
differentiation, NeurIPS 2022). A derivative is as accurate as the solution it is taken at.

>>> def root(t):
...     return pa.implicit.root(lambda x, t: x**2 - t, 1.0, t)
>>> root(2.0).item(), pa.func.grad(root)(4.0).item(), pa.func.grad(pa.func.grad(root))(4.0).item()
(1.4142135623730951, 0.25, -0.03125)
"""

from .._names import public_dir
from ._solutions import argmin, fixed_point, root

__all__ = ["argmin", "fixed_point", "root"]

__dir__ = public_dir(__all__)
